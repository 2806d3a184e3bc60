"""Run the snapshots of the project: import it ahead of the next save, fork workers from that, and verify their swaps.

Decides nothing over time. What happens becomes an event of ``snapshot_states``, whose actions are performed here. Where
anything is in doubt there is no snapshot, and workers are forked from the preloader. Runs in the supervisor's loop.

Decision 62 says why.
"""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.processors import are_crowded, processors
from appliance.supervisor.snapshots import snapshot_events as events
from appliance.supervisor.snapshots import snapshot_states
from appliance.supervisor.snapshots.checkpoints import Checkpoints
from appliance.supervisor.snapshots.declined_files import DeclinedFiles
from appliance.supervisor.snapshots.known_snapshots import Phase, Process, Snapshot, State, Worker, fork_source, why_not
from appliance.supervisor.snapshots.snapshot_imports import NO_PROCESS, ImportSchedule, SnapshotImports, too_old
from appliance.supervisor.snapshots.snapshot_memory import SnapshotMemory
from appliance.supervisor.snapshots.snapshot_processes import ANSWER_S, SnapshotProcesses
from appliance.supervisor.snapshots.snapshot_reports import SnapshotReports
from appliance.supervisor.snapshots.swappable_files import NOT_WORTH, SnapshotFiles, SwappableFiles, why_off
from appliance.supervisor.snapshots.verification import Verification
from appliance.supervisor.steps.analysis import required

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from appliance.protocol.messages import FilesReport
    from appliance.protocol.snapshot_messages import CheckpointReached, Fingerprints, SnapshotReady
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.watch.kinds import Kind

SPARE_S = 0.05  # after a worker is ready: its first requests come first
CALM_S = 30.0  # without a save, before a spare that has copied memory is replaced by one that has not
KEPT_FILES = 4  # every swap compiles these files again, about 1 ms each


class Snapshots:
    """At most one snapshot that workers are forked from, and one that imports the project to replace it.

    Args:
        runtime: the supervisor's.
        preloading: forks the processes that become snapshots.
        spawner: tells them what to import.
        replace: starts another worker instead of the one that serves.
    """

    def __init__(self, runtime: Runtime, preloading: Preloading, spawner: Spawner, replace: Callable[[], None]) -> None:
        self._loop = runtime.loop
        self._preloading = preloading
        self._reports = SnapshotReports(runtime.log, expected=runtime.settings.swap != "auto")
        self._replace = replace
        off = why_off(runtime.settings)
        self.is_on = not off
        self._one_processor = processors() < 2
        self._state = State(Phase.OFF, off) if off else State(crowded=self._one_processor)
        self._performers = self._actions()
        hangs = partial(self._on, events.SnapshotEnded("it does not answer"))
        self._processes = SnapshotProcesses(runtime.loop, runtime.children, hangs)
        self.get_ready = self._processes.get_ready
        self.checkpoints = Checkpoints(runtime, self._go_on, is_on=self.is_on)
        self._memory = SnapshotMemory(runtime.loop, self._processes, self.checkpoints, self._end_for)
        self._imports = SnapshotImports(runtime, preloading, spawner, self._processes, self.checkpoints)
        self._files: dict[Process, SnapshotFiles] = {}
        self._swappable = SwappableFiles(str(runtime.settings.project), always=runtime.settings.swap == "on")
        self._declined = DeclinedFiles()
        self._verification = Verification(
            runtime.children, self._processes, self._report_comparison, lambda why: self._on(events.NotCompared(why))
        )
        self._ready: dict[Process, SnapshotReady] = {}
        self._analysis: Analysis | None = None  # of the newest worker
        self._worker: Handle | None = None
        self._schedule = ImportSchedule(runtime.loop, lambda: self._on(events.ImportDue()))
        if self.is_on:
            preloading.follow(self)

    def _actions(self) -> dict[type[events.Action], Callable[[Any], None]]:
        return {
            events.Schedule: lambda action: self._schedule.ask(action.after_s, action.latest_s),
            events.StartImport: self._start_import,
            events.Pause: lambda _: self._processes.signal(Process.NEXT, signal.SIGSTOP),
            events.Resume: self._resume,
            events.Compare: self._compare,
            events.Repeat: self._repeat,
            events.Promote: self._promote,
            events.ForkAhead: self._fork_ahead,
            events.EndSnapshot: lambda _: self._end(Process.SPARE, Process.SNAPSHOT),
            events.EndImport: self._end_import,
            **self._reports.performers(),
            events.ReportMismatch: self._report_mismatch,
            events.ReplaceWorker: lambda _: self._loop.post(self._replace),
        }

    def _on(self, event: events.Event) -> None:
        self._state, actions = snapshot_states.step(self._state, event)
        for action in actions:
            self._performers[type(action)](action)

    # -- what the workers need, and report -----------------------------------------------------------------------------

    def follow(self, analysis: Analysis) -> None:
        """Use this analysis from now on; what was imported for another one is of no use."""
        known, self._analysis = self._analysis, analysis
        if known is not None and (analysis.differs(known) or analysis.before_start != known.before_start):
            self.checkpoints.discard()
            self._on(events.ProjectChanged())

    def fork(self, generation: int) -> tuple[Handle | None, list[str], str]:
        """Return a worker that waits for its start message, and the files that it has to swap; or None, and why."""
        source, why = fork_source(self._state), why_not(self._state)
        if source is None:
            return None, [], why if self._reports.expected or self._state.had_snapshot else ""
        changed = list(self._files[Process.SNAPSHOT].changed)
        if source is Process.SPARE:
            child: Handle | None = self._processes.pop(source)
            self._on(events.SpareGone())
        else:
            child = self._processes.fork(source, Role.SPARE)
        if child is None:
            return None, [], NO_PROCESS
        child.assign(generation)
        return child, changed, ""

    def changed(self, kinds: Mapping[str, Kind]) -> None:
        """Take files that the watcher has reported, before a worker is started for them."""
        snapshot = self._files.get(Process.SNAPSHOT)
        whole = {self._swappable.whole(path): kind for path, kind in kinds.items()}
        self.checkpoints.changed(whole)
        objection = self._swappable.objection(kinds, snapshot.blocked if snapshot is not None else {})
        declined = self._declined.objection(whole)  # asked at each save: the next one is compared with this one
        objection = objection or (declined if snapshot is not None else "")
        if objection or (snapshot is None and self._state.refusal):
            self.checkpoints.import_needed(whole)
        self._change(whole, objection)

    def written(self, kinds: Mapping[str, Kind]) -> None:
        """Take changed files for which no worker is started: an import may have read them."""
        whole = [self._swappable.whole(path) for path in kinds]
        self.checkpoints.written(whole)
        read = [path for path in whole if any(path in each.read for each in self._files.values())]
        if read:
            self._change((), f"{read[0]} has changed, which the import of the project has read")

    def drop(self, why: str) -> None:
        """Use no snapshot for the next worker: what has changed is not known, or is more than code."""
        self.checkpoints.discard()
        self._change((), why)

    def _change(self, paths: Collection[str], objection: str) -> None:
        for each in self._files.values():
            each.changes(paths)
        self._on(events.FilesChanged(objection))

    def worker_wanted(self) -> None:
        """Note that a worker will start soon, for a save: it may be forked from the snapshot."""
        self._on(events.WorkerWanted())
        self.checkpoints.worker_wanted()

    def worker_started(self, worker: Handle, *, swapping: bool) -> None:
        """Note the worker that has its start message now."""
        self._worker = worker
        self.checkpoints.worker_started(worker, swapping=swapping)
        crowded = self._one_processor or (not self._state.has_snapshot and self.is_on and are_crowded())
        self._on(events.WorkerStarted(swapping, crowded))

    def worker_ready(self) -> None:
        """Make a spare for the next save soon, and an import later: the newest worker serves."""
        if self._state.worker is Worker.SWAPPING and Process.SNAPSHOT in self._files:
            self._declined.swapped(self._files[Process.SNAPSHOT].changed)
        self.checkpoints.worker_ready()
        self._on(events.WorkerReady())
        self._loop.call_later(SPARE_S, partial(self._on, events.SpareDue()))

    def worker_gone(self) -> None:
        """Import nothing until there is another worker: the newest one has failed or ended."""
        self.checkpoints.worker_gone()
        self._on(events.WorkerGone())

    def swap_declined(self, reason: str, path: str) -> None:
        """Drop the snapshot, from which a change can't be served by a swap. ``path``: the file; or empty."""
        self._declined.declined(path, reason)
        self.checkpoints.import_needed([path])
        self._on(events.SwapDeclined(reason))

    def swap_failed(self, how: str) -> None:
        """Drop the snapshot: a worker from it has ended, or did not answer, before it was ready."""
        self._on(events.SwapFailed(how))

    def close(self) -> None:
        """Import nothing any more."""
        self.checkpoints.close()
        self._processes.hurry()
        self._on(events.StopRequested("the appliance stops"))

    def status(self) -> dict[str, Any]:
        """Return the part of ``appliance status`` about snapshots."""
        state, snapshot = self._state, self._processes.get(Process.SNAPSHOT)
        ready = self._ready.get(Process.SNAPSHOT)
        making = self._processes.get(Process.NEXT) is not None
        return {
            "state": "off" if not self.is_on else "ready" if snapshot else "making" if making else "none",
            "why": (state.reason or None) if snapshot is None else None,
            "pid": snapshot.pid if snapshot else None,
            "modules": ready.modules if ready else 0,
            "refused": state.refusal or None,
            "blocked": dict(ready.blocked) if ready else {},
            "off": self._swappable.off,
            "unverified": state.worker is Worker.UNVERIFIED,
            "checkpoints": self.checkpoints.status(),
        }

    def files(self) -> dict[str, str]:
        """Return why a change of each module of the snapshot can't be swapped, by path; empty if it can."""
        snapshot = self._files.get(Process.SNAPSHOT)
        return self._swappable.objections(snapshot) if snapshot is not None else {}

    # -- what the preloader does ---------------------------------------------------------------------------------------

    def has_snapshot(self) -> bool:
        """Whether a snapshot serves the next save."""
        return self._state.has_snapshot

    def preloader_ready(self) -> None:
        """Import the project soon: there is a preloader, or another one."""
        self.checkpoints.preloader_ready()
        self._on(events.PreloaderReady())

    def preloader_ended(self) -> None:
        """Begin no import until there is a preloader again."""
        self._on(events.PreloaderEnded())

    def preloader_discarded(self) -> None:
        """Drop everything: the preloader's packages may be out of date."""
        self.checkpoints.discard()
        self._on(events.PreloaderGone())

    # -- what the processes do -----------------------------------------------------------------------------------------

    def imported(self, child: Handle, message: SnapshotReady) -> None:
        """A process has imported the project, or can't be a snapshot of it."""
        self._processes.forget_time(child)
        if child is self._processes.get(Process.NEXT):
            self._ready[Process.NEXT] = message
            self._files[Process.NEXT].blocked = message.blocked
            self._imported(message.refused or self._swappable.unworthy(message.cpu_s, Process.SNAPSHOT in self._files))
        elif child is self._processes.get(Process.AGAIN):
            if message.refused:
                self._on(events.NotCompared(message.refused))
            else:
                self._verification.repeat()

    def _imported(self, refused: str) -> None:
        if refused == NOT_WORTH:
            self.checkpoints.discard()
        elif refused:  # what comes after the checkpoints is imported by each worker
            self.checkpoints.import_over()
        self._on(events.Imported(refused))

    def reached(self, child: Handle, message: CheckpointReached) -> None:
        """What imports the project has paused, and is a checkpoint; a fork of it goes on."""
        if child is self._processes.get(Process.NEXT):
            self._processes.forget_time(self._processes.pop(Process.NEXT))
            files = self._files[Process.NEXT]
            self.checkpoints.reached(child, message, frozenset(files.read), files.changed)

    def _go_on(self, checkpoint: Handle) -> None:
        if not self._imports.go_on(checkpoint):
            self._on(events.NextEnded(NO_PROCESS))

    def compared(self, child: Handle, message: Fingerprints) -> None:
        """A fork has reported its state."""
        self._verification.answered(child, message)

    def _report_comparison(self, differences: tuple[str, ...]) -> None:
        snapshot = self._files.get(Process.SNAPSHOT)
        self._on(events.Compared(differences, keep=snapshot is not None and len(snapshot.changed) <= KEPT_FILES))

    def read(self, child: Handle, message: FilesReport) -> None:
        """Take the files that an import has read."""
        self.checkpoints.read(message.files)
        for process in (Process.NEXT, Process.SNAPSHOT):
            if child is self._processes.get(process):
                self._files[process].reported(message)

    def whole_report(self, report: FilesReport) -> FilesReport:
        """Return the report of a snapshot's fork, with the files of the snapshot itself the first time."""
        snapshot = self._files.get(Process.SNAPSHOT)
        return report if snapshot is None else snapshot.whole_report(report)

    def failed(self, child: Handle, why: str) -> None:
        """An import of the project has failed."""
        if child is self._processes.get(Process.NEXT):
            self._imported(why)
        elif child is self._processes.get(Process.AGAIN):
            self._on(events.NotCompared(why))

    def ended(self, child: Handle) -> None:
        """Note that one of the processes has ended."""
        process = self._processes.which(child)
        if process is None:
            self.checkpoints.ended(child)
            return
        self._processes.pop(process)
        how = "it has taken too long" if child.ending else child.how()
        match process:
            case Process.SPARE:
                self._on(events.SpareGone())
                self._loop.call_later(ANSWER_S, partial(self._on, events.SpareDue()))
            case Process.SNAPSHOT:
                self._on(events.SnapshotEnded(how))
            case Process.NEXT:
                self._on(events.NextEnded(how))
            case Process.VERIFIER | Process.AGAIN:
                self._on(events.NotCompared(how))

    # -- the imports ---------------------------------------------------------------------------------------------------

    def _start_import(self, _action: events.StartImport) -> None:
        if old := too_old(self._worker.python if self._worker is not None else ""):
            self._on(events.ImportStarted())
            self._on(events.Imported(old))
        elif why := self._memory.shortage() or self._import(Process.NEXT):
            self._on(events.ImportNotStarted(why))
        else:
            self._on(events.ImportStarted())

    def _import(self, process: Process) -> str:
        """Have a process import the project; return why there is none, or nothing."""
        analysis, state = required(self._analysis, "a snapshot is made"), self._state
        verifies = process is Process.AGAIN or (state.snapshot is Snapshot.SHARED and state.worker is Worker.UNVERIFIED)
        begin = self._imports.begin if verifies else self._imports.begin_chain
        if why := begin(process, analysis):
            return why
        self._files[process] = SnapshotFiles()
        return ""

    def _end_import(self, _action: events.EndImport) -> None:
        self._end(Process.VERIFIER, Process.AGAIN, Process.NEXT)
        self.checkpoints.import_ended()

    def _resume(self, _action: events.Resume) -> None:
        self._processes.signal(Process.NEXT, signal.SIGCONT)
        self.checkpoints.resume()
        self._imports.give_time(Process.NEXT)

    def _compare(self, _action: events.Compare) -> None:
        self._verification.compare(self._files[Process.SNAPSHOT].changed)

    def _repeat(self, _action: events.Repeat) -> None:
        if why := self._import(Process.AGAIN):
            self._on(events.NotCompared(why))

    def _promote(self, _action: events.Promote) -> None:
        self._end(Process.VERIFIER, Process.AGAIN, Process.SPARE, Process.SNAPSHOT)
        child = self._processes.pop(Process.NEXT)
        self.checkpoints.import_over(self._swappable.weighed(self._ready[Process.NEXT].cpu_s))
        self._processes.add(Process.SNAPSHOT, child)
        self._files[Process.SNAPSHOT] = self._files.pop(Process.NEXT)
        ready = self._ready[Process.SNAPSHOT] = self._ready.pop(Process.NEXT)
        child.became_ready()
        self._reports.ready(child, ready)

    def _report_mismatch(self, action: events.ReportMismatch) -> None:
        generation = self._worker.generation if self._worker is not None else 0
        files = self._swappable.named(self._files[Process.SNAPSHOT].changed) if Process.SNAPSHOT in self._files else []
        self._swappable.turn_off([*files, *action.differences])
        self._reports.mismatch(generation, files, action.differences)

    def _fork_ahead(self, _action: events.ForkAhead) -> None:
        if (child := self._processes.fork_spare()) is not None:
            self.get_ready()
            self._preloading.end_spare()
            self._loop.call_later(CALM_S, partial(self._release_memory, child))
            self._on(events.SpareForked())

    def _release_memory(self, child: Handle) -> None:
        """Nothing was saved for long: replace the fork that waits by one that has copied no memory yet."""
        if child is self._processes.get(Process.SPARE):
            self._processes.end(Process.SPARE)
            if self._processes.fork_spare() is None:
                self._on(events.SpareGone())

    def _end_for(self, why: str) -> None:
        self._on(events.NextEnded(why))
        self._on(events.SnapshotEnded(why))

    def _end(self, *processes: Process) -> None:
        for process in processes:
            self._files.pop(process, None)
            self._ready.pop(process, None)
            self._processes.end(process)
