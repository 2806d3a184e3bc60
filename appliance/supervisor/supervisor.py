"""Run PID 1: make its parts, and perform what the lifecycle decides.

What happens becomes an event of ``lifecycle``; each action of its table is performed by one of the parts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.protocol import messages, page_messages
from appliance.supervisor import lifecycle, lifecycle_events
from appliance.supervisor.address import Address
from appliance.supervisor.child_listener import ChildListener, Routes
from appliance.supervisor.companions import companion
from appliance.supervisor.companions.companions import GUARD, Companions
from appliance.supervisor.controls import Controls
from appliance.supervisor.debugger.debug_port import DebugPort
from appliance.supervisor.failures import Failures
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.loop import Loop
from appliance.supervisor.page_display import PageDisplay
from appliance.supervisor.processes.children import Children
from appliance.supervisor.processes.reaper import adopt_orphans
from appliance.supervisor.processes.spawn import Spawner
from appliance.supervisor.recording.desk_feed import DeskFeed
from appliance.supervisor.reporting.last_answer import LastAnswer
from appliance.supervisor.reporting.log_ingest import LogIngest
from appliance.supervisor.reporting.page_facts import PageFacts
from appliance.supervisor.reporting.reports import Reports
from appliance.supervisor.reporting.status_json import StatusAnswers
from appliance.supervisor.runtime import Runtime, Snapshot
from appliance.supervisor.saves.reload_trigger import ReloadTrigger
from appliance.supervisor.saves.template_saves import TemplateSaves
from appliance.supervisor.steps import before_start, remedy_run
from appliance.supervisor.steps.steps import Steps
from appliance.supervisor.stopping import Stopping
from appliance.supervisor.workers.worker_group import WorkerGroup
from appliance.watch.kinds import Kind

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from appliance.config.certificate import Certificate
    from appliance.config.env import Environment
    from appliance.config.settings import Settings
    from appliance.logs.setup import Log
    from appliance.logs.writer import Writer
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Handlers, Performer, Performers
    from appliance.supervisor.steps.analysis import Analysis
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
        self._log = log
        self._writer = writer
        self._state = lifecycle.State()
        secure = certificate is not None
        self._loop = Loop(lambda error: self._failures.report(error))  # noqa: PLW0108  it is made next, of the loop
        log.attach(self._loop.call_later)
        self._failures = Failures(log, self._loop, self.on_event)
        child_listener = ChildListener(log, self._failures)
        self._children = Children(self._loop, child_listener)
        runtime = Runtime(
            settings, process, log, self._loop, self._children, self._failures,
            state=lambda: self._state, snapshot=self._snapshot, on_event=self.on_event,
        )  # fmt: skip
        self._reports = Reports(runtime, Address.of(listener, settings.public_url, process, secure=secure))
        self._debug_port = DebugPort(self._loop, settings, log)
        self._template_saves = TemplateSaves(
            str(settings.project), self._loop, self._children, log, worker=self._serving_worker,
            changed=self._templates_changed,
        )  # fmt: skip
        self._reload_trigger = self._make_reload_trigger()
        self._desk = DeskFeed(runtime)
        self._spawner = Spawner(runtime, listener, certificate, self._reload_trigger, self._desk)
        self._pages = PageDisplay(
            runtime, self._spawner, LastAnswer(self._loop, listener, secure=secure),
            self._reload_trigger.page_facts, self._reports.history,
        )  # fmt: skip
        self._steps = Steps(runtime, flags, environment, page=self._pages.progress, analysed=self._analysed)
        self._worker_group = WorkerGroup(
            runtime, self._spawner, self._steps, self._reload_trigger, reports=self._reports,
            debug_port=self._debug_port, listener=listener, acceptor=lambda: self._pages.router.acceptor,
        )  # fmt: skip
        self._companions = Companions(runtime)
        self._stopping = Stopping(self._loop, self._children, log, self._failures, grace_s=settings.grace_s)
        self._controls = Controls(runtime, self._reports, self._stopping, self._reload_asked)
        self._performers = self._actions()
        self._route(child_listener)

    def _make_reload_trigger(self) -> ReloadTrigger:
        return ReloadTrigger(
            self._settings, self._loop, self._log,
            page_facts=PageFacts(self._settings, self._loop.post, self._children),
            changed=self._changed, assets=self._assets_saved, template_saves=self._template_saves,
            phase=lambda: self._state.phase,
        )  # fmt: skip

    def _actions(self) -> Performers:
        workers, pages = self._worker_group.performers(), self._pages.performers()
        return {
            **self._steps.performers(),
            **workers,
            **pages,
            lifecycle_events.StopAll: self._stop_all,
            lifecycle_events.Boot: partial(self._boot, workers[lifecycle_events.Boot]),
            lifecycle_events.HideStandIn: partial(self._serves, pages[lifecycle_events.HideStandIn]),
            lifecycle_events.Finish: lambda _: self._loop.stop(),
        }

    def _boot(self, start_worker: Performer, action: lifecycle_events.Boot) -> None:
        """Start a worker, then the companions: the environment is complete, and BEFORE_START has run."""
        start_worker(action)
        if self._steps.analysis is not None:
            self._failures.guarded(partial(self._companions.booting, self._steps.analysis))

    def _serves(self, hide_standin: Performer, action: lifecycle_events.HideStandIn) -> None:
        hide_standin(action)
        self._failures.guarded(self._companions.serving)

    def _route(self, child_listener: ChildListener) -> None:
        """Name the parts that take what children do."""
        workers, preloading = self._worker_group.workers, self._worker_group.preloading
        pages, steps = self._pages, self._steps
        ingest = LogIngest(self._log, self._writer, pause=self._children.pause, on_line=workers.output_line)
        own: Handlers = {
            messages.Hello: lambda child, message, _: child.greeted(message.python),
            messages.Records: lambda child, message, _: ingest.records(child, message.batch),
            messages.DebuggerPort: lambda child, each, _: self._debug_port.listens(child, each.port, waits=each.waits),
            messages.StacksPipe: lambda child, each, numbers: self._reports.stacks.add(child, each.signal, numbers),
            messages.Drained: lambda child, _, __: self._drained(child),
            page_messages.TemplatesChecked: lambda child, message, _: self._template_saves.answered(child, message),
        }
        others = (self._controls.keys, self._reload_trigger.notes, pages.router, self._debug_port, self._reports.stacks)
        child_listener.route(
            Routes(
                handlers={**self._worker_group.handlers(), **pages.handlers(), **own},
                admits=pages.remedies.admits,
                log=ingest,
                outputs={
                    "installer": steps.installation.lines,
                    before_start.ROLE: steps.preparation_output,
                    remedy_run.ROLE: pages.remedy_output,
                },
                ends={
                    companion.ROLE: self._companions.ended,
                    GUARD: self._companions.guard_ended,
                    "installer": steps.installation.ended,
                    before_start.ROLE: steps.before_start.ended,
                    "worker": workers.ended,
                    "preloader": preloading.ended,
                    "spare": preloading.ended,
                    "recorder": self._desk.ended,
                },
                each_end=[*(each.ended for each in others), pages.remedies.ended],
                after_end=self._check_all_gone,
            )
        )

    def run(self) -> int:
        """Serve until a signal; return the exit code."""
        self._controls.listen()
        adopt_orphans()
        self._writer.attach(lambda: self._loop.post(self._children.resume))
        answers = StatusAnswers(
            self._reports, self._snapshot, workers=self._worker_group, reload_trigger=self._reload_trigger,
            debug_port=self._debug_port, companions=self._companions,
        )  # fmt: skip
        self._reports.start(answers.answerers(), self._spawner.pages_url(self._reports.address.url or ""))
        self._desk.begin()
        self._reload_trigger.start()
        self._worker_group.progress.start()
        self._pages.progress.begin(Phase.ANALYSING)
        self._do(lifecycle_events.Analyse(self._state.job))
        self._controls.keys.start()
        try:
            self._loop.run()
        finally:
            self._controls.keys.close()  # whatever happens, the terminal is left as it was
        self._failures.guarded(self._children.close)
        self._failures.guarded(self._companions.kill_rest)
        self._reports.finish()
        return self._stopping.exit_code

    def _snapshot(self) -> Snapshot:
        worker = self._worker_group.workers.current
        return Snapshot(self._state, self._pages.router.page, worker, self._children.living(), self._steps.analysis)

    def on_event(self, event: lifecycle_events.Event) -> None:
        """Take one event through the table."""
        self._state, actions = lifecycle.step(self._state, event)
        for action in actions:
            self._do(action)

    def _do(self, action: lifecycle_events.Action) -> None:
        try:
            self._performers[type(action)](action)
        except Exception as error:  # noqa: BLE001  no phase may be waited in for what has failed
            self._failures.performing(action, error)

    # -- changes of the project ----------------------------------------------------------------------------------------

    def _analysed(self, analysis: Analysis) -> None:
        """Watch the files that the project was analysed from, and mask its secrets on pages."""
        self._reload_trigger.page_facts.analysed(analysis)
        self._reload_trigger.found(analysis.project.target.file)
        self._reload_trigger.planned(analysis.plan.files)

    def _changed(self, changes: Changes) -> None:
        """Take a save: start a worker of the known application, unless more than its code has changed."""
        if self._state.phase in {Phase.STOPPING, Phase.STOPPED}:
            return
        if not self._steps.saved(self._settings.project / path for path in changes.kinds):
            return
        self._worker_group.workers.saved(changes.noticed_at)
        shown = sorted(changes.kinds)
        self._log.event("info", "reload.started", files=shown[:10], count=len(shown))
        target = self._steps.analysis.project.target.file if self._steps.analysis else ""
        if not {Kind.CODE, Kind.ASSET}.isdisjoint(changes.kinds.values()):
            self._companions.saved()
        code_alone = {Kind.CODE, Kind.ASSET}.issuperset(changes.kinds.values())
        code_alone = code_alone and (not target or Path(target).is_file())
        self.on_event(lifecycle_events.CodeChanged() if code_alone else lifecycle_events.ProjectChanged())

    def _reload_asked(self) -> None:
        """Somebody asks for a reload, by a signal or a key, although nothing has changed."""
        self._worker_group.workers.saved()
        self._companions.saved()

    def _serving_worker(self) -> Handle | None:
        """Return the worker that serves what was last saved, as far as that was reported; None while none does."""
        worker = self._worker_group.workers.current
        is_serving = self._state.phase is Phase.SERVING and worker is not None and worker.ready_at is not None
        return worker if is_serving and worker is not None and not worker.ending else None

    def _templates_changed(self, generation: int, revision: int) -> None:
        self._pages.router.templates_changed(generation, revision)

    def _assets_saved(self, paths: list[str]) -> None:
        self._pages.router.assets_saved(paths)

    # -- the stop ------------------------------------------------------------------------------------------------------

    def _stop_all(self, action: lifecycle_events.StopAll) -> None:
        parts = (
            self._controls.keys.stop, self._reload_trigger.stop, self._pages.router.close, self._debug_port.close,
            self._worker_group.preloading.close, self._worker_group.workers.close, self._steps.before_start.cancel,
            self._pages.remedies.close, self._companions.close,
        )  # fmt: skip
        self._stopping.begin(action.signal, parts)
        self._check_all_gone()

    def _drained(self, child: Handle) -> None:
        self._worker_group.drained(child)
        if self._stopping.began:
            self._stopping.drained(child)

    def _check_all_gone(self) -> None:
        if self._state.phase is not Phase.STOPPING:
            return
        living = self._children.living()
        if not living:
            self.on_event(lifecycle_events.AllGone())
        elif all(child.role == "recorder" for child in living):
            self._desk.finish()
