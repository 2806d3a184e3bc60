"""Get the process of a worker from the fastest source that serves the save. Runs in the supervisor's loop.

A worker is started cold in two cases: ``retry_states`` asks for it (``Source.NOTHING``) because a fork did not fit, or
no source has a process. Each source says why: ``known_snapshots.why_not``, ``Preloading.why_cold``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.supervisor.workers.worker_events import AHEAD, Source

if TYPE_CHECKING:
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.snapshots.snapshots import Snapshots
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.worker_events import Start


class WorkerSources:
    """The sources of one project's workers, the fastest first."""

    def __init__(self, snapshots: Snapshots, preloading: Preloading, spawner: Spawner) -> None:
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
            child, changed = self._snapshots.checkpoints.fork(generation)
            if child is not None:
                return self._spawner.initialise(child, analysis, changed), Source.CHECKPOINT, reason
        if fastest is not Source.NOTHING and (child := self._preloading.fork(generation, analysis)) is not None:
            return self._spawner.initialise(child, analysis), Source.PRELOADER, reason
        reason = "a forked worker did not fit" if fastest is Source.NOTHING else self._preloading.why_cold()
        return self._spawner.worker(generation, analysis), Source.NOTHING, reason
