"""Watch a worker that imports the project: it may have an endless import and serve anyway, or it may hang.

Runs in the supervisor's loop.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from appliance.protocol.messages import ServeUnfinishedImport
from appliance.supervisor.processes.children import RECHECK_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.stack_dumps import StackDumps

UNFINISHED_S = 0.7  # of an import, before the worker is asked to serve if it is endless; then again and again


class ImportWatch:
    """Watches the newest worker.

    Args:
        loop: the supervisor's.
        children: the processes.
        stacks: reads the stacks of a worker that hangs.
        timeout_s: BOOT_TIMEOUT_S.
        no_timeout: whether no timeout applies to a worker.
        hangs: called with a worker that is not ready in time, and its stacks.
    """

    def __init__(
        self,
        loop: Loop,
        children: Children,
        stacks: StackDumps,
        *,
        timeout_s: float,
        no_timeout: Callable[[Handle], bool],
        hangs: Callable[[Handle, str], None],
    ) -> None:
        self._loop = loop
        self._children = children
        self._stacks = stacks
        self._timeout_s = timeout_s
        self._no_timeout = no_timeout
        self._hangs = hangs
        self._timer: Timer | None = None

    def begin(self, child: Handle) -> None:
        """Watch this worker instead of the one before."""
        self.end()
        self._timer = self._loop.call_later(self._timeout_s, partial(self._timed_out, child))
        self._loop.call_later(UNFINISHED_S, partial(self._serve_unfinished, child))

    def end(self) -> None:
        """End the watch: the worker is ready, or another one is started."""
        if self._timer is not None:
            self._timer.cancel()

    def _serve_unfinished(self, child: Handle) -> None:
        """Ask a worker again and again, while it imports, to serve the application if the import never ends."""
        if _imports(child) and self._children.send(child, ServeUnfinishedImport()):
            self._loop.call_later(UNFINISHED_S, partial(self._serve_unfinished, child))

    def _timed_out(self, child: Handle) -> None:
        # While the log is full nothing is read: the worker waits for its output, or is ready, and its message waits.
        left_s = self._children.last_unread + self._timeout_s - time.monotonic()
        if self._no_timeout(child) or left_s > 0:
            self._timer = self._loop.call_later(max(RECHECK_S, left_s), partial(self._timed_out, child))
        elif _imports(child):
            self._stacks.ask(child, partial(self._hung, child))

    def _hung(self, child: Handle, stacks: str) -> None:
        if _imports(child):
            self._hangs(child, stacks)


def _imports(child: Handle) -> bool:
    return child.ready_at is None and not child.ending
