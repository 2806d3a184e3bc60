"""Look at the memory that is left, while snapshots and checkpoints hold some. Runs in the supervisor's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.supervisor.measuring.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop
    from appliance.supervisor.snapshots.checkpoints.checkpoints import Checkpoints
    from appliance.supervisor.snapshots.snapshot_processes import SnapshotProcesses

MEMORY_S = 10.0  # between two looks


class SnapshotMemory:
    """The memory that the processes of the snapshots may use: none while it is short.

    Args:
        loop: the supervisor's.
        processes: those of the snapshots.
        checkpoints: are told how much memory is left.
        end_snapshots: ends the snapshots, and the process that imports one; called with the reason.
    """

    def __init__(
        self, loop: Loop, processes: SnapshotProcesses, checkpoints: Checkpoints, end_snapshots: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._processes = processes
        self._checkpoints = checkpoints
        self._end_snapshots = end_snapshots
        self._memory = Memory()
        self._watching = False

    def shortage(self) -> str:
        """Say how little memory is left, or nothing if an import may begin; look again from now on."""
        if not self._watching:
            self._watching = True
            self._loop.call_later(MEMORY_S, self._look)
        why = self._memory.shortage()
        self._checkpoints.note_memory(why)
        return why

    def _look(self) -> None:
        self._watching = False
        if not (self._processes.are_there or self._checkpoints.are_there):
            return
        if why := self.shortage():
            self._end_snapshots(why)
