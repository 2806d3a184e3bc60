"""What is known of the images and of the newest worker, and what follows from it. Pure.

``snapshot_states`` changes it by events. A question here looks at the state alone: when the next import is due, and
whether the next worker is forked from an image.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

FIRST_S = 0.05  # the first requests of the first worker come before the first image
QUIET_S = 1.0  # without a save, before the project is imported again
LATEST_S = 2.0  # while there is no image: the longest wait for a moment without a save
DOUBLINGS = 4  # of that wait: a series of saves that no image can serve does not start an import for each
LATER_S = 300.0  # the longest wait after an image has failed
NOT_READY = "no image of the project is ready yet"
NOT_SAVED = "this start is for no save"


class Phase(enum.Enum):
    """What is under way beside the IMAGE."""

    WAITING = "waiting"  # nothing
    IMPORTING = "importing"  # the NEXT image imports the project
    COMPARING = "comparing"  # it is compared with what the VERIFIER has swapped
    REPEATING = "repeating"  # they differ: the same files are imported AGAIN
    OFF = "off"  # by a setting, or the appliance stops


class Process(enum.Enum):
    """The processes that a table's action or a performer may mean."""

    IMAGE = "image"  # workers are forked from it
    SPARE = "spare"  # a fork of the IMAGE, made ahead
    NEXT = "next"  # imports the project, to become the IMAGE
    VERIFIER = "verifier"  # a fork of the IMAGE, which swaps what workers have swapped
    AGAIN = "again"  # imports the same files as NEXT


class Image(enum.Enum):
    """Whether there is an IMAGE for which every change since its import may be swapped."""

    NONE = "none"
    SHARED = "shared"  # its memory is shared with the preloader that it was forked from
    DETACHED = "detached"  # that preloader has been replaced: no other process shares the memory


class Worker(enum.Enum):
    """What the newest worker does."""

    NONE = "none"  # it has ended, or another one is about to replace it
    STARTING = "starting"  # it has its start message, and is not ready
    SWAPPING = "swapping"  # the same, forked from the IMAGE
    SERVING = "serving"
    UNVERIFIED = "unverified"  # it serves what it has swapped, which has not been compared with an import


@dataclass(frozen=True)
class State:
    """The state of the table.

    Attributes:
        reason: why the next worker is not forked from an image.
        refusal: why the last import can't be forked from; empty once one could.
        refused: it was the newest import, and no file has changed since.
        preloader: there is one.
        crowded: as ``WorkerStarted.crowded``, of the newest worker.
        wanted: files were saved for which no worker has been started yet.
        spare: the IMAGE has its SPARE.
        had_image: there was an IMAGE before.
        next_detached: the NEXT image will be DETACHED.
        declines: how many swaps in a row were declined.
        failures_in_a_row: of images.
    """

    phase: Phase = Phase.WAITING
    reason: str = NOT_READY
    worker: Worker = Worker.NONE
    image: Image = Image.NONE
    spare: bool = False
    had_image: bool = False
    next_detached: bool = False
    preloader: bool = False
    crowded: bool = False
    wanted: bool = False
    refusal: str = ""
    refused: bool = False
    declines: int = 0
    failures_in_a_row: int = 0

    @property
    def has_image(self) -> bool:
        """Whether workers may be forked from the IMAGE."""
        return self.image is not Image.NONE

    @property
    def starts(self) -> bool:
        """Whether the newest worker is not ready yet."""
        return self.worker in {Worker.STARTING, Worker.SWAPPING}

    @property
    def serves(self) -> bool:
        """Whether the newest worker serves, verified or not."""
        return self.worker in {Worker.SERVING, Worker.UNVERIFIED}


def delay_s(state: State) -> float | None:
    """Return the seconds without a save until the next import begins; None if none is due."""
    # Without an image, import even while saves keep coming: steady saves would otherwise postpone the first forever.
    has_time = state.serves or (state.starts and not state.has_image and not state.crowded)
    waits = state.phase is Phase.WAITING and has_time and state.preloader and not state.refused
    settled = state.image is Image.SHARED and state.worker is not Worker.UNVERIFIED
    if settled or not waits:
        return None
    failures = state.failures_in_a_row
    first = not (state.had_image or failures)
    return max(FIRST_S if first else QUIET_S, min(2.0**failures, LATER_S) if failures else 0.0)


def latest_s(state: State) -> float:
    """Return the seconds after which the next import begins although saves come."""
    latest = LATEST_S * 2.0 ** min(state.declines, DOUBLINGS)
    return math.inf if state.has_image else max(delay_s(state) or 0.0, latest)


def fork_source(state: State) -> Process | None:
    """Return the process that gives the next worker; None if it is not to be from an image."""
    if not (state.has_image and state.wanted):
        return None
    return Process.SPARE if state.spare else Process.IMAGE


def why_not(state: State) -> str:
    """Return why the next worker is not forked from an image."""
    if state.has_image and state.phase is not Phase.OFF:
        return "" if state.wanted else state.reason or NOT_SAVED
    return state.reason
