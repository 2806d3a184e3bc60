"""Get the process of a worker from the fastest source that serves the save. Runs in the supervisor's loop.

A worker is started cold in two cases: ``retry_states`` asks for it (``Source.NOTHING``) because a fork did not fit, or
no source has a process. Each source says why: ``ImportedAhead.fork``, ``Preloading.why_cold``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.supervisor.workers.worker_events import AHEAD, Source

if TYPE_CHECKING:
    from appliance.protocol.messages import FilesReport
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.worker_events import Start


class ForkedAhead(NamedTuple):
    """A worker whose process has imported the project already, whole or in part.

    Attributes:
        child: waits for its start message.
        source: what it comes from.
        changed: the files that have changed since that import.
    """

    child: Handle
    source: Source
    changed: list[str]


class ImportedAhead(Protocol):
    """A part that imports the project before a save, so that workers are forked from it: the sources ``AHEAD``.

    Attributes:
        is_on: whether it may have a process.
    """

    is_on: bool

    def fork(self, generation: int, fastest: Source, reason: str) -> tuple[ForkedAhead | None, str]:
        """Return a worker from the fastest source that serves the save, or None; and why there is no faster one.

        Args:
            generation: of the worker.
            fastest: the fastest source that may be used.
            reason: why none is used that is faster than this.
        """

    def follow(self, analysis: Analysis) -> None:
        """Use this analysis from now on."""

    def drop(self, why: str) -> None:
        """Fork no worker from what was imported until now."""

    def worker_wanted(self) -> None:
        """Note that a worker will start soon, for a save."""

    def worker_started(self, worker: Handle, source: Source) -> None:
        """Note the worker that has its start message now, and what it comes from."""

    def worker_ready(self) -> None:
        """Import again: the newest worker serves."""

    def worker_gone(self) -> None:
        """Import nothing until there is another worker: the newest one has failed or ended."""

    def declined(self, source: Source, why: str, path: str) -> str:
        """Drop a source that can't serve a change (``path``: the file; or empty); return the reason for the log."""

    def drop_source(self, source: Source, how: str) -> None:
        """Drop a source: a worker from it has ended, or did not answer, before it was ready."""

    def import_failed(self, child: Handle, why: str) -> None:
        """Note that the import of a process has failed."""

    def files_reported(self, child: Handle, message: FilesReport) -> FilesReport:
        """Take the files that a process has read; return a worker's with those that were read before its fork."""

    def ended(self, child: Handle) -> None:
        """Note that a process has ended."""


class WorkerSources:
    """The sources of one project's workers, the fastest first."""

    def __init__(self, imported_ahead: ImportedAhead, preloading: Preloading, spawner: Spawner) -> None:
        self._imported_ahead = imported_ahead
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
        if fastest in AHEAD:
            forked, reason = self._imported_ahead.fork(generation, fastest, reason)
            if forked is not None:
                return self._spawner.initialise(forked.child, analysis, forked.changed), forked.source, reason
        if fastest is not Source.NOTHING and (child := self._preloading.fork(generation, analysis)) is not None:
            return self._spawner.initialise(child, analysis), Source.PRELOADER, reason
        reason = "a forked worker did not fit" if fastest is Source.NOTHING else self._preloading.why_cold()
        return self._spawner.worker(generation, analysis), Source.NOTHING, reason
