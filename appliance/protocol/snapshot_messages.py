"""The messages about snapshots: processes that import the project ahead of the next save, and are forked then.

Fields are JSON values, as in ``messages``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .record import Message, made_default

if TYPE_CHECKING:
    from .start.start_options import StartOptions
    from .start.start_target import StartTarget

OLDEST_PYTHON: Final = (3, 12)  # ``sys.monitoring``
TOO_OLD: Final = "swaps need Python 3.12 or newer"


class ImportAhead(Message):
    """Start as a snapshot: the first message to a process that the preloader has forked. The values are those of Start.

    It imports the project, answers ``SnapshotReady``, and is forked from by ``Fork``. It serves nothing.

    ``before``: own files (absolute paths). The import pauses before it first reads one of them: ``CheckpointReached``.
    """

    kind = "import_ahead"
    generation: int
    root: str
    target: StartTarget
    options: StartOptions
    mark: str = ""
    code: str = ""
    before: list[str] = made_default(default_factory=list)


class GoOn(Message):
    """Import the rest, as the snapshot: the first message to a process that a checkpoint has forked, if not ``Start``.

    It may become the next checkpoint. It answers as the checkpoint would have answered to ``ImportAhead``.
    """

    kind = "go_on"


class Verify(Message):
    """Swap these files, answer ``Fingerprints``, and end: the first message to a process that a snapshot has forked.

    ``changed``: as in ``Start``. Empty: the fork says what the import itself has made.
    """

    kind = "verify"
    changed: list[str]


class GetReady(Message):
    """A save is likely, or has begun: copy the memory that a worker writes to, and wait for the next message.

    To a process that a snapshot has forked, before any other message. It may never come, or more than once.

    ``changed``: files that the save will probably change. The process compiles them ahead, as they are now; if they
    are the same when the save comes, it need not compile them then.
    """

    kind = "get_ready"
    changed: list[str] = made_default(default_factory=list)


class CheckpointReached(Message):
    """The import has paused: what comes before this file is imported, and nothing of the file was read.

    The process is forked from by ``Fork``, and never imports the rest itself. A ``FilesReport`` of what it has read and
    looked for until then comes before this message.

    Attributes:
        path: the file, as ``ImportAhead.before`` names it.
        cpu_s: CPU time of the import until then.
    """

    kind = "checkpoint_reached"
    path: str
    cpu_s: float = 0.0


class SnapshotReady(Message):
    """The snapshot has imported the project.

    Attributes:
        import_s: how long that took, with what it has to find out afterwards.
        cpu_s: CPU time of the project's import alone; -1 if it is not known.
        modules: how many own modules it has.
        refused: why it can't be forked from, naming the module: the process ends. Empty: it can.
        blocked: own modules whose functions can't be swapped, and why.
    """

    kind = "snapshot_ready"
    import_s: float = 0.0
    cpu_s: float = -1.0
    modules: int = 0
    refused: str = ""
    blocked: dict[str, str] = made_default(default_factory=dict)


class SwapDeclined(Message):
    """This change can't be swapped: this worker ends, and another one has to be forked from the preloader.

    Attributes:
        reason: why, naming the function or the module.
        path: the file; or empty.
    """

    kind = "swap_declined"
    reason: str
    path: str = ""


class Fingerprints(Message):
    """The answer to ``Verify``: the hash of each own module after the swap.

    ``refused``: why there is no answer; or empty.
    """

    kind = "fingerprints"
    fingerprint: dict[str, str] = made_default(default_factory=dict)
    refused: str = ""


SNAPSHOT_MESSAGES: Final = (
    ImportAhead,
    GoOn,
    Verify,
    GetReady,
    CheckpointReached,
    SnapshotReady,
    SwapDeclined,
    Fingerprints,
)


def changed_since_read(path: str) -> str:
    """Return why a change of this file needs an import: the project may have kept what it has read."""
    return f"{path} has changed, which the import of the project has read"
