"""Get the process of a worker from the fastest source that serves the save. Runs in the supervisor's loop.

A worker is started cold in two cases: ``retry_states`` asks for it (``Source.NOTHING``) because a fork did not fit, or
no source has a process. Each source says why: ``known_snapshots.why_not``, ``Preloading.why_cold``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from appliance.supervisor.workers.worker_events import AHEAD, Source

if TYPE_CHECKING:
    from appliance.protocol.messages import FilesReport
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.worker_events import Start


class ImportedAhead(Protocol):
    """A part that imports the project before a save, so that workers are forked from it: the snapshots.

    Attributes:
        is_on: whether it may have a process.
    """

    is_on: bool

    def fork(self, generation: int) -> tuple[Handle | None, list[str], str]:
        """Return a worker that waits for its start message, and the files that it must swap; or None and the reason."""

    def fork_checkpoint(self, generation: int) -> tuple[Handle | None, list[str]]:
        """Return a worker that imports the rest of the project, and the files that have changed; or None."""

    def follow(self, analysis: Analysis) -> None:
        """Use this analysis from now on."""

    def drop(self, why: str) -> None:
        """Fork no worker from what was imported until now."""

    def worker_wanted(self) -> None:
        """Note that a worker will start soon, for a save."""

    def worker_started(self, worker: Handle, *, swapping: bool) -> None:
        """Note the worker that has its start message now."""

    def worker_ready(self) -> None:
        """Import again: the newest worker serves."""

    def worker_gone(self) -> None:
        """Import nothing until there is another worker: the newest one has failed or ended."""

    def swap_declined(self, reason: str, path: str) -> None:
        """Drop the snapshot, which can't serve a change by a swap. ``path``: the file; or empty."""

    def swap_failed(self, how: str) -> None:
        """Drop the snapshot: a worker from it has ended, or did not answer, before it was ready."""

    def checkpoint_lost(self, how: str) -> None:
        """Drop the checkpoint of a worker that has ended, or did not answer, before it was ready."""

    def import_failed(self, child: Handle, why: str) -> None:
        """Note that the import of a process has failed."""

    def files_reported(self, child: Handle, message: FilesReport) -> FilesReport:
        """Take the files that a process has read; return a worker's with those that were read before its fork."""

    def ended(self, child: Handle) -> None:
        """Note that a process has ended."""


class WorkerSources:
    """The sources of one project's workers, the fastest first."""

    def __init__(self, snapshots: ImportedAhead, preloading: Preloading, spawner: Spawner) -> None:
        self._snapshots = snapshots
        self._preloading = preloading
        self._spawner = spawner

    def process(self, action: Start, analysis: Analysis, reason: str) -> tuple[Handle, Source, str]:
        """Return a worker that has its start message, its source, and why it has no faster source.

        Args:
            action: the start that the table asks for.
            analysis: of the project.
            reason: why the attempt before this one has failed.

        Raises:
            StartError: there is none.
        """
        generation, fastest = action.generation, action.fastest
        if fastest is Source.SNAPSHOT:
            child, changed, reason = self._snapshots.fork(generation)
            if child is not None:
                return self._spawner.initialise(child, analysis, changed), Source.SNAPSHOT, reason
        if fastest in AHEAD:
            child, changed = self._snapshots.fork_checkpoint(generation)
            if child is not None:
                return self._spawner.initialise(child, analysis, changed), Source.CHECKPOINT, reason
        if fastest is not Source.NOTHING and (child := self._preloading.fork(generation, analysis)) is not None:
            return self._spawner.initialise(child, analysis), Source.PRELOADER, reason
        reason = "a forked worker did not fit" if fastest is Source.NOTHING else self._preloading.why_cold()
        return self._spawner.worker(generation, analysis), Source.NOTHING, reason
