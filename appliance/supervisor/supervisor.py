"""Run PID 1: perform what the lifecycle decides.

What happens becomes an event of ``lifecycle``; each action of its table has a method here.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.environment.upkeep import Use
from appliance.errors import ApplianceError
from appliance.protocol import channel, messages
from appliance.protocol.page_messages import Importing
from appliance.supervisor import lifecycle, lifecycle_events, signals
from appliance.supervisor.address import Address
from appliance.supervisor.debugger.debug_port import DebugPort
from appliance.supervisor.failures import Failures
from appliance.supervisor.loop import Loop
from appliance.supervisor.preloading.preloading import Preloading
from appliance.supervisor.processes.children import Children
from appliance.supervisor.processes.reaper import adopt_orphans
from appliance.supervisor.processes.spawn import Spawner
from appliance.supervisor.remedy_board import RemedyBoard
from appliance.supervisor.reporting import stack_dumps, standin_pages
from appliance.supervisor.reporting.last_answer import LastAnswer
from appliance.supervisor.reporting.log_ingest import LogIngest
from appliance.supervisor.reporting.page_facts import PageFacts
from appliance.supervisor.reporting.progress_page import ProgressPage
from appliance.supervisor.reporting.run_history import RunHistory
from appliance.supervisor.reporting.status_json import Snapshot, StatusAnswers
from appliance.supervisor.reporting.status_socket import StatusSocket
from appliance.supervisor.steps import before_start, remedy_run
from appliance.supervisor.steps.analysis import Analysis, Analyst, log_changes
from appliance.supervisor.steps.before_start import BeforeStart
from appliance.supervisor.steps.installation import Installation
from appliance.supervisor.steps.reanalysis import Reanalysis
from appliance.supervisor.stopping import Stopping
from appliance.supervisor.terminal.keys import Keys
from appliance.supervisor.workers.connection_router import ConnectionRouter
from appliance.supervisor.workers.drained_workers import DrainedWorkers
from appliance.supervisor.workers.failed_imports import FailedImports
from appliance.supervisor.workers.progress import Progress
from appliance.supervisor.workers.reload_trigger import ReloadTrigger
from appliance.supervisor.workers.workers import Workers
from appliance.watch.kinds import Kind

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from appliance.config.certificate import Certificate
    from appliance.config.env import Environment
    from appliance.config.settings import Settings
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.logs.setup import Log
    from appliance.logs.writer import Writer
    from appliance.protocol.message_base import Message
    from appliance.supervisor.processes.handles import Handle
    from appliance.watch.watcher import Changes


class Supervisor:
    """One project, from its first analysis to the stop."""

    def __init__(
        self,
        settings: Settings,
        process: Mapping[str, str],
        flags: Sequence[str],
        *,
        listener: socket.socket,
        certificate: Certificate | None,
        log: Log,
        writer: Writer,
        environment: Environment | None = None,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._certificate = certificate
        self._log = log
        self._writer = writer
        self._loop = Loop(lambda error: self._failures.report(error))  # noqa: PLW0108  it is made next, of the loop
        log.attach(self._loop.call_later)
        self._failures = Failures(log, self._loop, self.on_event)
        self._children = Children(self._loop, self)
        self._reload_trigger = ReloadTrigger(
            settings, self._loop, log, page_facts=PageFacts(settings, self._loop.post, self._children),
            changed=self._changed, assets=self._assets_saved, phase=lambda: self._state.phase,
        )  # fmt: skip
        self._spawner = Spawner(self._children, settings, process, listener, certificate, self._reload_trigger)
        last_answer = LastAnswer(self._loop, listener, secure=certificate is not None)
        self._router = ConnectionRouter(
            self._loop, self._children, lambda: self._remedies.start_standin(self._spawner), last_answer, log
        )
        self._reanalysis = Reanalysis(self._loop, Analyst(settings, process, log, self._loop.post, environment))
        self._use = Use()
        self._page = ProgressPage(self._loop, self._router.progress, lambda: self._state.phase, log.masked)
        self._installation = Installation(
            self._children, flags, process, settings.project, log=log, on_event=self.on_event, page=self._page
        )
        self._before_start = BeforeStart(self._loop, self._children, log, self.on_event, self._failures)
        self._debug_port = DebugPort(self._loop, settings, log)
        self._state = lifecycle.State()
        self._analysis: Analysis | None = None
        self._has_terminal = signals.has_terminal()
        self._address = Address.of(listener, settings.public_url, process, secure=certificate is not None)
        self._history = RunHistory(self._address.url, str(settings.project))
        self._preloading = Preloading(self._loop, self._children, settings, log)
        self._stacks = stack_dumps.StackDumps(self._loop)
        self._drained_workers = DrainedWorkers(self._loop, self._children)
        self._workers = Workers(
            self._loop, self._children, self._spawner, self._preloading, settings,
            url=self._address.url, log=log, history=self._history, on_event=self.on_event,
            stacks=self._stacks, failures=self._failures, drained_workers=self._drained_workers,
            no_timeout=self._debug_port.no_timeout,
        )  # fmt: skip
        self._log_ingest = LogIngest(log, writer, pause=self._children.pause, on_line=self._workers.output_line)
        self._make_monitors(process)
        self._perform = self._performers()
        self._handlers = self._message_handlers()

    def _make_monitors(self, process: Mapping[str, str]) -> None:
        """Make the parts that watch the others, and end them."""
        self._failed_imports = FailedImports(
            self._workers, self._installation, self._reanalysis, self._reload_trigger,
            snapshot=self._snapshot, on_event=self.on_event,
        )  # fmt: skip
        self._keys = Keys(
            self._loop, self._log, self._address, in_container="APPLIANCE_IMAGE" in process,
            reload=self._reload_asked, stop=self._signalled,
        )  # fmt: skip
        self._progress = Progress(
            self._loop, self._listener, lambda: self._router.acceptor, threads=self._settings.threads,
            no_timeout=self._debug_port.no_timeout, stacks=self._stacks, log=self._log,
        )  # fmt: skip
        self._remedies = RemedyBoard(
            self._loop, self._children, self._log, self._settings, process,
            snapshot=self._snapshot, router=self._router, on_event=self.on_event,
        )  # fmt: skip
        closing = (
            self._keys.stop, self._reload_trigger.stop, self._router.close, self._debug_port.close,
            self._preloading.close, self._workers.close, self._before_start.cancel, self._remedies.close,
        )  # fmt: skip
        self._stopping = Stopping(
            self._loop, self._children, self._log, self._failures, closing, grace_s=self._settings.grace_s
        )
        answers = StatusAnswers(
            self._history, self._snapshot, workers=self._workers, reload_trigger=self._reload_trigger,
            preloading=self._preloading, debug_port=self._debug_port, progress=self._progress, stacks=self._stacks,
        )  # fmt: skip
        self._status = StatusSocket(Path(self._settings.status_socket), answers.answerers(), self._loop)

    def _message_handlers(self) -> dict[type[Message], Callable[[Handle, Any, list[int]], object]]:
        return {
            messages.Records: lambda child, message, _: self._log_ingest.records(child, message.batch),
            messages.Hello: lambda child, message, _: child.greeted(message.python),
            messages.Ready: lambda child, message, _: self._ready(child, message),
            messages.HandOverConnections: lambda _, each, numbers: self._router.handed_over(each, numbers),
            messages.DebuggerPort: lambda child, each, _: self._debug_port.listens(child, each.port, waits=each.waits),
            messages.StacksPipe: lambda child, message, numbers: self._stacks.add(child, message.signal, numbers),
            messages.StoppedAccepting: lambda child, _, __: self._workers.stopped_accepting(child),
            messages.Drained: lambda child, _, __: self._drained(child),
            messages.Failed: lambda child, message, _: self._failed_imports.handle(child, message),
            Importing: lambda child, each, _: self._page.imports(each, current=child is self._workers.current),
            messages.ForkMismatch: lambda child, message, _: self._workers.fork_mismatch(child, message),
            messages.ModulesReport: lambda child, message, _: self._modules_reported(child, message),
            messages.FilesReport: lambda child, message, _: self._reload_trigger.loaded(child, message.files),
            messages.Preloaded: lambda child, message, _: self._preloading.preloaded(child, message),
            **self._remedies.handlers(),
        }

    def _performers(self) -> dict[type[lifecycle_events.Action], Callable[[Any], None]]:
        """The method that performs each action."""
        return {
            lifecycle_events.Analyse: self._analyse,
            lifecycle_events.Install: self._install,
            lifecycle_events.CancelInstall: lambda _: self._installation.cancel(),
            lifecycle_events.Prepare: self._prepare,
            lifecycle_events.CancelPreparation: lambda _: self._before_start.cancel(),
            lifecycle_events.Boot: self._boot,
            lifecycle_events.Retire: lambda action: self._workers.retire(action.generation),
            lifecycle_events.Kill: lambda action: self._workers.kill(action.generation),
            lifecycle_events.ShowProgress: lambda action: self._page.begin(action.phase),
            lifecycle_events.ShowFailure: self._show_failure,
            lifecycle_events.HideStandIn: self._hide_stand_in,
            lifecycle_events.RetryLater: self._retry_later,
            lifecycle_events.StopAll: self._stop_all,
            lifecycle_events.Finish: lambda _: self._loop.stop(),
        }

    def run(self) -> int:
        """Serve until a signal; return the exit code."""
        signals.listen(self._loop.wake_descriptor.fileno(), self._signalled, self._children.reap, self._loop.post)
        adopt_orphans()
        self._writer.attach(lambda: self._loop.post(self._children.resume))
        if (reason := self._status.open()) is not None:
            self._log.event("warning", "status.unavailable", reason=reason)
        self._log.event("info", "appliance.started", **self._address.fields(str(self._settings.project)))
        if self._settings.pages == "on":
            self._log.event("info", "pages.started", url=self._spawner.pages_url(self._address.url or ""))
        for event, fields in self._settings.notices:
            self._log.event("warning", event, **dict[str, Any](fields))
        self._reload_trigger.start()
        self._progress.start()
        self._page.begin(lifecycle_events.Phase.ANALYSING)
        self._do(lifecycle_events.Analyse(self._state.job))
        self._keys.start()
        try:
            self._loop.run()
        finally:
            self._keys.close()  # whatever happens, the terminal is left as it was
        self._failures.guarded(self._children.close)
        self._failures.guarded(self._status.close)
        self._log.event("info", "appliance.stopped", uptime_s=self._history.uptime_s)
        return self._stopping.exit_code

    def _snapshot(self) -> Snapshot:
        return Snapshot(self._state, self._router.page, self._workers.current, self._children.living(), self._analysis)

    def on_event(self, event: lifecycle_events.Event) -> None:
        """Take one event through the table."""
        self._state, actions = lifecycle.step(self._state, event)
        for action in actions:
            self._do(action)

    def _do(self, action: lifecycle_events.Action) -> None:
        try:
            self._perform[type(action)](action)
        except Exception as error:  # noqa: BLE001  no phase may be waited in for what has failed
            self._failures.performing(action, error)

    # -- analysis and installation -------------------------------------------------------------------------------------

    def _analyse(self, action: lifecycle_events.Analyse) -> None:
        self._reanalysis.analyse(self._analysis, partial(self._analysed, action.job))

    def _analysed(self, job: int, result: Analysis | ApplianceError) -> None:
        if job != self._state.job:
            return
        if isinstance(result, ApplianceError):
            self._log.event("error", result.event, **result.fields())
            self.on_event(lifecycle_events.AnalysisFailed(job, standin_pages.of_error(result)))
            return
        log_changes(self._log, self._analysis, result)
        self._analysis = result
        self._log.add_secrets(result.environment.values)
        self._reload_trigger.page_facts.analysed(result)
        self._reload_trigger.found(result.project.target.file)
        self._reload_trigger.planned(result.plan.files)
        done = self._before_start.is_done(result)
        self.on_event(lifecycle_events.Analysed(job, installed=result.plan.installed, prepared=done))

    def _install(self, action: lifecycle_events.Install) -> None:
        self._installation.start(action.job, self._analysis.plan if self._analysis else None)

    def _prepare(self, action: lifecycle_events.Prepare) -> None:
        if self._analysis is not None:
            self._before_start.start(action.job, self._analysis)

    # -- the worker ----------------------------------------------------------------------------------------------------

    def _boot(self, action: lifecycle_events.Boot) -> None:
        if self._analysis is None:
            raise RuntimeError("a worker is started before the project is known")
        self._use.hold(self._analysis.plan.environment)
        self._workers.boot(action.generation, self._analysis)

    def _ready(self, child: Handle, message: messages.Ready) -> None:
        if child.role == "worker":
            self._workers.ready(child, message)
        else:
            child.became_ready()

    def _show_failure(self, action: lifecycle_events.ShowFailure) -> None:
        page = self._remedies.without_needs(self._log.masked(self._reload_trigger.page_facts.complete(action.page)))
        self._history.failed(page)
        self._router.broken(page)

    def _hide_stand_in(self, _action: lifecycle_events.HideStandIn) -> None:
        if self._workers.current is not None:
            self._router.serve(self._workers.current)

    def _retry_later(self, action: lifecycle_events.RetryLater) -> None:
        self._log.event("warning", "worker.restarting", generation=action.generation, after_s=action.after_s)
        self._loop.call_later(action.after_s, partial(self.on_event, lifecycle_events.RetryDue(action.generation)))

    # -- what the children report (children.Listener) ------------------------------------------------------------------

    def message(self, child: Handle, message: Message, descriptors: list[int]) -> None:
        """A child has sent a message."""
        handle = self._handlers.get(type(message)) if self._remedies.admits(child, message) else None
        if handle is None:
            raise channel.ChannelError(f"{message.kind} is nothing that a {child.role} sends")
        try:
            handle(child, message, descriptors)
        except Exception as error:  # noqa: BLE001  a defect of ours, or a child that has lost its mind
            self._failures.report(error)
            if isinstance(message, messages.Ready | messages.Failed | messages.ForkMismatch | messages.Preloaded):
                child.signal_group(signal.SIGKILL)  # what was to follow does not

    def channel_failed(self, child: Handle, reason: str) -> None:
        """A child's channel has failed: the child is being ended."""
        self._log.event(
            "error", "channel.failed", role=child.role, generation=child.generation, pid=child.pid, reason=reason
        )

    def _modules_reported(self, child: Handle, message: messages.ModulesReport) -> None:
        self._reload_trigger.templates(message.templates)
        self._workers.modules_reported(child, message)

    def output(self, child: Handle, stream: str, lines: list[OutputLine]) -> None:
        """A child has written to one of its outputs."""
        if child.role == "installer":
            self._installation.lines(stream, lines)
            return
        if child.role == before_start.ROLE:
            self._before_start.output_lines(lines)
            self._page.output(lifecycle_events.Phase.PREPARING, (each.text for each in lines))
        elif child.role == remedy_run.ROLE:
            self._remedies.output(each.text for each in lines)
        self._log_ingest.output(child, stream, lines)

    def ended(self, child: Handle) -> None:
        """A child has ended."""
        own = {
            "installer": self._installation.ended, before_start.ROLE: self._before_start.ended,
            "worker": self._workers.ended, "preloader": self._preloading.ended, "spare": self._preloading.ended,
        }.get(child.role, self._standin_ended)  # fmt: skip
        others = (self._keys, self._reload_trigger.notes, self._router, self._debug_port, self._stacks, self._remedies)
        for on_end in (self._log_ingest.ended, *(each.ended for each in others), own):
            self._failures.guarded(partial(on_end, child))
        if self._state.phase is lifecycle_events.Phase.STOPPING and not self._children.living():
            self.on_event(lifecycle_events.AllGone())

    def _standin_ended(self, child: Handle) -> None:
        if child.role == "standin" and not child.ending:
            self._log.event("error", "standin.ended", reason=child.how())

    def orphan_ended(self, pid: int, status: int) -> None:
        """An orphaned process was reaped."""
        self._log.event("debug", "process.reaped", pid=pid, status=os.waitstatus_to_exitcode(status))

    # -- changes and the stop ------------------------------------------------------------------------------------------

    def _changed(self, changes: Changes) -> None:
        if self._state.phase in {lifecycle_events.Phase.STOPPING, lifecycle_events.Phase.STOPPED}:
            return
        written = (self._settings.project / path for path in changes.kinds)
        if self._state.phase is lifecycle_events.Phase.BROKEN and self._before_start.wrote(written):
            return
        self._reanalysis.saved()
        self._workers.saved(changes.noticed_at)
        shown = sorted(changes.kinds)
        self._log.event("info", "reload.started", files=shown[:10], count=len(shown))
        target = self._analysis.project.target.file if self._analysis else ""
        code_alone = {Kind.CODE, Kind.ASSET}.issuperset(changes.kinds.values())
        code_alone = code_alone and (not target or Path(target).is_file())
        self.on_event(lifecycle_events.CodeChanged() if code_alone else lifecycle_events.ProjectChanged())

    def _assets_saved(self, paths: list[str]) -> None:
        self._router.assets_saved(paths)

    def _signalled(self, name: str) -> None:
        """Take a signal: SIGHUP reloads, unless the terminal is gone; SIGQUIT logs the worker's stacks, then stops."""
        if self._stopping.began:
            self._stopping.force()
        elif name == "SIGHUP" and not self._has_terminal:
            self._reload_asked(name)
        elif name == "SIGQUIT" and (worker := self._workers.current) is not None:
            self._stacks.ask(worker, partial(self._quit, worker))
        else:
            self.on_event(lifecycle_events.StopAsked(name))

    def _reload_asked(self, by: str) -> None:
        """Reload although nothing has changed: a signal or a key asks for it."""
        self._log.event("info", "reload.started", signal=by)
        self._workers.saved()
        self.on_event(lifecycle_events.ProjectChanged())

    def _quit(self, worker: Handle, text: str) -> None:
        self._log.event("warning", "worker.stacks", generation=worker.generation, pid=worker.pid, traceback=text)
        self.on_event(lifecycle_events.StopAsked("SIGQUIT"))

    def _stop_all(self, action: lifecycle_events.StopAll) -> None:
        self._stopping.begin(action.signal)
        if not self._children.living():
            self.on_event(lifecycle_events.AllGone())

    def _drained(self, child: Handle) -> None:
        self._drained_workers.drained(child)
        if self._workers.awaits_address:
            self._drained_workers.shorten_deadlines()
        if self._stopping.began:
            self._stopping.drained(child)
