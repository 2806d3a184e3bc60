"""Stop the appliance: ask every child to end, and end PID 1 in time, whatever the children do.

Runs in the supervisor's loop.

Running requests have half a second. Background work of the project (threads, exit hooks) has GRACE_S, but less time
than an engine waits before it kills everything. Docker and compose wait ten seconds by default. A second signal ends
everything at once.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.signals import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.logs.log import Log
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.defects import Defects

STOP_GRACE_S = 0.5  # requests have this time
WORK_S = 8.0  # background work has at most this time
LAST_S = 1.0  # then PID 1 ends, whatever still runs: a process that waits in the kernel can't be killed
# The roles of the children that end last: two receive the log of the others, one answers probes.
LAST = frozenset({Role.RECORDER, Role.EXPORTER, Role.PROBES})


class Stopping:
    """Ends the children, and then the supervisor, in time.

    Args:
        loop: the supervisor's.
        children: the processes to end.
        log: takes the events.
        defects: reports the errors of the parts that are closed.
        grace_s: GRACE_S.
    """

    def __init__(self, loop: Loop, children: Children, log: Log, defects: Defects, *, grace_s: float) -> None:
        self._loop = loop
        self._children = children
        self._log = log
        self._defects = defects
        self._work_s = min(grace_s, WORK_S)
        self._began = 0.0
        self._forced = False
        self.exit_code = 0

    @property
    def began(self) -> bool:
        """Whether the stop is under way."""
        return self._began > 0

    def begin(self, signal: str, parts: Sequence[Callable[[], object]] = ()) -> None:
        """Close the other parts, each by its function, and ask every child to end."""
        self._began = time.monotonic()
        self.exit_code = EXIT_CODES.get(signal, 0)
        self._loop.call_later(STOP_GRACE_S + self._work_s + LAST_S, self._give_up)
        self._log.event("info", "appliance.stopping", signal=signal)
        for close in parts:
            self._defects.guarded(close)
        for child in self._children.living():
            if child.role not in LAST:
                self._defects.guarded(partial(self._end, child))

    def _end(self, child: Handle) -> None:
        # A companion was asked to end already, and may finish its work.
        if child.drained or child.role is Role.COMPANION:
            self.limit_background_work(child)
        elif child.ending:
            self._loop.call_later(STOP_GRACE_S, partial(self._children.kill, child))
        else:
            self._children.retire(child, STOP_GRACE_S, streams_s=STOP_GRACE_S)

    def limit_background_work(self, child: Handle) -> None:
        """Let a child that has no more requests finish its background work, for the rest of its time."""
        self._children.set_deadline(child, max(0.0, self._began + self._work_s - time.monotonic()))

    def force(self, signal: str) -> None:
        """End everything at once: a second signal came.

        SIGHUP does not count: if a terminal is closed, the kernel sends it, and the shell passes it on once more.
        """
        if not self._forced and signal != "SIGHUP":
            self._forced = True
            for child in self._children.living():
                self._children.terminate(child)

    def _give_up(self) -> None:
        left = self._children.living()
        self._log.event("error", "appliance.abandoned", count=len(left), names=[child.role for child in left])
        self._loop.stop()
