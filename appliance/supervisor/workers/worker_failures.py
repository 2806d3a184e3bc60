"""Report the failure of a worker to the lifecycle, with the page that shows it. Runs in the supervisor's loop.

``workers`` calls this module when no other attempt follows. A page about a death shows the last lines that the project
has written.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from appliance.supervisor import lifecycle_events
from appliance.supervisor.reporting import standin_pages
from appliance.supervisor.workers.crash_loops import CrashLoops

if TYPE_CHECKING:
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime

SETTLED_S = 1.0  # a worker that lives so long after it was ready has started well, even without a request
OUTPUT_LINES = 60  # of a worker's output that a page about its death shows
_REPORTED_FIELDS = {"file", "line", "type", "message", "action"}


class WorkerFailures:
    """The failures of one project's workers."""

    def __init__(self, runtime: Runtime) -> None:
        self._log = runtime.log
        self._lifecycle = runtime.lifecycle
        self._project = str(runtime.settings.project)
        self._boot_timeout_s = runtime.settings.boot_timeout_s
        self._crash_loops = CrashLoops()
        self._output: deque[str] = deque(maxlen=OUTPUT_LINES)

    def output_line(self, line: str) -> None:
        """Keep a line of the output of the project's side, for a page about a death."""
        self._output.append(line)

    def forget_output(self) -> None:
        """Forget the output: another worker is started."""
        self._output.clear()

    def raised(self, generation: int, report: dict[str, Any]) -> None:
        """Report an import that has raised, from the worker's own report."""
        fields = {key: value for key, value in report.items() if key in _REPORTED_FIELDS}
        self._log.event(
            "error", "worker.failed", role="worker", generation=generation, traceback=report.get("text", ""), **fields
        )
        self._lifecycle.on_event(lifecycle_events.WorkerFailed(generation, standin_pages.of_report(report)))

    def hangs(self, child: Handle, stacks: str) -> None:
        """Report an import that does not end."""
        page = standin_pages.of_timeout(self._boot_timeout_s, list(self._output), stacks, self._project)
        self._log.event(
            "error", "worker.failed", generation=child.generation, error=page["title"], action=page["action"]
        )
        self._lifecycle.on_event(lifecycle_events.WorkerFailed(child.generation, page))

    def death(self, child: Handle) -> lifecycle_events.WorkerDied:
        """Return the lifecycle's event for a worker that has ended without being asked to."""
        serving = child.ready_at is not None
        page = standin_pages.of_death(child.how(), list(self._output), self._project, serving=serving)
        settled = child.ready_at is not None and time.monotonic() - child.ready_at > SETTLED_S
        return lifecycle_events.WorkerDied(child.generation, page, served=settled or child.served)

    def died(self, how: str, death: lifecycle_events.WorkerDied) -> None:
        """Report a death, and a crash loop if there is one."""
        if (loop := self._crash_loops.died(how, time.monotonic())) is not None:
            self._log.event("error", "worker.looping", **loop)
        self._lifecycle.on_event(death)
