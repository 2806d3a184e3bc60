"""Compare a swap with a fresh import, by the fingerprints that a fork of each snapshot makes.

Only a fork makes a fingerprint, because that takes time and memory; a save ends the fork at once. Runs in the
supervisor's loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.protocol.snapshot_messages import Verify
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots.known_snapshots import SnapshotRole
from appliance.supervisor.snapshots.snapshot_imports import NO_PROCESS
from appliance.supervisor.snapshots.swap_comparison import SwapComparison

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from appliance.protocol.snapshot_messages import Fingerprints
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.snapshots.snapshot_processes import SnapshotProcesses

COMPARE_S = 10.0  # for a fork to swap, and to report its state


class Verification:
    """The forks that verify, one at a time.

    Args:
        children: get the messages.
        processes: has the snapshots, and the fork as its VERIFIER.
        compared: takes what differs.
        not_compared: takes the reason why nothing could be compared.
    """

    def __init__(
        self,
        children: Children,
        processes: SnapshotProcesses,
        compared: Callable[[tuple[str, ...]], object],
        not_compared: Callable[[str], object],
    ) -> None:
        self._children = children
        self._processes = processes
        self._compared = compared
        self._not_compared = not_compared
        self._comparison = SwapComparison()
        self._states: dict[SnapshotRole, Mapping[str, str]] = {}  # a snapshot's, or a fork's after its swap
        self._asked = SnapshotRole.SNAPSHOT
        self._repeated = False

    def compare(self, changed: Iterable[str]) -> None:
        """Compare the state of the SNAPSHOT after a swap of these files with that of the NEXT snapshot."""
        self._states.clear()
        self._repeated = False
        self._ask(SnapshotRole.SNAPSHOT, changed)

    def repeat(self) -> None:
        """Compare the state of the NEXT snapshot with that of the process that has imported AGAIN."""
        self._repeated = True
        self._ask(SnapshotRole.AGAIN)

    def _ask(self, process: SnapshotRole, changed: Iterable[str] = ()) -> None:
        child = self._processes.fork(process, Role.SNAPSHOT)
        if child is None:
            self._not_compared(NO_PROCESS)
            return
        self._asked = process
        self._processes.add(SnapshotRole.VERIFIER, child)
        self._processes.give_time(child, COMPARE_S)
        self._children.send(child, Verify(changed=list(changed)))

    def answered(self, child: Handle, message: Fingerprints) -> None:
        """Take the state that a fork reports."""
        if child is not self._processes.get(SnapshotRole.VERIFIER):
            return
        self._processes.end(SnapshotRole.VERIFIER)
        if message.refused:
            self._not_compared(message.refused)
            return
        self._states[self._asked] = message.fingerprint
        if SnapshotRole.NEXT not in self._states:
            self._ask(SnapshotRole.NEXT)
        elif self._repeated:
            imported, again = self._states[SnapshotRole.NEXT], self._states[SnapshotRole.AGAIN]
            self._compared(self._comparison.unexplained_differences(imported, again))
        else:
            swapped, imported = self._states[SnapshotRole.SNAPSHOT], self._states[SnapshotRole.NEXT]
            self._compared(self._comparison.swap_differences(swapped, imported))
