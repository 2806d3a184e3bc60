"""The messages between the supervisor and its children, after the first to each (``start/first_messages``).

Fields are JSON values. On the project's side this module runs on Python 3.10 to 3.15, so it imports only the standard
library.
"""

from __future__ import annotations

from typing import Any

from .page_messages import PAGE_MESSAGES
from .record import Message, declared_types, made_default
from .snapshot_messages import SNAPSHOT_MESSAGES
from .start.first_messages import FIRST_MESSAGES

# -- supervisor to child ---------------------------------------------------------------------------------------------


class TakeConnections(Message):
    """Serve these connections, one descriptor each.

    Attributes:
        early: the bytes already read from each, as Latin-1.
        peers: the clients' addresses where the sockets do not know them (relayed TLS), else ""; empty: all do.
    """

    kind = "take_connections"
    early: list[str] = made_default(default_factory=list)
    peers: list[str] = made_default(default_factory=list)


class Drain(Message):
    """Stop accepting, hand over idle connections, finish running requests, end.

    Attributes:
        grace_s: end within this time, or be killed.
        streams_s: how long to wait for the threads of aborted streams.
        pause_s: how long to wait after the last exit hook.
    """

    kind = "drain"
    grace_s: float = 0.0
    streams_s: float = 0.0
    pause_s: float = 0.0


class ReportBackgroundWork(Message):
    """Report the work in the background; with ``end``, end after that."""

    kind = "report_background_work"
    end: bool = False


class StartAccepting(Message):
    """Start accepting: the answer to a worker's ``Ready``.

    Until then a worker has no connections, so that one that a newer save has superseded can be killed at any time, and
    never answers with outdated code.
    """

    kind = "start_accepting"


class TellLastSave(Message):
    """The last save, for error pages (``supervisor/reporting/last_saves``)."""

    kind = "tell_last_save"
    saved: dict[str, Any]


class ReportModules(Message):
    """Report the loaded modules.

    Attributes:
        quiet: the appliance is idle: write the compiled code to the cache too.
    """

    kind = "report_modules"
    quiet: bool = True


class ServeUnfinishedImport(Message):
    """The import has taken long: if it is endless, serve the application that it has bound."""

    kind = "serve_unfinished_import"


class Fork(Message):
    """Fork a worker. Carries its end of a channel, its descriptors 1 and 2, and its lifeline if there is one."""

    kind = "fork"


# -- child to supervisor ---------------------------------------------------------------------------------------------


class Hello(Message):
    """The child runs."""

    kind = "hello"
    pid: int
    python: str


class Ready(Message):
    """The application is imported. A worker then waits for ``StartAccepting``; a stand-in already accepts.

    Attributes:
        import_s: how long the import, or the swap, took.
        began: CLOCK_MONOTONIC at its start.
        application: the qualified name of its class or function.
        how: "swapped": functions were swapped in a fork of a snapshot; "checkpoint": the import went on from one;
            empty: the project was imported.
        swapped: the files whose functions were swapped.
    """

    kind = "ready"
    import_s: float = 0.0
    began: float = 0.0
    application: str = ""
    how: str = ""
    swapped: list[str] = made_default(default_factory=list)


class ModulesReport(Message):
    """The modules that this worker has loaded.

    Attributes:
        modules, others: as in Preload.
        patched: why nothing may be preloaded: what changed the standard library, or runs before everything else; or "".
        templates: the folders in which the frameworks look for templates, as far as known.
    """

    kind = "modules_report"
    modules: list[str]
    others: list[str]
    patched: str = ""
    templates: list[str] = made_default(default_factory=list)


class FilesReport(Message):
    """The project's files that this worker was made from; sent before ``Failed``, or after ``Ready``.

    Attributes:
        files: for each, its mark before it was used: mtime (ns), size, inode, ctime (ns), and a CRC-32 of the content
            that was read, or -1. Empty for a file that was looked for but is missing.
        listed: the project's folders that were listed.
        more: this process was forked from a snapshot, which has reported the rest.
    """

    kind = "files_report"
    files: dict[str, list[int]]
    listed: list[str] = made_default(default_factory=list)
    more: bool = False


class Preloaded(Message):
    """The preloader has finished; it can fork if ``found`` and ``refused`` are empty.

    Attributes:
        found: modules that must not be preloaded, and why.
        refused: why nothing may be preloaded at all.
    """

    kind = "preloaded"
    found: dict[str, str]
    refused: str
    import_s: float


class ForkMismatch(Message):
    """The preloaded modules do not fit the project: this worker ends, and another one has to be started cold.

    Attributes:
        modules: the modules that must not be preloaded.
        stale: they may be preloaded, but have to be loaded again.
    """

    kind = "fork_mismatch"
    why: str
    modules: list[str]
    stale: bool


class Failed(Message):
    """The import of the application failed; the child ends. ``report`` is made by appliance.server.pages.error_page."""

    kind = "failed"
    report: dict[str, Any]


class Records(Message):
    """Log records, each a list.

    An access record (``access_record``), or ``["event", seconds since the epoch, level, event, fields]``.
    """

    kind = "records"
    batch: list[list[Any]]


class HandOverConnections(Message):
    """Connections for another server, as in TakeConnections.

    Attributes:
        early, peers: as there.
        own_pages: true: the stand-in answers, because a page of the appliance was asked for; false: the next worker
            answers.
    """

    kind = "hand_over_connections"
    early: list[str] = made_default(default_factory=list)
    peers: list[str] = made_default(default_factory=list)
    own_pages: bool = False

    def fits(self, descriptors: int) -> bool:
        """Whether there is one for each connection."""
        return descriptors == len(self.early) and len(self.peers) in {0, descriptors}


class StacksPipe(Message):
    """The child writes its threads' stacks to a pipe on this signal; the pipe's read end comes with the message."""

    kind = "stacks_pipe"
    signal: int

    def fits(self, descriptors: int) -> bool:
        """Whether the pipe is there."""
        return descriptors == 1


class DebuggerPort(Message):
    """A debugger listens on this port of loopback (0: none does); ``waits``: until a client connects."""

    kind = "debugger_port"
    port: int
    waits: bool = False


class StoppedAccepting(Message):
    """This worker has stopped accepting: the answer to ``Drain``, before running requests have finished."""

    kind = "stopped_accepting"


class Drained(Message):
    """No request runs here any more; threads and exit hooks of the project may."""

    kind = "drained"


KINDS: dict[str, type[Message]] = {
    message.kind: message
    for message in (
        TakeConnections,
        Drain,
        ReportBackgroundWork,
        StartAccepting,
        TellLastSave,
        ReportModules,
        ServeUnfinishedImport,
        Fork,
        Hello,
        Ready,
        ModulesReport,
        FilesReport,
        Preloaded,
        ForkMismatch,
        Failed,
        Records,
        HandOverConnections,
        DebuggerPort,
        StacksPipe,
        StoppedAccepting,
        Drained,
        *FIRST_MESSAGES,
        *PAGE_MESSAGES,
        *SNAPSHOT_MESSAGES,
    )
}

# -- checks of what a damaged child may send ---------------------------------------------------------------------------

_JSON: dict[str, Any] = {
    "str": str, "int": int, "bool": bool, "float": (int, float), "list": list, "dict": dict,
    "StartOptions": dict, "StartTarget": dict,
}  # fmt: skip
_FIELDS = {
    kind: [(name, text, _JSON[text.partition("[")[0]]) for name, text in declared_types(kind).items()]
    for kind in KINDS.values()
}


def check(message: Message) -> None:
    """Check that a message's fields have their declared types; each record of ``Records`` is checked later.

    Raises:
        TypeError: a field has another type.
    """
    for name, declared, expected in _FIELDS[type(message)]:
        value = getattr(message, name)
        if not isinstance(value, expected):
            raise TypeError(f"{name} is of type {type(value).__name__}")
        texts = value if declared == "list[str]" else value.values() if declared == "dict[str, str]" else ()
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"{name} contains a value that is not a text")
