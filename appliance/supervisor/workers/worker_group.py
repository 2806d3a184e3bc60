"""The workers with their parts: the workers that drain, and the watch over their progress.

Performs the lifecycle's actions on workers, and takes the workers' reports. Runs in the supervisor's loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.environment.environment_use import EnvironmentUse
from appliance.protocol import messages
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.steps.analysis import require_analysis
from appliance.supervisor.workers.drained_workers import DrainedWorkers
from appliance.supervisor.workers.failed_imports import FailedImports
from appliance.supervisor.workers.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.lifecycle_runner import Performers
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.reporting.reports import Reports
    from appliance.supervisor.runtime import Handlers, Runtime
    from appliance.supervisor.saves.held_failures import Hold
    from appliance.supervisor.saves.reload_trigger import ReloadTrigger
    from appliance.supervisor.steps.steps import Steps
    from appliance.supervisor.workers.standstill import Standstill
    from appliance.supervisor.workers.worker_sources import ImportedAhead


class WorkerGroup:
    """The workers of one project.

    Args:
        runtime: the supervisor's.
        spawner: starts workers.
        steps: knows the project as it was analysed and installed.
        reload_trigger: watches the files that a worker reports.
        reports: takes the reloads, failures and deaths of the workers.
        preloading: has the packages imported.
        imported_ahead: has the project imported.
        no_timeout: whether no timeout applies to this worker, because a debugger has stopped it.
        standstill: knows whether the worker makes progress.
        hold: holds a failure back while files still arrive.
    """

    def __init__(
        self,
        runtime: Runtime,
        spawner: Spawner,
        steps: Steps,
        reload_trigger: ReloadTrigger,
        *,
        reports: Reports,
        preloading: Preloading,
        imported_ahead: ImportedAhead,
        no_timeout: Callable[[Handle], bool],
        standstill: Standstill,
        hold: Hold,
    ) -> None:
        self._loop = runtime.loop
        self._log = runtime.log
        self._lifecycle = runtime.lifecycle
        self._steps = steps
        self._reload_trigger = reload_trigger
        self._use = EnvironmentUse()
        self.preloading = preloading
        self._imported_ahead = imported_ahead
        self._drained_workers = DrainedWorkers(runtime.loop, runtime.children)
        self.workers = Workers(
            runtime, spawner, preloading, reports, imported_ahead=imported_ahead,
            drained_workers=self._drained_workers, no_timeout=no_timeout,
        )  # fmt: skip
        self.standstill = standstill
        self._failed_imports = FailedImports(self.workers, steps, reload_trigger, runtime.lifecycle, hold)

    def performers(self) -> Performers:
        """Return the function for each action but Boot, which concerns more than workers."""
        return {
            lifecycle_events.Retire: lambda action: self.workers.retire(action.generation),
            lifecycle_events.Kill: lambda action: self.workers.kill(action.generation),
            lifecycle_events.RetryLater: self._retry_later,
        }

    def handlers(self) -> Handlers:
        """Return the function for each message."""
        return {
            messages.Ready: lambda child, message, _: self._ready(child, message),
            messages.StoppedAccepting: lambda child, _, __: self.workers.stopped_accepting(child),
            messages.Failed: lambda child, message, _: self._failed(child, message),
            messages.ForkMismatch: lambda child, message, _: self.workers.fork_mismatch(child, message),
            messages.ModulesReport: lambda child, message, _: self._modules_reported(child, message),
            messages.FilesReport: lambda child, message, _: self._files_reported(child, message),
            messages.Preloaded: lambda child, message, _: self.preloading.preloaded(child, message),
        }

    def ends(self) -> dict[str, Callable[[Handle], object]]:
        """Return the function for the end of each of these children, by role."""
        return {
            Role.WORKER: self.workers.ended,
            Role.PRELOADER: self.preloading.ended,
            Role.SPARE: self._spare_ended,
            Role.SNAPSHOT: self._imported_ahead.ended,
        }

    def _spare_ended(self, child: Handle) -> None:
        self.preloading.ended(child)
        self._imported_ahead.ended(child)

    def serving(self) -> Handle | None:
        """Return the worker that serves the last reported save; None if no worker does."""
        worker = self.workers.current
        is_serving = self._lifecycle.state.phase is Phase.SERVING and worker is not None and worker.ready_at is not None
        return worker if is_serving and worker is not None and not worker.ending else None

    def drained(self, child: Handle) -> None:
        """Let a worker that has no more requests finish its background work."""
        self._drained_workers.add(child)
        if self.workers.awaits_address:
            self._drained_workers.shorten_deadlines()

    def boot(self, action: lifecycle_events.Boot) -> None:
        """Start the worker of a generation."""
        analysis = require_analysis(self._steps.analysis, "a worker is started")
        self._use.hold(analysis.plan.environment)
        self.workers.boot(action.generation, analysis)

    def _retry_later(self, action: lifecycle_events.RetryLater) -> None:
        self._log.event("warning", "worker.restarting", generation=action.generation, after_s=action.after_s)
        self._loop.call_later(
            action.after_s, partial(self._lifecycle.on_event, lifecycle_events.RetryDue(action.generation))
        )

    def _ready(self, child: Handle, message: messages.Ready) -> None:
        if child.role is Role.WORKER:
            self.workers.ready(child, message)
        else:
            child.became_ready()

    def _failed(self, child: Handle, message: messages.Failed) -> None:
        if child.role is Role.WORKER:
            self._failed_imports.handle(child, message)
        else:
            self._imported_ahead.import_failed(child, f"its import fails: {message.report.get('message', '')}")

    def _files_reported(self, child: Handle, message: messages.FilesReport) -> None:
        whole = self._imported_ahead.files_reported(child, message)
        if child.role is Role.WORKER:
            self._reload_trigger.loaded(child, whole)

    def _modules_reported(self, child: Handle, message: messages.ModulesReport) -> None:
        self._reload_trigger.templates(message.templates)
        self.workers.modules_reported(child, message)
