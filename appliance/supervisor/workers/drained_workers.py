"""Let workers that have drained finish their background work, a few at a time.

Runs in the supervisor's loop.

A worker that has drained may finish its threads and exit hooks beside the new worker, until its grace period is over.
Then it reports the work that still runs (``worker/ending/background_work``), and is ended. A scheduler that never ends
by itself is asked to end when the drain begins. With fast saves there could be many such workers: if there are more
than a few, the oldest is ended.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.protocol.messages import ReportBackgroundWork

if TYPE_CHECKING:
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

REPORT_S = 1.0  # background work that ends sooner is not worth a log line
SHORT_GRACE_S = 1.0  # for a worker whose address the new worker waits for
MOST = 3  # drained workers at a time; of more, the oldest is ended


class DrainedWorkers:
    """The old workers that have drained and still run."""

    def __init__(self, loop: Loop, children: Children) -> None:
        self._loop = loop
        self._children = children
        self._drained: list[Handle] = []

    def add(self, child: Handle) -> None:
        """Add a worker that has no more requests. Keep its deadline."""
        child.mark_drained()
        living = self._children.living()
        self._drained = [each for each in self._drained if each in living]
        self._drained.append(child)
        self._loop.call_later(REPORT_S, partial(self._request_report, child))
        for each in self._drained[:-MOST]:
            self._children.terminate(each)

    def _request_report(self, child: Handle) -> None:
        self._children.send(child, ReportBackgroundWork())

    def shorten_deadlines(self) -> None:
        """End the drained workers soon: the new worker needs an address that one of them holds."""
        for child in self._drained:
            self._children.set_deadline(child, SHORT_GRACE_S)
