"""Perform the actions of ``snapshot_states``: import, fork, verify and end snapshots of the project.

Decides nothing over time. Each thing that happens becomes an event of ``snapshot_states``, and the actions of that
table are performed here. ``snapshots`` passes on the requests and reports of the workers; the processes of the
snapshots report to this module.

Decision 62 says why.
"""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.supervisor.measuring.processors import processors
from appliance.supervisor.preloading.preloading import why_off
from appliance.supervisor.processes.child_forks import FORK_ANSWER_S
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots import snapshot_events as events
from appliance.supervisor.snapshots import snapshot_states
from appliance.supervisor.snapshots.checkpoints.checkpoints import Checkpoints
from appliance.supervisor.snapshots.known_snapshots import NewestWorker, Phase, SnapshotRole, SnapshotState, State
from appliance.supervisor.snapshots.snapshot_imports import NO_PROCESS, ImportSchedule, SnapshotImports, too_old
from appliance.supervisor.snapshots.snapshot_memory import SnapshotMemory
from appliance.supervisor.snapshots.snapshot_processes import SnapshotProcesses
from appliance.supervisor.snapshots.snapshot_reports import SnapshotReports
from appliance.supervisor.snapshots.swappable_files import SnapshotFiles, SwappableFiles
from appliance.supervisor.snapshots.verification import Verification
from appliance.supervisor.steps.analysis import require_analysis

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from appliance.protocol.messages import FilesReport
    from appliance.protocol.snapshot_messages import CheckpointReached, Fingerprints, SnapshotReady
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.watch.kinds import Kind

CALM_S = 30.0  # time without a save after which a spare that has copied memory is replaced by a new spare
KEPT_FILES = 4  # every spare compiles these files again, about 1 ms each


class SnapshotRunner:
    """At most one snapshot that workers are forked from, and one that imports the project to replace it.

    Args:
        runtime: the supervisor's.
        preloading: forks the processes that become snapshots.
        spawner: tells them what to import.
        replace: starts another worker instead of the one that serves.

    Attributes:
        is_on: whether there may be snapshots at all.
        is_asked_for: whether the user has asked for them; the log then says why there is none.
        state: what ``snapshot_states`` knows.
        processes: those of the snapshots.
        swappable: the files whose functions can be swapped.
        checkpoints: the imports that have paused.
        one_processor: whether an import can't run beside a worker that starts.
    """

    def __init__(self, runtime: Runtime, preloading: Preloading, spawner: Spawner, replace: Callable[[], None]) -> None:
        self._loop = runtime.loop
        self._preloading = preloading
        self.is_asked_for = runtime.settings.swap != "auto"
        self._reports = SnapshotReports(runtime.log, expected=self.is_asked_for)
        self._replace = replace
        is_off = runtime.settings.swap == "off"
        off = "APPLIANCE_SWAP is off" if is_off else why_off(runtime.settings)  # snapshots are forks of the preloader
        self.is_on = not off
        self.one_processor = processors() < 2
        self.state = State(Phase.OFF, off) if off else State(crowded=self.one_processor)
        self._performers = self._actions()
        hangs = partial(self.on, events.SnapshotEnded("it does not answer"))
        self.processes = SnapshotProcesses(runtime.loop, runtime.children, hangs)
        self.checkpoints = Checkpoints(runtime, self._go_on, is_on=self.is_on)
        self._memory = SnapshotMemory(runtime.loop, self.processes, self.checkpoints, self._end_for)
        self._imports = SnapshotImports(runtime, preloading, spawner, self.processes, self.checkpoints)
        self._files: dict[SnapshotRole, SnapshotFiles] = {}  # of each process: read by it, and changed since
        self._ready: dict[SnapshotRole, SnapshotReady] = {}  # of each process: the report of its import
        self.swappable = SwappableFiles(str(runtime.settings.project), always=runtime.settings.swap == "on")
        self._verification = Verification(
            runtime.children, self.processes, self._report_comparison, lambda why: self.on(events.NotCompared(why))
        )
        self._schedule = ImportSchedule(runtime.loop, lambda: self.on(events.ImportDue()))
        self._analysis: Analysis | None = None  # of the newest worker
        self._worker: Handle | None = None

    def _actions(self) -> dict[type[events.Action], Callable[[Any], None]]:
        return {
            events.Schedule: lambda action: self._schedule.ask(action.after_s, action.latest_s),
            events.StartImport: self._start_import,
            events.Pause: lambda _: self.processes.signal(SnapshotRole.NEXT, signal.SIGSTOP),
            events.Resume: self._resume,
            events.Compare: self._compare,
            events.Repeat: self._repeat,
            events.Promote: self._promote,
            events.ForkAhead: self._fork_ahead,
            events.EndSnapshot: lambda _: self._end(SnapshotRole.SPARE, SnapshotRole.SNAPSHOT),
            events.EndImport: self._end_import,
            **self._reports.performers(),
            events.ReportMismatch: self._report_mismatch,
            events.ReplaceWorker: lambda _: self._loop.post(self._replace),
        }

    def on(self, event: events.Event) -> None:
        """Take a step for this event, and perform its actions."""
        self.state, actions = snapshot_states.step(self.state, event)
        state_table.perform(self._performers, actions)

    def follow(self, analysis: Analysis) -> None:
        """Use this analysis for imports from now on; imports for another analysis are dropped."""
        known, self._analysis = self._analysis, analysis
        if known is not None and (analysis.differs(known) or analysis.before_start != known.before_start):
            self.checkpoints.discard()
            self.on(events.ProjectChanged())

    def worker_started(self, worker: Handle, *, swapping: bool, crowded: bool) -> None:
        """Note the worker that has its start message now. ``crowded``: it has to share the processors."""
        self._worker = worker
        self.on(events.WorkerStarted(swapping, crowded))

    # -- what the workers need, and what has changed -------------------------------------------------------------------

    def fork_worker(self, source: SnapshotRole) -> Handle | None:
        """Return a worker that waits for its start message: the spare, or a fork of the snapshot. None without one."""
        if source is not SnapshotRole.SPARE:
            return self.processes.fork(source, Role.SPARE)
        child = self.processes.pop(source)
        self.on(events.SpareGone())
        return child

    def change(self, paths: Collection[str], objection: str) -> None:
        """Take files that have changed; ``objection``: why a worker from the snapshot can't serve the change."""
        for each in self._files.values():
            each.changes(paths)
        self.on(events.FilesChanged(objection))

    def whole_report(self, report: FilesReport) -> FilesReport:
        """Return the report of a fork, with the files of the snapshot itself the first time."""
        snapshot = self._files.get(SnapshotRole.SNAPSHOT)
        return report if snapshot is None else snapshot.whole_report(report)

    @property
    def has_files(self) -> bool:
        """Whether the files of a snapshot are known."""
        return SnapshotRole.SNAPSHOT in self._files

    def changed_files(self) -> list[str]:
        """Return the files that have changed since the snapshot was made; none if there is no snapshot."""
        return list(self._files[SnapshotRole.SNAPSHOT].changed) if self.has_files else []

    def serves_next_save(self) -> bool:
        """Whether a snapshot or a checkpoint will probably serve the next save: it would have served the last one."""
        return self.state.has_snapshot and (not self.state.declines or self.checkpoints.are_there)

    def first_read(self, paths: Iterable[str]) -> str:
        """Return the first of these files that an import has read; "" if none has."""
        return next((path for path in paths if any(path in each.read for each in self._files.values())), "")

    def objection(self, kinds: Mapping[str, Kind]) -> str:
        """Return why these changes can't be swapped at all; "" if they may be."""
        snapshot = self._files.get(SnapshotRole.SNAPSHOT)
        return self.swappable.objection(kinds, snapshot.blocked if snapshot is not None else {})

    def objections(self) -> dict[str, str]:
        """Return why a change of each module of the snapshot can't be swapped, by path; empty if it can."""
        snapshot = self._files.get(SnapshotRole.SNAPSHOT)
        return self.swappable.objections(snapshot) if snapshot is not None else {}

    def status(self) -> dict[str, Any]:
        """Return the part of ``appliance status`` about snapshots, without the checkpoints."""
        state, snapshot = self.state, self.processes.get(SnapshotRole.SNAPSHOT)
        ready = self._ready.get(SnapshotRole.SNAPSHOT)
        making = self.processes.get(SnapshotRole.NEXT) is not None
        return {
            "state": "off" if not self.is_on else "ready" if snapshot else "making" if making else "none",
            "why": (state.reason or None) if snapshot is None else None,
            "pid": snapshot.pid if snapshot else None,
            "modules": ready.modules if ready else 0,
            "refused": state.refusal or None,
            "blocked": dict(ready.blocked) if ready else {},
            "off": self.swappable.off,
            "unverified": state.worker is NewestWorker.UNVERIFIED,
        }

    # -- what the processes do -----------------------------------------------------------------------------------------

    def imported(self, child: Handle, message: SnapshotReady) -> None:
        """A process has imported the project, or can't be a snapshot of it."""
        self.processes.forget_time(child)
        if child is self.processes.get(SnapshotRole.NEXT):
            self._ready[SnapshotRole.NEXT] = message
            self._files[SnapshotRole.NEXT].blocked = message.blocked
            self._imported(message.refused)
        elif child is self.processes.get(SnapshotRole.AGAIN):
            if why := message.refused or self._unreported():
                self.on(events.NotCompared(why))
            else:
                self._verification.repeat()

    def _imported(self, refused: str) -> None:
        if refused:  # each worker imports the files after the checkpoint itself
            self.checkpoints.import_over()
        self.on(events.Imported(refused))

    def reached(self, child: Handle, message: CheckpointReached) -> None:
        """The process that imports the project has paused, and becomes a checkpoint; a fork of it goes on."""
        if child is self.processes.get(SnapshotRole.NEXT):
            self.processes.forget_time(self.processes.pop(SnapshotRole.NEXT))
            files = self._files[SnapshotRole.NEXT]
            self.checkpoints.reached(child, message, frozenset(files.read), files.changed)

    def _go_on(self, checkpoint: Handle) -> None:
        if not self._imports.go_on(checkpoint):
            self.on(events.NextEnded(NO_PROCESS))

    def compared(self, child: Handle, message: Fingerprints) -> None:
        """A fork has reported its state."""
        self._verification.answered(child, message)

    def _report_comparison(self, differences: tuple[str, ...]) -> None:
        snapshot = self._files.get(SnapshotRole.SNAPSHOT)
        if differences and (why := self._unreported()):
            self.on(events.NotCompared(why))
            return
        self.on(events.Compared(differences, keep=snapshot is not None and len(snapshot.changed) <= KEPT_FILES))

    def _unreported(self) -> str:
        """Return why the imports may have read other files than the swap; "" if they have read the same ones."""
        snapshot, later = self._files.get(SnapshotRole.SNAPSHOT), self._files.get(SnapshotRole.NEXT)
        path = "" if snapshot is None or later is None else snapshot.unreported(later)
        return f"{path} has changed meanwhile" if path else ""

    def read(self, child: Handle, message: FilesReport) -> None:
        """Take the files that an import has read."""
        self.checkpoints.read(message.files)
        for process in (SnapshotRole.NEXT, SnapshotRole.SNAPSHOT):
            if child is self.processes.get(process):
                self._files[process].reported(message)

    def failed(self, child: Handle, why: str) -> None:
        """An import of the project has failed."""
        if child is self.processes.get(SnapshotRole.NEXT):
            self._imported(why)
        elif child is self.processes.get(SnapshotRole.AGAIN):
            self.on(events.NotCompared(why))

    def ended(self, child: Handle) -> None:
        """Note that one of the processes has ended."""
        process = self.processes.role_of(child)
        if process is None:
            self.checkpoints.ended(child)
            return
        self.processes.pop(process)
        how = "it has taken too long" if child.ending else child.how()
        match process:
            case SnapshotRole.SPARE:
                self.on(events.SpareGone())
                self._loop.call_later(FORK_ANSWER_S, partial(self.on, events.SpareDue()))
            case SnapshotRole.SNAPSHOT:
                self.on(events.SnapshotEnded(how))
            case SnapshotRole.NEXT:
                self.on(events.NextEnded(how))
            case SnapshotRole.VERIFIER | SnapshotRole.AGAIN:
                self.on(events.NotCompared(how))

    # -- the imports ---------------------------------------------------------------------------------------------------

    def _start_import(self, _action: events.StartImport) -> None:
        if old := too_old(self._worker.python if self._worker is not None else ""):
            self.on(events.ImportStarted())
            self.on(events.Imported(old))
        elif why := self._memory.shortage() or self._import(SnapshotRole.NEXT):
            self.on(events.ImportNotStarted(why))
        else:
            self.on(events.ImportStarted())

    def _import(self, process: SnapshotRole) -> str:
        """Have a process import the project; return why there is none, or nothing."""
        analysis, state = require_analysis(self._analysis, "a snapshot is made"), self.state
        verifies = process is SnapshotRole.AGAIN or (
            state.snapshot is SnapshotState.SHARED and state.worker is NewestWorker.UNVERIFIED
        )
        begin = self._imports.begin if verifies else self._imports.begin_chain
        if why := begin(process, analysis):
            return why
        self._files[process] = SnapshotFiles()
        return ""

    def _end_import(self, _action: events.EndImport) -> None:
        self._end(SnapshotRole.VERIFIER, SnapshotRole.AGAIN, SnapshotRole.NEXT)
        self.checkpoints.import_ended()

    def _resume(self, _action: events.Resume) -> None:
        self.processes.signal(SnapshotRole.NEXT, signal.SIGCONT)
        self.checkpoints.resume()
        self._imports.give_time(SnapshotRole.NEXT)

    def _compare(self, _action: events.Compare) -> None:
        self._verification.compare(self._files[SnapshotRole.SNAPSHOT].changed)

    def _repeat(self, _action: events.Repeat) -> None:
        if why := self._import(SnapshotRole.AGAIN):
            self.on(events.NotCompared(why))

    def _promote(self, _action: events.Promote) -> None:
        self._end(SnapshotRole.VERIFIER, SnapshotRole.AGAIN, SnapshotRole.SPARE, SnapshotRole.SNAPSHOT)
        child = self.processes.pop(SnapshotRole.NEXT)
        self.checkpoints.import_over(self.swappable.weighed_cpu_s(self._ready[SnapshotRole.NEXT].cpu_s))
        self.processes.add(SnapshotRole.SNAPSHOT, child)
        self._files[SnapshotRole.SNAPSHOT] = self._files.pop(SnapshotRole.NEXT)
        ready = self._ready[SnapshotRole.SNAPSHOT] = self._ready.pop(SnapshotRole.NEXT)
        child.became_ready()
        self._reports.ready(child, ready)

    def _report_mismatch(self, action: events.ReportMismatch) -> None:
        generation = self._worker.generation if self._worker is not None else 0
        files = self.swappable.as_watched(self.changed_files())
        self.swappable.turn_off([*files, *action.differences])
        self._reports.mismatch(generation, files, action.differences)

    def _fork_ahead(self, _action: events.ForkAhead) -> None:
        if (child := self.processes.fork_spare()) is not None:
            self.processes.get_ready(self.changed_files())
            if self.serves_next_save():
                self._preloading.end_spare()
            self._loop.call_later(CALM_S, partial(self._release_memory, child))
            self.on(events.SpareForked())

    def _release_memory(self, child: Handle) -> None:
        """Replace the waiting fork by one that has copied no memory yet: nothing was saved for a long time."""
        if child is self.processes.get(SnapshotRole.SPARE):
            self.processes.end(SnapshotRole.SPARE)
            if self.processes.fork_spare() is None:
                self.on(events.SpareGone())

    def _end_for(self, why: str) -> None:
        self.on(events.NextEnded(why))
        self.on(events.SnapshotEnded(why))

    def _end(self, *processes: SnapshotRole) -> None:
        for process in processes:
            self._files.pop(process, None)
            self._ready.pop(process, None)
            self.processes.end(process)
