"""Start the workers, one for each generation, wait for them, end them, and report those that serve.

Decides nothing over time. Each thing that happens to a worker becomes an event of ``retry_states``, and the actions of
that table are performed here. A failure that no further attempt can explain becomes an event of ``lifecycle``. Runs in
the supervisor's loop.
"""

from __future__ import annotations

import errno
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.protocol.messages import ReportModules, StartAccepting
from appliance.supervisor import lifecycle_events
from appliance.supervisor.processes.child_forks import FORK_ANSWER_S
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.steps.analysis import require_analysis
from appliance.supervisor.workers import retry_states
from appliance.supervisor.workers import worker_events as events
from appliance.supervisor.workers.import_watch import ImportWatch
from appliance.supervisor.workers.reload_timeline import Save
from appliance.supervisor.workers.worker_failures import WorkerFailures
from appliance.supervisor.workers.worker_sources import WorkerSources

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.protocol.messages import Failed, ForkMismatch, ModulesReport, Ready
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.reporting.reports import Reports
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.drained_workers import DrainedWorkers
    from appliance.supervisor.workers.worker_sources import ImportedAhead

REPORT_MODULES_S = (1.0, 15.0)  # after a worker is ready: its requests import more
LEAVING_S = 1.0  # for a worker to leave the listening socket; if it can't in this time, it answers nothing either
END_PAUSE_S = 0.25  # before an old worker frees its memory: usually the next worker has answered by then
SUPERSEDED_S = 0.25  # for a superseded worker to report what it has loaded
_ADDRESS_IN_USE = f"[Errno {errno.EADDRINUSE}]"


class Workers:
    """Starts workers and ends them; at most one is the current.

    Args:
        runtime: the supervisor's.
        spawner: starts a worker that is not forked.
        preloading: forks workers.
        imported_ahead: forks workers that have the project imported.
        reports: has the address, the history and the stacks.
        drained_workers: those that still have background work.
        no_timeout: whether no timeout applies to this worker, because a debugger has stopped it.
    """

    def __init__(
        self,
        runtime: Runtime,
        spawner: Spawner,
        preloading: Preloading,
        reports: Reports,
        *,
        imported_ahead: ImportedAhead,
        drained_workers: DrainedWorkers,
        no_timeout: Callable[[Handle], bool],
    ) -> None:
        self._loop = runtime.loop
        self._children = runtime.children
        self._settings = runtime.settings
        self._log = runtime.log
        self._lifecycle = runtime.lifecycle
        self._preloading = preloading
        self._imported_ahead = imported_ahead
        self._sources = WorkerSources(imported_ahead, preloading, spawner)
        self._reason = ""  # why the newest worker does not come from a faster source
        url = reports.address.url
        self._url: dict[str, Any] = {} if url is None else {"url": url}
        self._history = reports.history
        self._drained_workers = drained_workers
        self._no_timeout = no_timeout
        self._failures = WorkerFailures(runtime)
        self.output_line = self._failures.output_line
        self._import_watch = ImportWatch(
            self._loop, self._children, reports.stacks,
            timeout_s=self._settings.boot_timeout_s, no_timeout=no_timeout, hangs=self._failures.hangs,
        )  # fmt: skip
        self._save: Save | None = None
        self._analysis: Analysis | None = None  # the project as the last worker was started
        self._state = retry_states.State()
        self._performers = self._actions()
        self.current: Handle | None = None

    def _actions(self) -> dict[type[events.Action], Callable[[Any], None]]:
        return {
            events.Start: self._start,
            events.ExpectEnd: self._expect_end,
            events.Accept: self._accept,
            events.RefusePreload: lambda action: self._preloading.refuse(action.why),
            events.DropSource: self._drop_source,
            events.ReportDeclined: self._report_declined,
            events.AwaitAddress: self._await_address,
            events.ReportFailure: self._report_failure,
            events.ReportDeath: self._report_death,
            events.Drain: self._drain,
            events.Supersede: self._supersede,
            events.AskModules: self._ask_modules,
            events.Kill: self._kill,
        }

    def _on(self, event: events.Event) -> None:
        self._state, actions = retry_states.step(self._state, event)
        state_table.perform(self._performers, actions)

    def _worker(self, attempt: int) -> Handle | None:
        """Return the process of this attempt; it may have ended while its last messages are being read."""
        if self.current is not None and self.current.attempt == attempt:
            return self.current
        return next((each for each in self._living() if each.attempt == attempt), None)

    def _living(self) -> list[Handle]:
        return [each for each in self._children.living() if each.role is Role.WORKER]

    @property
    def awaits_address(self) -> bool:
        """Whether the next worker waits for an address that an old one holds."""
        return self._state.stage is retry_states.Stage.ADDRESS_IN_USE

    # -- what the lifecycle asks for ----------------------------------------------------------------------------------

    def saved(self, noticed_at: float | None = None) -> None:
        """A save was reported: the next ready worker serves it. ``noticed_at``: its first file event (monotonic)."""
        now = time.monotonic()
        self._save = Save(now, None if noticed_at is None else now - noticed_at)
        if noticed_at is None:
            self._imported_ahead.drop("somebody has asked for a reload")
        self._imported_ahead.worker_wanted()
        self._on(events.CodeSaved())

    def replace(self) -> None:
        """Start another worker instead of one whose swap differs from an import of the same files."""
        self._log.event("info", "reload.started", reason="a swap differs from an import")
        self._save = Save(time.monotonic(), None)
        self._lifecycle.on_event(lifecycle_events.CodeChanged())

    def boot(self, generation: int, analysis: Analysis) -> None:
        """Start this generation of the project, from the fastest source."""
        self._analysis = analysis
        self._imported_ahead.follow(analysis)
        self._preloading.follow_analysis(analysis)
        self._on(events.BootRequested(generation, self._modules_needed()))

    def retire(self, generation: int) -> None:
        """Let this generation finish its requests, and end; end it at once while it imports."""
        self._on(events.RetireRequested(generation, self._modules_needed()))

    def kill(self, generation: int) -> None:
        """End this generation now."""
        self._on(events.KillRequested(generation))

    def close(self) -> None:
        """Start no worker any more."""
        self._on(events.StopRequested())

    # -- what the workers do -------------------------------------------------------------------------------------------

    def ready(self, child: Handle, message: Ready) -> None:
        """The worker has imported the application; a superseded one never accepts."""
        if not child.ending:
            self._on(events.Imported(child.attempt, message))

    def stopped_accepting(self, child: Handle) -> None:
        """The worker has left the listening socket: from now on the next worker answers."""
        self._on(events.StoppedAccepting(child.attempt))

    def modules_reported(self, child: Handle, message: ModulesReport) -> None:
        """Take a worker's report of the modules that it has loaded."""
        known, analysis = child.analysis, self._analysis
        self._on(events.ModulesReportOver(child.attempt))
        if known is None or analysis is None:
            return
        if known is analysis or (known.plan, known.variables) == (analysis.plan, analysis.variables):
            self._preloading.modules_reported(message, analysis)

    def fork_mismatch(self, child: Handle, message: ForkMismatch) -> None:
        """Take a worker's report that its preloaded modules do not fit the project; that worker never serves."""
        self._log.event("info", "preload.unfit", generation=child.generation, reason=message.why)
        self._preloading.fork_mismatch(message)
        if not child.ending:
            doubt = "" if message.modules or message.stale else message.why
            self._on(events.ForkMismatched(child.attempt, doubt))

    def source_declined(self, child: Handle, why: str, path: str) -> None:
        """Take a worker's report that it can't serve the save with what its source has imported; it never serves."""
        if not child.ending:
            self._on(events.SourceDeclined(child.attempt, why, path))

    def import_failed(self, child: Handle, message: Failed) -> None:
        """The worker's import of the application raised. Ignore it if the worker is being ended."""
        if not child.ending:
            self._on(events.ImportFailed(child.attempt, message.report, address_in_use=_address_in_use(message)))

    def may_be_outdated(self, child: Handle, message: Failed) -> bool:
        """Whether another analysis of the project may explain this failure; it can't explain an address in use."""
        newest = child.attempt == self._state.attempt and self._state.stage is retry_states.Stage.IMPORTING
        return newest and not child.ending and not _address_in_use(message)

    def ended(self, child: Handle) -> None:
        """The worker's process has ended."""
        self._on(events.Ended(child.attempt))
        if not child.pid and not child.ending:
            self._on(events.ForkLost(child.attempt))
            return
        if child is self.current:
            self.current = None
        self._check_old_workers()
        expected = child.ending or child.reported
        # Another worker serves the save, and the source's own event says what has happened.
        level = "debug" if expected or (child.source in events.AHEAD and child.ready_at is None) else "error"
        self._log.event(level, "worker.exited", generation=child.generation, pid=child.pid, how=child.how())
        if expected:
            return
        self._on(events.Died(child.attempt, child.how(), self._failures.death(child)))

    def _check_old_workers(self) -> None:
        if self.awaits_address and all(each.attempt == self._state.attempt for each in self._living()):
            self._on(events.OldWorkersGone())

    # -- the actions ---------------------------------------------------------------------------------------------------

    def _start(self, action: events.Start) -> None:
        try:
            self._start_worker(action)
        except Exception as error:  # noqa: BLE001  the lifecycle must not wait for this attempt, and an old worker drains
            self._on(events.StartFailed(action.attempt))
            self._lifecycle.action_failed(lifecycle_events.Boot(action.generation), error)

    def _start_worker(self, action: events.Start) -> None:
        analysis, generation = require_analysis(self._analysis, "a worker is started"), action.generation
        self._failures.forget_output()
        self._import_watch.end()
        child, source, self._reason = self._sources.process(action, analysis, self._reason)
        self.current = child
        child.assign_attempt(action.attempt, analysis, source)
        self._on(events.Started(action.attempt, source))
        self._imported_ahead.worker_started(child, source)
        self._import_watch.begin(child)
        if source in events.AHEAD:
            self._loop.call_later(FORK_ANSWER_S, partial(self._check_answer, child, events.RULES[source]))
        self._log.event("debug", "worker.started", generation=generation, pid=child.pid, forked=child.is_forked)

    def _check_answer(self, child: Handle, rules: events.Rules) -> None:
        said_hello = bool(child.pid)
        if not (rules.imports and said_hello):
            self._on(events.SourceTimedOut(child.attempt))

    def _drop_source(self, action: events.DropSource) -> None:
        self._reason = action.how
        self._imported_ahead.drop_source(action.source, action.how)

    def _report_declined(self, action: events.ReportDeclined) -> None:
        self._reason = self._imported_ahead.declined(action.source, action.why, action.path)

    def _expect_end(self, action: events.ExpectEnd) -> None:
        if (worker := self._worker(action.attempt)) is not None:
            worker.explained()

    def _accept(self, action: events.Accept) -> None:
        child, message = self._worker(action.attempt), action.ready
        if child is None or child.ending:
            return
        self._children.send(child, StartAccepting())
        if not child.is_forked:
            self._request_modules(child)
        total_s = round(child.became_ready() - child.started, 4)
        if child is self.current:
            self._import_watch.end()
        # The event comes after the action: a client that reads the line must not get the stand-in's page.
        self._lifecycle.on_event(lifecycle_events.WorkerReady(child.generation))
        self._log.event(
            "info", "worker.ready", generation=child.generation, pid=child.pid, python=child.python,
            application=message.application, import_s=message.import_s, total_s=total_s, **self._url,
        )  # fmt: skip
        for after_s in REPORT_MODULES_S:
            self._loop.call_later(after_s, partial(self._request_modules_later, child))
        self._preloading.ready()
        self._imported_ahead.worker_ready()
        if self._save is not None:
            # If nothing is imported ahead, the reason for that is not interesting.
            reason = self._reason if self._imported_ahead.is_on or not child.is_forked else ""
            timeline = self._save.timeline(child, message, reason)
            self._log.event("info", "reload.finished", generation=child.generation, **timeline)
            self._history.reloaded(child.generation, timeline)
            self._save = None

    def _await_address(self, _action: events.AwaitAddress) -> None:
        self._log.event("info", "worker.waiting", generation=self._state.generation)
        self._drained_workers.shorten_deadlines()
        self._check_old_workers()

    def _report_failure(self, action: events.ReportFailure) -> None:
        self._imported_ahead.worker_gone()
        self._failures.raised(self._state.generation, action.report)

    def _report_death(self, action: events.ReportDeath) -> None:
        self._imported_ahead.worker_gone()
        self._failures.died(action.how, action.death)

    def _drain(self, action: events.Drain) -> None:
        if (worker := self._worker(action.attempt)) is None:
            self._on(events.Ended(action.attempt))
            return
        # First, so that the next worker does not wait forever if the rest fails.
        self._loop.call_later(LEAVING_S, partial(self.stopped_accepting, worker))
        grace_s, no_timeout = self._settings.grace_s, self._no_timeout
        try:
            self._children.retire(worker, grace_s, no_timeout=no_timeout, streams_s=grace_s, pause_s=END_PAUSE_S)
        except OSError as error:  # the kernel has no memory for the message: the worker would serve old code forever
            self._children.kill(worker)
            self._lifecycle.action_failed(lifecycle_events.Retire(worker.generation), error)

    def _supersede(self, action: events.Supersede) -> None:
        if (worker := self._worker(action.attempt)) is not None:
            self._children.kill(worker)

    def _ask_modules(self, action: events.AskModules) -> None:
        if (worker := self._worker(action.attempt)) is None:
            self._on(events.Ended(action.attempt))
            return
        report_over = partial(self._on, events.ModulesReportOver(action.attempt))
        if self._request_modules(worker):
            self._children.expect_end(worker)
            self._loop.call_later(SUPERSEDED_S, report_over)
        else:
            report_over()

    def _kill(self, action: events.Kill) -> None:
        for worker in self._living():
            if worker.generation == action.generation:
                self._children.kill(worker)

    # -- the modules that a worker has loaded --------------------------------------------------------------------------

    def _modules_needed(self) -> bool:
        """Whether the preloader knows nothing of the project, and the newest worker was started from its newest state.

        An older worker may have loaded modules that are out of date.
        """
        analysis, newest = self._analysis, self._worker(self._state.attempt)
        if analysis is None or newest is None or newest.analysis is not analysis:
            return False
        return self._preloading.needs_module_list()

    def _request_modules_later(self, child: Handle) -> None:
        if not child.ending:
            self._children.send(child, ReportModules())

    def _request_modules(self, child: Handle) -> bool:
        """Ask the worker for its modules at once, because the next save may come at any time."""
        return self._children.send(child, ReportModules(quiet=False))


def _address_in_use(message: Failed) -> bool:
    return _ADDRESS_IN_USE in str(message.report.get("message", ""))
