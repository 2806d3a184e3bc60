"""Collect the answers of the status socket from the parts of the supervisor. Runs in the supervisor's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.supervisor.debugger.debug_port import DebugPort
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.reporting.run_history import Snapshot, StatusReport
    from appliance.supervisor.reporting.stack_dumps import StackDumps
    from appliance.supervisor.reporting.status_socket import Answerer
    from appliance.supervisor.workers.progress import Progress
    from appliance.supervisor.workers.reload_trigger import ReloadTrigger
    from appliance.supervisor.workers.workers import Workers


class Answers:
    """Answers ``status`` and ``stacks``."""

    def __init__(
        self,
        status_report: StatusReport,
        snapshot: Callable[[], Snapshot],
        *,
        workers: Workers,
        reload_trigger: ReloadTrigger,
        preloading: Preloading,
        debug_port: DebugPort,
        progress: Progress,
        stacks: StackDumps,
    ) -> None:
        self._status_report = status_report
        self._snapshot = snapshot
        self._workers = workers
        self._reload_trigger = reload_trigger
        self._preloading = preloading
        self._debug_port = debug_port
        self._progress = progress
        self._stacks = stacks

    def answerers(self) -> Mapping[str, Answerer]:
        """Return a function for each question."""
        return {"status": lambda callback: callback(self.status()), "stacks": self._send_stacks}

    def status(self) -> dict[str, Any]:
        """Return the answer for ``appliance status`` and the health check."""
        self._progress.asked()
        return {
            **self._status_report.status(self._snapshot(), self._progress.stuck),
            "watching": self._reload_trigger.status(),
            "preload": self._preloading.status(),
            "debugger": self._debug_port.status(),
        }

    def _send_stacks(self, callback: Callable[[dict[str, Any]], None]) -> None:
        worker = self._workers.current
        if worker is None:
            callback({"pid": None, "stacks": ""})
        else:
            self._stacks.ask(worker, lambda text: callback({"pid": worker.pid, "stacks": text}))
