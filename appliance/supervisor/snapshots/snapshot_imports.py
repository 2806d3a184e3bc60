"""Start the processes that import the project ahead of the next save. Runs in the supervisor's loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.errors import StartError
from appliance.protocol.snapshot_messages import OLDEST_PYTHON, TOO_OLD
from appliance.supervisor.snapshots.known_snapshots import SnapshotRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.snapshots.checkpoints.checkpoints import Checkpoints
    from appliance.supervisor.snapshots.snapshot_processes import SnapshotProcesses
    from appliance.supervisor.steps.analysis import Analysis

NO_PROCESS = "no process could be forked"


class SnapshotImports:
    """The imports of one project.

    Args:
        runtime: the supervisor's.
        preloading: forks the processes that import.
        spawner: tells these processes what to import.
        processes: holds them.
        checkpoints: the imports that have paused.
    """

    def __init__(
        self,
        runtime: Runtime,
        preloading: Preloading,
        spawner: Spawner,
        processes: SnapshotProcesses,
        checkpoints: Checkpoints,
    ) -> None:
        self._children = runtime.children
        self._preloading = preloading
        self._spawner = spawner
        self._processes = processes
        self._checkpoints = checkpoints
        self._import_s = runtime.settings.boot_timeout_s

    def begin(self, process: SnapshotRole, analysis: Analysis, before: tuple[str, ...] = ()) -> str:
        """Have a process import the project; return why there is none, or nothing.

        ``before``: the files before which the import pauses.
        """
        child = self._preloading.fork_snapshot()
        if child is None:
            return NO_PROCESS
        try:
            self._spawner.import_ahead(child, analysis, before)
        except (StartError, OSError) as error:
            self._children.kill(child)
            return str(error)
        self._begun(process, child)
        return ""

    def begin_chain(self, process: SnapshotRole, analysis: Analysis) -> str:
        """As ``begin``, from the last checkpoint that is right, or with checkpoints on the way."""
        source = self._checkpoints.import_source()
        if source is not None and self._continue(process, source):
            self._checkpoints.import_started(source=source)
            return ""
        before = self._checkpoints.files_before()
        if not (why := self.begin(process, analysis, before)):
            self._checkpoints.import_started(before)
        return why

    def go_on(self, checkpoint: Handle) -> bool:
        """Have a fork of a checkpoint import the rest as NEXT; return whether there is one."""
        return self._continue(SnapshotRole.NEXT, checkpoint)

    def _continue(self, process: SnapshotRole, checkpoint: Handle) -> bool:
        child = self._checkpoints.fork_import(checkpoint)
        if child is None:
            return False
        self._spawner.go_on(child, checkpoint)
        self._begun(process, child)
        return True

    def _begun(self, process: SnapshotRole, child: Handle) -> None:
        self._processes.add(process, child)
        self._processes.give_time(child, self._import_s)

    def give_time(self, process: SnapshotRole) -> None:
        """Give a process its whole time again: the time in which it was stopped does not count."""
        if (child := self._processes.get(process)) is not None:
            self._processes.give_time(child, self._import_s)


def too_old(python: str) -> str:
    """Return why a project's Python can't swap; empty if it can."""
    numbers = tuple(int(part) for part in python.split(".")[:2] if part.isdecimal())
    if len(numbers) < len(OLDEST_PYTHON) or numbers >= OLDEST_PYTHON:
        return ""
    return f"{TOO_OLD}; the project has {python}"


class ImportSchedule:
    """When the next import begins: each save delays it, but not forever.

    Args:
        loop: the supervisor's.
        due: is called when it begins.
    """

    def __init__(self, loop: Loop, due: Callable[[], None]) -> None:
        self._loop = loop
        self._call = due
        self._timer: Timer | None = None
        self._asked_at = 0.0  # the time of the first request for the scheduled import

    def ask(self, after_s: float, latest_s: float) -> None:
        """Begin ``after_s`` after this call; at the latest ``latest_s`` after the first call for this import."""
        now = time.monotonic()
        if self._timer is not None:
            self._timer.cancel()
        else:
            self._asked_at = now
        due = min(now + after_s, self._asked_at + latest_s)
        self._timer = self._loop.call_later(max(0.0, due - now), self._due)

    def _due(self) -> None:
        self._timer = None
        self._call()
