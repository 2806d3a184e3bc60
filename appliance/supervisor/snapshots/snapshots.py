"""The snapshots of the project, as workers and the preloader see them: fork from one, and report what happens.

If anything is in doubt, there is no snapshot, and workers are forked from the preloader. ``snapshot_runner`` makes,
verifies and ends them. Runs in the supervisor's loop.

Decision 62 says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.protocol.snapshot_messages import (
    CheckpointReached,
    Fingerprints,
    SnapshotReady,
    SwapDeclined,
    changed_since_read,
)
from appliance.supervisor.measuring.processors import are_crowded
from appliance.supervisor.preloading.preloading import SPARE_S
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots import snapshot_events as events
from appliance.supervisor.snapshots.declined_files import DeclinedFiles
from appliance.supervisor.snapshots.known_snapshots import NewestWorker, fork_source, why_not
from appliance.supervisor.snapshots.snapshot_imports import NO_PROCESS
from appliance.supervisor.snapshots.snapshot_runner import SnapshotRunner
from appliance.supervisor.workers.worker_events import Source
from appliance.supervisor.workers.worker_sources import ForkedAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.protocol.messages import FilesReport
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.runtime import Handlers, Runtime
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.watch.kinds import Kind


class Snapshots:
    """The part of the snapshots that workers and the preloader use.

    Args:
        runtime: the supervisor's.
        runner: makes and ends them.
        preloading: is told whether there is one.
    """

    def __init__(self, runtime: Runtime, runner: SnapshotRunner, preloading: Preloading) -> None:
        self._loop = runtime.loop
        self._runner = runner
        self.is_on = runner.is_on
        self.checkpoints = runner.checkpoints
        self.ended = runner.ended
        self.import_failed = runner.failed
        self._declined = DeclinedFiles()
        if self.is_on:
            preloading.follow(self)

    @classmethod
    def of(cls, runtime: Runtime, preloading: Preloading, spawner: Spawner, replace: Callable[[], None]) -> Snapshots:
        """Return the snapshots of a project; ``replace`` starts another worker instead of the one that serves."""
        return cls(runtime, SnapshotRunner(runtime, preloading, spawner, replace), preloading)

    def handlers(self, declined: Callable[[Handle, str, str], object]) -> Handlers:
        """Return the function for each message of a snapshot's process.

        Args:
            declined: is called with a worker that can't serve the save, the reason, and the file or an empty text.
        """
        return {
            SwapDeclined: lambda child, message, _: declined(child, message.reason, message.path),
            SnapshotReady: lambda child, message, _: self._runner.imported(child, message),
            CheckpointReached: lambda child, message, _: self._runner.reached(child, message),
            Fingerprints: lambda child, message, _: self._runner.compared(child, message),
        }

    def noticed(self, path: str) -> None:
        """Have the spare get ready: a save may follow, of this file if there is a path."""
        self._runner.processes.get_ready([path] if path.endswith(".py") else ())

    # -- what the workers need, and report -----------------------------------------------------------------------------

    def follow(self, analysis: Analysis) -> None:
        """Use this analysis from now on."""
        self._runner.follow(analysis)

    def fork(self, generation: int, fastest: Source, reason: str) -> tuple[ForkedAhead | None, str]:
        """Return a worker from the snapshot, else from a checkpoint, or None; and why there is no faster source."""
        if fastest is Source.SNAPSHOT:
            child, changed, reason = self.fork_snapshot(generation)
            if child is not None:
                return ForkedAhead(child, Source.SNAPSHOT, changed), reason
        child, changed = self.checkpoints.fork(generation)
        return None if child is None else ForkedAhead(child, Source.CHECKPOINT, changed), reason

    def fork_snapshot(self, generation: int) -> tuple[Handle | None, list[str], str]:
        """Return a worker that waits for its start message, and the files that it must swap; or None and the reason."""
        source, why = fork_source(self._runner.state), why_not(self._runner.state)
        if source is None:
            return None, [], why if self._runner.is_asked_for or self._runner.state.had_snapshot else ""
        changed = self._runner.changed_files()
        child = self._runner.fork_worker(source)
        if child is None:
            return None, [], NO_PROCESS
        child.assign(generation)
        return child, changed, ""

    def changed(self, kinds: Mapping[str, Kind]) -> None:
        """Take files that the watcher has reported, before a worker is started for them."""
        there, objection = self._runner.has_files, self._runner.objection(kinds)
        whole = {self._runner.swappable.whole(path): kind for path, kind in kinds.items()}
        self.checkpoints.changed(whole)
        declined = self._declined.take_save(whole)
        objection = objection or (declined if there else "")
        if objection or (not there and self._runner.state.refusal):
            self.checkpoints.import_needed(whole)
        self._runner.change(whole, objection)

    def written(self, kinds: Mapping[str, Kind]) -> None:
        """Take changed files for which no worker is started: an import may have read them."""
        whole = [self._runner.swappable.whole(path) for path in kinds]
        self.checkpoints.written(whole)
        if read := self._runner.first_read(whole):
            self._runner.change((), changed_since_read(read))

    def drop(self, why: str) -> None:
        """Use no snapshot for the next worker: the changes are not known, or not only code has changed."""
        self.checkpoints.discard()
        self._runner.change((), why)

    def worker_wanted(self) -> None:
        """Note that a worker will start soon, for a save: it may be forked from the snapshot."""
        self._runner.on(events.WorkerWanted())
        self.checkpoints.worker_wanted()

    def worker_started(self, worker: Handle, source: Source) -> None:
        """Note the worker that has its start message now, and what it comes from."""
        swapping = source is Source.SNAPSHOT
        self.checkpoints.worker_started(worker, swapping=swapping)
        crowded = self._runner.one_processor or (not self._runner.state.has_snapshot and self.is_on and are_crowded())
        self._runner.worker_started(worker, swapping=swapping, crowded=crowded)

    def worker_ready(self) -> None:
        """Make a spare for the next save soon, and import the project later: the newest worker serves."""
        if self._runner.state.worker is NewestWorker.SWAPPING:
            self._declined.swapped(self._runner.changed_files())
        self.checkpoints.worker_ready()
        self._runner.on(events.WorkerReady())
        self._loop.call_later(SPARE_S, self._fork_ahead)

    def _fork_ahead(self) -> None:
        self._runner.on(events.SpareDue())
        self.checkpoints.fork_ahead()

    def worker_gone(self) -> None:
        """Import nothing until there is another worker: the newest one has failed or ended."""
        self.checkpoints.worker_gone()
        self._runner.on(events.WorkerGone())

    def declined(self, source: Source, why: str, path: str) -> str:
        """Drop a source that can't serve a change (``path``: the file; or empty); return the reason for the log."""
        if source is Source.CHECKPOINT:
            how = "a fork of it has declined"
            self.drop_source(source, how)
            return how
        self._declined.declined(path, why)
        self.checkpoints.import_needed([path])
        self._runner.on(events.SwapDeclined(why))
        return why

    def drop_source(self, source: Source, how: str) -> None:
        """Drop the snapshot or the checkpoint of a worker that has ended, or did not answer, before it was ready."""
        if source is Source.CHECKPOINT:
            self.checkpoints.worker_lost(how)
        else:
            self._runner.on(events.SwapFailed(how))

    def files_reported(self, child: Handle, message: FilesReport) -> FilesReport:
        """Take the files that a process has read; return a worker's with those of its snapshot, the first time."""
        if child.role is not Role.WORKER:
            self._runner.read(child, message)
            return message
        self.checkpoints.read(message.files)
        return self._runner.whole_report(message) if message.more else message

    def close(self) -> None:
        """Import nothing any more."""
        self.checkpoints.close()
        self._runner.processes.end_without_delay()
        self._runner.on(events.StopRequested("the appliance stops"))

    def status(self) -> dict[str, Any]:
        """Return the part of ``appliance status`` about snapshots."""
        return {**self._runner.status(), "checkpoints": self.checkpoints.status()}

    def reload_costs(self) -> dict[str, Any]:
        """Return the part of ``appliance check --reload`` about snapshots.

        ``files`` says why a change of each module can't be swapped (empty if it can), by path; ``checkpoints`` are the
        files that have one.
        """
        return {"files": self._runner.objections(), "checkpoints": self.checkpoints.resumable()}

    # -- what the preloader does ---------------------------------------------------------------------------------------

    def serves_next_save(self) -> bool:
        """Whether a snapshot or a checkpoint will probably serve the next save."""
        return self._runner.serves_next_save()

    def preloader_ready(self) -> None:
        """Import the project soon: there is a preloader, or another one."""
        self.checkpoints.preloader_ready()
        self._runner.on(events.PreloaderReady())

    def preloader_ended(self) -> None:
        """Begin no import until there is a preloader again."""
        self._runner.on(events.PreloaderEnded())

    def preloader_discarded(self) -> None:
        """Drop everything: the preloader's packages may be out of date."""
        self.checkpoints.discard()
        self._runner.on(events.PreloaderGone())
