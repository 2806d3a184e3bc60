"""The stop: every child is asked to end, and PID 1 ends in time, whatever they do.

Owns the times of a stop and its exit code. Knows nothing of what the parts are that it closes. Runs in the supervisor's
loop.

Requests that run have half a second. Work in the background that the project has begun (threads, hooks at exit) has
GRACE_S, but never so long that an engine would kill everything first: ten seconds, by the default of docker and
compose. Who asks once more does not wait.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.logs.setup import Log
    from appliance.supervisor.failures import Failures
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

STOP_GRACE_S = 0.5  # for requests
WORK_S = 8.0  # for work in the background, at most
LAST_S = 1.0  # after that for what can't be killed: a process in the kernel, on a file system that has gone
_EXIT_CODES = {"SIGINT": 130, "SIGQUIT": 131, "SIGHUP": 129}


class Stopping:
    """One stop.

    Args:
        loop: the supervisor's.
        children: who is to end.
        log: where it is told.
        failures: takes what goes wrong meanwhile.
        close: closes each of the other parts.
        grace_s: GRACE_S.
    """

    def __init__(
        self, loop: Loop, children: Children, log: Log, failures: Failures, close: Sequence[Callable[[], object]],
        *, grace_s: float,
    ) -> None:  # fmt: skip
        self._loop = loop
        self._children = children
        self._log = log
        self._failures = failures
        self._close = close
        self._work_s = min(grace_s, WORK_S)
        self._began = 0.0
        self._hurried = False
        self.exit_code = 0

    @property
    def began(self) -> bool:
        """Whether it is under way."""
        return self._began > 0

    def begin(self, signal: str) -> None:
        """Ask everybody to end."""
        self._began = time.monotonic()
        self.exit_code = _EXIT_CODES.get(signal, 0)
        self._loop.call_later(STOP_GRACE_S + self._work_s + LAST_S, self._give_up)
        self._log.event("info", "appliance.stopping", signal=signal)
        for part in self._close:
            self._failures.guarded(part)
        for child in self._children.living():
            self._failures.guarded(partial(self._end, child))

    def _end(self, child: Handle) -> None:
        if child.drained:
            self.drained(child)
        elif child.ending:
            self._loop.call_later(STOP_GRACE_S, partial(self._children.kill, child))
        else:
            self._children.retire(child, STOP_GRACE_S, streams_s=STOP_GRACE_S)

    def drained(self, child: Handle) -> None:
        """It has no requests any more: what it does in the background may go on for a while."""
        self._children.leave(child, max(0.0, self._began + self._work_s - time.monotonic()))

    def hurry(self) -> None:
        """Asked once more: nobody waits for anything."""
        if not self._hurried:
            self._hurried = True
            for child in self._children.living():
                self._children.cut(child)

    def _give_up(self) -> None:
        left = self._children.living()
        self._log.event("error", "appliance.abandoned", count=len(left), names=[child.role for child in left])
        self._loop.stop()
