"""The state of the snapshots and of the newest worker, and questions that it alone answers. Pure.

``snapshot_states`` changes the state by events. The questions here are: when the next import is due, and whether the
next worker is forked from a snapshot.
"""

from __future__ import annotations

import enum
import math

from appliance.protocol.record import Record

FIRST_S = 0.05  # the first requests of the first worker come before the first snapshot
QUIET_S = 1.0  # without a save, before the project is imported again
LATEST_S = 2.0  # while there is no snapshot: the longest wait for a moment without a save
DOUBLINGS = 4  # of that wait: in a series of saves that no snapshot can serve, not each save starts an import
LATER_S = 300.0  # the longest wait after a snapshot has failed
NOT_READY = "no snapshot of the project is ready yet"
NOT_SAVED = "this start is for no save"


class Phase(enum.Enum):
    """The work that goes on beside the SNAPSHOT."""

    WAITING = "waiting"  # nothing
    IMPORTING = "importing"  # the NEXT snapshot imports the project
    COMPARING = "comparing"  # its state is compared with that of the VERIFIER, which has swapped
    REPEATING = "repeating"  # the states differ: the same files are imported AGAIN
    OFF = "off"  # by a setting, or the appliance stops


class SnapshotRole(enum.Enum):
    """The processes that a table's action or a performer may mean."""

    SNAPSHOT = "snapshot"  # workers are forked from it
    SPARE = "spare"  # a fork of the SNAPSHOT, made ahead
    NEXT = "next"  # imports the project, to become the SNAPSHOT
    VERIFIER = "verifier"  # a fork of the SNAPSHOT, which makes the same swaps as the workers
    AGAIN = "again"  # imports the same files as NEXT


class SnapshotState(enum.Enum):
    """Whether there is a SNAPSHOT in which every change since its import may be swapped."""

    NONE = "none"
    SHARED = "shared"  # its memory is shared with the preloader that it was forked from
    DETACHED = "detached"  # that preloader has been replaced: no other process shares the memory


class NewestWorker(enum.Enum):
    """The state of the newest worker."""

    NONE = "none"  # it has ended, or another worker will replace it soon
    STARTING = "starting"  # it has its start message, and is not ready
    SWAPPING = "swapping"  # the same, forked from the SNAPSHOT
    SERVING = "serving"
    UNVERIFIED = "unverified"  # it serves after a swap, which has not been compared with an import


class State(Record):
    """The state of the table.

    Attributes:
        reason: why the next worker is not forked from a snapshot.
        refusal: why no worker may be forked from the last import; empty if one may.
        refused: the refused import was the newest one, and no file has changed since.
        preloader: there is one.
        crowded: as ``WorkerStarted.crowded``, of the newest worker.
        wanted: files were saved, and the worker for them is not started yet.
        spare: the SNAPSHOT has its SPARE.
        had_snapshot: there was a SNAPSHOT before.
        next_detached: the NEXT snapshot will be DETACHED.
        declines: how many swaps in a row were declined.
        failures_in_a_row: of snapshots.
    """

    phase: Phase = Phase.WAITING
    reason: str = NOT_READY
    worker: NewestWorker = NewestWorker.NONE
    snapshot: SnapshotState = SnapshotState.NONE
    spare: bool = False
    had_snapshot: bool = False
    next_detached: bool = False
    preloader: bool = False
    crowded: bool = False
    wanted: bool = False
    refusal: str = ""
    refused: bool = False
    declines: int = 0
    failures_in_a_row: int = 0

    @property
    def has_snapshot(self) -> bool:
        """Whether workers may be forked from the SNAPSHOT."""
        return self.snapshot is not SnapshotState.NONE

    @property
    def starts(self) -> bool:
        """Whether the newest worker is not ready yet."""
        return self.worker in {NewestWorker.STARTING, NewestWorker.SWAPPING}

    @property
    def serves(self) -> bool:
        """Whether the newest worker serves, verified or not."""
        return self.worker in {NewestWorker.SERVING, NewestWorker.UNVERIFIED}


def delay_s(state: State) -> float | None:
    """Return the seconds without a save until the next import begins; None if none is due."""
    # Without a snapshot, import even while saves keep coming: otherwise these would postpone the first snapshot
    # forever.
    has_time = state.serves or (state.starts and not state.has_snapshot and not state.crowded)
    waits = state.phase is Phase.WAITING and has_time and state.preloader and not state.refused
    settled = state.snapshot is SnapshotState.SHARED and state.worker is not NewestWorker.UNVERIFIED
    if settled or not waits:
        return None
    failures = state.failures_in_a_row
    first = not (state.had_snapshot or failures)
    return max(FIRST_S if first else QUIET_S, min(2.0**failures, LATER_S) if failures else 0.0)


def latest_s(state: State) -> float:
    """Return the seconds after which the next import begins even if saves keep coming."""
    latest = LATEST_S * 2.0 ** min(state.declines, DOUBLINGS)
    return math.inf if state.has_snapshot else max(delay_s(state) or 0.0, latest)


def fork_source(state: State) -> SnapshotRole | None:
    """Return the process from which the next worker is forked; None if that is not a snapshot."""
    if not (state.has_snapshot and state.wanted):
        return None
    return SnapshotRole.SPARE if state.spare else SnapshotRole.SNAPSHOT


def why_not(state: State) -> str:
    """Return why the next worker is not forked from a snapshot."""
    if state.has_snapshot and state.phase is not Phase.OFF:
        return "" if state.wanted else state.reason or NOT_SAVED
    return state.reason
