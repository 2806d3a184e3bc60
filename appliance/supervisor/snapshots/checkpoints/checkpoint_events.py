"""The events and actions of ``checkpoint_states``: what can happen to checkpoints, and how they are made and ended.

Data alone; the table decides. Checkpoints are known by numbers, which the performer gives.
"""

from __future__ import annotations

from appliance.protocol.record import Record

# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class FilesChanged(Event):
    """Files have changed, whether or not a worker is started for them.

    Attributes:
        paths: absolute.
        modified: each is a module of the project that was there before, and still is.
    """

    paths: tuple[str, ...]
    modified: bool


class ImportNeeded(Event):
    """No swap can serve a save of these files."""

    paths: tuple[str, ...]


class Discarded(Event):
    """The changed files are not known, or more than files of the project has changed."""


class PreloaderReady(Event):
    """There is another preloader: its forks share no memory with the checkpoints that are kept."""


class WorkerWanted(Event):
    """Files were saved for which a worker is started."""


class WorkerStarted(Event):
    """A worker has its start message.

    Attributes:
        swapping: it was forked from a snapshot.
        number: the checkpoint from which it was forked; 0: none.
    """

    swapping: bool
    number: int = 0


class WorkerReady(Event):
    """The newest worker serves."""


class WorkerGone(Event):
    """The newest worker has failed or ended."""


class WorkerLost(Event):
    """The newest worker was forked from a checkpoint, and ended or did not answer before it was ready."""

    how: str


class ImportStarted(Event):
    """A process imports the project ahead.

    Attributes:
        before: the files before which it pauses.
        number: the checkpoint that it goes on from; 0: it comes from the preloader.
    """

    before: tuple[str, ...] = ()
    number: int = 0


class Reached(Event):
    """The importing process has paused, and is the checkpoint ``number`` from now on.

    Attributes:
        path: the file before which it has paused.
        read: the files that it has read or looked for.
        cpu_s: CPU time of the import until then.
    """

    number: int
    path: str
    read: frozenset[str]
    cpu_s: float = 0.0


class ImportOver(Event):
    """The project is imported, or its import has failed or can't be forked from: its checkpoints can be used.

    ``cpu_s``: CPU time of the whole import; 0 if it is not known.
    """

    cpu_s: float = 0.0


class ImportEnded(Event):
    """The process that imports the project was killed, or has ended by itself."""


class CheckpointEnded(Event):
    """A checkpoint has ended by itself."""

    number: int
    how: str


class MemoryShort(Event):
    """There is little memory left."""

    why: str


class MemoryFree(Event):
    """There is enough memory again."""


class StopRequested(Event):
    """The appliance stops."""


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class GoOn(Action):
    """Have a fork of this checkpoint import the rest of the project."""

    number: int


class End(Action):
    """End this checkpoint."""

    number: int


class ReportReady(Action):
    """Log that there is a checkpoint."""

    number: int
    path: str


class ReportEnded(Action):
    """Log that a checkpoint is not used any more for a reason that is not a save."""

    path: str
    how: str
