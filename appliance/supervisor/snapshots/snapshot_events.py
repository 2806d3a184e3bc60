"""The events and actions of ``snapshot_states``: what can happen to a snapshot, and how snapshots are made and ended.

Data alone; the table decides. ``known_snapshots.SnapshotRole`` has the names of the processes.
"""

from __future__ import annotations

import math

from appliance.protocol.record import Record

# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class ProjectChanged(Event):
    """For its workers the project is another one: the application, the environment or a variable has changed."""


class PreloaderReady(Event):
    """There is a preloader, or another one: a snapshot can be forked."""


class PreloaderEnded(Event):
    """The preloader has ended; snapshots that were forked from it can still be used."""


class PreloaderGone(Event):
    """The preloader was discarded: its packages, and so those of every snapshot, may be out of date."""


class FilesChanged(Event):
    """The watcher has reported files; a worker may be started for them, or not.

    Attributes:
        objection: why no swap can serve these files; empty if each is a module of the project that still exists.
    """

    objection: str = ""


class WorkerWanted(Event):
    """Files were saved for which a worker is started."""


class WorkerStarted(Event):
    """A worker has its start message.

    Attributes:
        swapping: it was forked from the SNAPSHOT.
        crowded: an import beside this worker would delay it: there is only one processor, or other processes use all.
    """

    swapping: bool
    crowded: bool = False


class WorkerReady(Event):
    """The newest worker serves."""


class WorkerGone(Event):
    """The newest worker has failed or ended: no worker serves the last save."""


class SwapDeclined(Event):
    """A worker from the SNAPSHOT can't serve the change by a swap; it ends."""

    reason: str


class SwapFailed(Event):
    """A worker from the SNAPSHOT has ended, or did not answer, before it was ready."""

    how: str


class SpareDue(Event):
    """A worker serves: there is time to fork another one ahead."""


class SpareForked(Event):
    """The SNAPSHOT was asked for the SPARE."""


class SpareGone(Event):
    """The SPARE has become a worker, or has ended."""


class ImportDue(Event):
    """The wait before the next import is over."""


class ImportStarted(Event):
    """The NEXT snapshot imports the project."""


class ImportNotStarted(Event):
    """There is no process for the NEXT snapshot."""

    how: str


class Imported(Event):
    """The NEXT snapshot has imported the project; ``refused``: why it can't be forked from."""

    refused: str = ""


class NextEnded(Event):
    """The NEXT snapshot has ended by itself, or was ended because its import took too long."""

    how: str


class Compared(Event):
    """The state after the swaps was compared with that of the NEXT snapshot.

    Attributes:
        differences: the names that differ, without those that differ between any two imports.
        keep: the SNAPSHOT has little to swap, so if nothing differs the NEXT snapshot is not needed.
    """

    differences: tuple[str, ...] = ()
    keep: bool = False


class NotCompared(Event):
    """The two could not be compared, or not a second time."""

    why: str


class SnapshotEnded(Event):
    """The SNAPSHOT has ended by itself, or answers nothing."""

    how: str


class StopRequested(Event):
    """The appliance stops."""

    reason: str


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class Schedule(Action):
    """Send ImportDue after ``after_s`` seconds without another Schedule; after ``latest_s`` in any case."""

    after_s: float
    latest_s: float = math.inf


class StartImport(Action):
    """Have a fork of the preloader import the project: the NEXT snapshot."""


class Pause(Action):
    """Stop the processes that import: a worker that is started for a save must have the CPU for itself."""


class Resume(Action):
    """Send SIGCONT to the processes that import."""


class Compare(Action):
    """Have a fork of the SNAPSHOT make the swaps of the workers; compare its state with that of the NEXT snapshot."""


class Repeat(Action):
    """Import the same files AGAIN: differences between two imports say nothing about a swap."""


class Promote(Action):
    """Make the NEXT snapshot the SNAPSHOT; end the older SNAPSHOT and its SPARE."""


class ForkAhead(Action):
    """Have the SNAPSHOT fork the SPARE."""


class EndSnapshot(Action):
    """End the SNAPSHOT and its SPARE."""


class EndImport(Action):
    """End the processes that import and compare: the NEXT snapshot, the VERIFIER, and the one that imports AGAIN."""


class ReportRefused(Action):
    """Log why the project has no snapshot."""

    reason: str


class ReportEnded(Action):
    """Log that a snapshot has ended by itself."""

    how: str


class ReportVerified(Action):
    """Log that nothing differs."""


class ReportUnverified(Action):
    """Log why a swap could not be compared with an import."""

    why: str


class ReportMismatch(Action):
    """Log the differences after a swap, and stop swapping these files."""

    differences: tuple[str, ...]


class ReplaceWorker(Action):
    """Start a worker that is not from a snapshot instead of the one that serves."""
