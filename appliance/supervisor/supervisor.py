"""Run PID 1: create its parts, and pass each event to the part that handles it.

The parts are made in an order in which each part gets the parts that it calls. Events go in the opposite direction:
routes, which are set at the end, pass on an event of the lifecycle, a message of a child, or a save.

This module connects the core: the steps, the workers, the pages, the saves and the stop. ``optional_parts`` makes and
lists everything else.

Decision 46 says why.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from appliance.protocol import messages, page_messages
from appliance.supervisor import lifecycle_events
from appliance.supervisor.address import Address
from appliance.supervisor.child_listener import ChildListener, Routes
from appliance.supervisor.controls import Controls
from appliance.supervisor.last_answer import LastAnswer
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.lifecycle_runner import LifecycleRunner
from appliance.supervisor.loop import Loop
from appliance.supervisor.optional_parts import EarlyParts, OptionalParts
from appliance.supervisor.page_display import PageDisplay
from appliance.supervisor.preloading.preloading import Preloading
from appliance.supervisor.processes.child_options import ChildOptions
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.children import Children
from appliance.supervisor.processes.reaper import adopt_orphans
from appliance.supervisor.processes.spawn import Spawner
from appliance.supervisor.reporting.defects import Defects
from appliance.supervisor.reporting.log_ingest import LogIngest
from appliance.supervisor.reporting.page_facts import PageFacts
from appliance.supervisor.reporting.reports import Reports
from appliance.supervisor.reporting.status_json import StatusAnswers, StatusFacts
from appliance.supervisor.runtime import Runtime
from appliance.supervisor.saves.held_failures import HeldFailures
from appliance.supervisor.saves.reload_trigger import ReloadTrigger, SaveRoutes
from appliance.supervisor.saves.template_saves import TemplateSaves
from appliance.supervisor.steps.steps import Steps
from appliance.supervisor.stopping import LAST, Stopping
from appliance.supervisor.workers.standstill import Standstill
from appliance.supervisor.workers.worker_group import WorkerGroup
from appliance.watch.kinds import Kind

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from appliance.config.certificate import Certificate
    from appliance.config.env import Environment
    from appliance.config.settings import Settings
    from appliance.logs.log import Log
    from appliance.logs.writer import Writer
    from appliance.supervisor.lifecycle_runner import Performers
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Handlers
    from appliance.watch.watcher import Changes


class Supervisor:
    """One project, from its first analysis to the stop."""

    def __init__(
        self, settings: Settings, process: Mapping[str, str], flags: Sequence[str], *, listener: socket.socket,
        certificate: Certificate | None, log: Log, writer: Writer, environment: Environment | None = None,
    ) -> None:  # fmt: skip
        """Make the parts: ``_route`` names what takes the events once all parts exist."""
        self._writer = writer
        secure = certificate is not None
        self._defects = defects = Defects(log)
        self._child_listener = ChildListener(log, defects)
        self._runtime = runtime = _make_runtime(settings, process, log, defects, self._child_listener)
        self._lifecycle = runtime.lifecycle
        self._loop, self._children = loop, children = runtime.loop, runtime.children
        page_facts = PageFacts(settings, loop.post, children)
        self._reload_trigger = trigger = ReloadTrigger(runtime, page_facts.saves)
        self._reports = Reports(runtime, Address.of(listener, settings.public_url, process, secure=secure))
        early = EarlyParts(runtime, listener, environment, secure=secure)
        self._child_options = ChildOptions(
            runtime, certificate, trigger, page_facts, early.consumers, assistants=early.assistants.page_options
        )
        spawner = Spawner(runtime, listener, trigger, early.consumers, self._child_options)
        self._pages = PageDisplay(
            runtime, spawner, LastAnswer(loop, listener, secure=secure), page_facts, self._reports.history
        )
        analysed = (page_facts.analysed, trigger.analysed, self._pages.remedies.analysed)
        hold = HeldFailures(loop, log, trigger.arriving_s).hold
        self._steps = Steps(runtime, flags, environment, page=self._pages.progress, analysed=analysed, hold=hold)
        preloading = Preloading(loop, children, settings, log)
        no_timeout, stacks = early.debug_port.no_timeout, self._reports.stacks
        standstill = Standstill(
            loop, listener, self._pages.router, threads=settings.threads, no_timeout=no_timeout, stacks=stacks, log=log
        )
        self._optional = optional = OptionalParts(
            runtime, early, preloading, spawner, standstill,
            replace_worker=self._replace_worker, gone=self._check_all_gone,
        )  # fmt: skip
        self._worker_group = group = WorkerGroup(
            runtime, spawner, self._steps, trigger, reports=self._reports, preloading=preloading,
            imported_ahead=optional.snapshots, no_timeout=no_timeout, standstill=standstill, hold=hold,
        )  # fmt: skip
        self._template_saves = TemplateSaves(runtime, worker=group.serving, changed=self._templates_changed)
        self._stopping = Stopping(loop, children, log, defects, grace_s=settings.grace_s)
        self._controls = Controls(runtime, self._reports, self._stopping, group.workers, optional.companions)
        self._route()

    def _route(self) -> None:
        """Give each part the functions that take its messages and events."""
        self._lifecycle.route(self._performers(), self._optional.phase_changed)
        self._child_listener.route(self._child_routes())
        routes = SaveRoutes(
            changed=self._changed,
            assets=self._pages.router.assets_saved,
            template_saves=self._template_saves,
        )
        self._reload_trigger.route(self._optional.with_saves(routes))

    def _performers(self) -> Performers:
        return {
            **self._steps.performers(),
            **self._worker_group.performers(),
            **self._pages.performers(),
            lifecycle_events.Boot: self._boot,
            lifecycle_events.ServeProject: self._serve_project,
            lifecycle_events.ShowFailure: self._show_failure,
            lifecycle_events.StopAll: self._stop_all,
            lifecycle_events.Finish: lambda _: self._loop.stop(),
        }

    def _child_routes(self) -> Routes:
        workers = self._worker_group.workers
        pages, steps, optional = self._pages, self._steps, self._optional
        ingest = LogIngest(self._runtime.log, self._writer, pause=self._children.pause, on_line=workers.output_line)
        own: Handlers = {
            messages.Hello: lambda child, message, _: child.greeted(message.python),
            messages.Records: lambda child, message, _: ingest.records(child, message.batch),
            messages.StacksPipe: lambda child, each, numbers: self._reports.stacks.add(child, each.signal, numbers),
            messages.Drained: lambda child, _, __: self._drained(child),
            page_messages.TemplatesChecked: lambda child, message, _: self._template_saves.answered(child, message),
            page_messages.Importing: lambda child, message, _: pages.progress.imports(
                message, current=child is workers.current
            ),
        }
        core = (self._controls.keys, self._reload_trigger.notes, pages.router, self._reports.stacks, pages.remedies)
        return Routes(
            handlers={
                **self._worker_group.handlers(),
                **pages.handlers(),
                **own,
                **optional.handlers(workers.source_declined),
            },
            admits=lambda child, each: pages.remedies.admits(child, each) and optional.admits(child, each),
            log=ingest,
            outputs={
                Role.INSTALLER: steps.installation.lines,
                Role.PREPARATION: steps.preparation_output,
                Role.REMEDY: pages.remedy_output,
            },
            ends={
                Role.INSTALLER: steps.installation.ended,
                Role.PREPARATION: steps.before_start.ended,
                **self._worker_group.ends(),
                **optional.ends(),
            },
            each_end=[*(each.ended for each in core), *optional.each_end()],
            after_end=self._check_all_gone,
        )

    def run(self) -> int:
        """Serve until a signal; return the exit code."""
        self._controls.listen()
        adopt_orphans()
        self._writer.attach(partial(self._loop.post, self._children.resume))
        optional, url = self._optional, self._reports.address.url
        answers = StatusAnswers(
            self._reports, self._status_facts, workers=self._worker_group, reload_trigger=self._reload_trigger,
            optional=optional.status(), reload_costs=optional.snapshots.reload_costs,
        )  # fmt: skip
        further = optional.answerers(url, self._pages.remedies, lambda: self._steps.analysis)
        self._reports.start({**answers.answerers(), **further}, self._child_options.pages_url(url or ""))
        optional.begin()
        self._reload_trigger.start()
        self._worker_group.standstill.start()
        self._pages.progress.begin(Phase.ANALYSING)
        self._lifecycle.perform(lifecycle_events.Analyse(self._lifecycle.state.job))
        self._controls.keys.start()
        try:
            self._loop.run()
        finally:
            self._controls.keys.close()  # always leave the terminal as it was
        self._defects.guarded(self._children.close)
        self._defects.guarded(optional.companions.kill_rest)
        self._reports.finish()
        return self._stopping.exit_code

    def _status_facts(self) -> StatusFacts:
        worker = self._worker_group.workers.current
        return StatusFacts(
            self._lifecycle.state, self._pages.router.page, worker, self._children.living(), self._steps.analysis
        )

    # -- what concerns several parts -----------------------------------------------------------------------------------

    def _changed(self, changes: Changes) -> None:
        """Take a save: start a worker of the known application, unless more than its code has changed."""
        if self._lifecycle.state.phase in {Phase.STOPPING, Phase.STOPPED}:
            return
        if not self._steps.saved(self._runtime.settings.project / path for path in changes.kinds):
            return
        if held := self._steps.before_start.is_held:
            self._optional.snapshots.drop("the commands of BEFORE_START run again")
        self._worker_group.workers.saved(changes.noticed_at)
        shown = sorted(changes.kinds)
        self._runtime.log.event("info", "reload.started", files=shown[:10], count=len(shown))
        target = self._steps.analysis.project.target.file if self._steps.analysis else ""
        if not {Kind.CODE, Kind.ASSET}.isdisjoint(changes.kinds.values()):
            self._optional.companions.saved()
        code_alone = {Kind.CODE, Kind.ASSET}.issuperset(changes.kinds.values())
        code_alone = code_alone and (not target or os.path.isfile(target)) and not held  # noqa: PTH113  a save waits
        self._lifecycle.on_event(lifecycle_events.CodeChanged() if code_alone else lifecycle_events.ProjectChanged())

    def _boot(self, action: lifecycle_events.Boot) -> None:
        """Start a worker, then the companions: the environment is complete, and BEFORE_START has run."""
        self._worker_group.boot(action)
        if self._steps.analysis is not None:
            self._optional.booting(self._steps.analysis)

    def _replace_worker(self) -> None:
        self._worker_group.workers.replace()

    def _serve_project(self, _action: lifecycle_events.ServeProject) -> None:
        if (worker := self._worker_group.workers.current) is not None:
            self._pages.router.serve(worker)
            self._optional.tell_serving(worker.generation)
        self._optional.serving()

    def _show_failure(self, action: lifecycle_events.ShowFailure) -> None:
        self._pages.show_failure(action)
        self._optional.tell_serving(0)

    def _templates_changed(self, generation: int, revision: int) -> None:
        self._pages.router.templates_changed(generation, revision)
        self._optional.tell_serving(generation, revision)

    # -- the stop ------------------------------------------------------------------------------------------------------

    def _stop_all(self, action: lifecycle_events.StopAll) -> None:
        first, last = self._optional.stop_functions()
        parts = (
            self._controls.keys.stop, self._reload_trigger.stop, self._pages.router.close, *first,
            self._worker_group.preloading.close, self._worker_group.workers.close, self._steps.before_start.cancel,
            self._pages.remedies.close, *last,
        )  # fmt: skip
        self._stopping.begin(action.signal, parts)
        self._check_all_gone()

    def _drained(self, child: Handle) -> None:
        self._worker_group.drained(child)
        if self._stopping.began:
            self._stopping.limit_background_work(child)

    def _check_all_gone(self) -> None:
        if self._lifecycle.state.phase is not Phase.STOPPING or self._optional.companions.living():
            return
        living = self._children.living()
        if not living:
            self._lifecycle.on_event(lifecycle_events.AllGone())
        elif all(child.role in LAST for child in living):
            self._optional.finish(living)


def _make_runtime(
    settings: Settings, process: Mapping[str, str], log: Log, defects: Defects, child_listener: ChildListener
) -> Runtime:
    """Make the objects that every part uses, and have the log show lines when they are due."""
    loop = Loop(defects.report)
    log.attach(loop.call_later)
    children = Children(loop, child_listener)
    return Runtime(settings, process, log, loop, children, defects, LifecycleRunner(log, loop, defects))
