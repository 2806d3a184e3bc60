"""The messages between the supervisor and its children: what each says, and to whom.

Both sides import it. Owns their fields, which are JSON values; knows nothing of how they travel. On the project's side
under any Python from 3.10 to 3.15, so the standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

# The order of the fields of an access record (Records.batch, kind "access"). A list, not a dict: it halves the coding.
# Times are whole microseconds: JSON spends 0.5 µs on the digits of each float, more than on all else of a record.
ACCESS_FIELDS = (
    "event",  # request.finished, request.refused, request.aborted, websocket.closed
    "ended_us",  # since the epoch
    "duration_us",  # from the first byte of the head to the last of the response
    "first_byte_us",  # to the first byte of the response; null if there was none
    "method",  # as sent, Latin-1; null if the head could not be read
    "path",  # as sent: percent-encoding intact
    "query",  # as sent, without the question mark
    "version",  # "1.1"
    "status",  # int; null if none was sent
    "body_size",  # bytes of the response's content that were sent
    "client_address",
    "server_port",
    "user_agent",
    "request_id",
    "trace_id",  # W3C Trace Context, from a valid traceparent
    "span_id",
    "route",  # the framework's own pattern, where it tells
    "reason",  # why it was refused; who aborted it, and how far it was
)


@dataclass(frozen=True)
class Message:
    """What every message is: its fields are JSON values."""

    kind: ClassVar[str]

    def fits(self, descriptors: int) -> bool:
        """Whether a child may send so many descriptors with it."""
        return descriptors == 0


# -- supervisor to child ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Start(Message):
    """Be this: the first message to every child. Carries the listening socket.

    To a worker also the memory file of its requests (``protocol/inflight``), a pipe for notes on files
    (``worker/files/input_files``), and a terminal if there is one.
    """

    kind = "start"
    role: str  # "worker", "standin"
    generation: int
    root: str  # the project's folder; the working folder of the worker
    target: dict[str, Any]  # appliance.discovery.project.Target as a dict; empty for a stand-in
    options: dict[str, Any]  # what the server needs: threads, limits, hosts ...
    mark: str = ""  # what its words are tagged with (``tagged``), in hexadecimal
    code: str = ""  # the folder that keeps the compiled code of the project's modules; empty: none


@dataclass(frozen=True)
class TakeConnections(Message):
    """Serve these connections, one descriptor each; ``early`` is what was read of each already, Latin-1."""

    kind = "take"
    early: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drain(Message):
    """Accept no more, hand over what is idle, finish what runs, end.

    Attributes:
        grace_s: within so many seconds; it is ended otherwise.
        streams_s: how long to wait until what made the streams that are ended has noticed.
    """

    kind = "drain"
    grace_s: float = 0.0
    streams_s: float = 0.0


@dataclass(frozen=True)
class ReportBackgroundWork(Message):
    """Say what work goes on in the background; with ``cut`` end after that."""

    kind = "report"
    cut: bool = False


@dataclass(frozen=True)
class StartAccepting(Message):
    """Accept from now on: the answer to a worker's ``Ready``.

    Until then it has no connection of its own, so that one that a save has overtaken can be killed at any time, and
    never answers with code that is old already.
    """

    kind = "serve"


@dataclass(frozen=True)
class ReportModules(Message):
    """Say what was loaded.

    Attributes:
        quiet: there is time now: write what is to be kept, too.
    """

    kind = "learn"
    quiet: bool = True


@dataclass(frozen=True)
class ServeUnfinishedImport(Message):
    """The import has taken a while: should it never end, serve what it has bound."""

    kind = "look"


@dataclass(frozen=True)
class Preload(Message):
    """Be a preloader: the first message to one. Carries a file for the name of the module that runs.

    Where the list is not proven it also carries a channel and descriptors 1 and 2, for a copy: it takes the next one.

    Attributes:
        root: the project's folder; what is below it is not for a preloader.
        search_path: the folders that a worker puts first on its path.
        modules: what to import, in this order.
        left: what not to import.
        others: further names that a worker had loaded: aliases, the project's own.
        proven: all this was imported before, and nothing unsafe was seen.
    """

    kind = "preload"
    root: str
    search_path: list[str]
    modules: list[str]
    left: list[str]
    others: list[str]
    proven: bool


@dataclass(frozen=True)
class Fork(Message):
    """Fork a worker. Carries its end of a channel, its descriptors 1 and 2, and, if there is one, its lifeline."""

    kind = "fork"


@dataclass(frozen=True)
class SetStandInPage(Message):
    """What the stand-in says from now on; it accepts, and answers after the wait."""

    kind = "words"
    page: dict[str, Any]
    wait_s: float  # how long a connection is held in the hope of a worker
    since: float  # CLOCK_MONOTONIC when the waiting began; counts for those that queued before the stand-in was up


@dataclass(frozen=True)
class StopAccepting(Message):
    """The stand-in accepts no more and hands over what it holds, until its next words."""

    kind = "rest"


# -- child to supervisor ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hello(Message):
    """The child runs."""

    kind = "hello"
    pid: int
    python: str


@dataclass(frozen=True)
class Ready(Message):
    """The application is imported. A worker then waits for ``StartAccepting``; a stand-in accepts already."""

    kind = "ready"
    import_s: float = 0.0
    began: float = 0.0  # CLOCK_MONOTONIC when the import began
    application: str = ""


@dataclass(frozen=True)
class ModulesReport(Message):
    """What this worker has loaded.

    Attributes:
        modules, others: as in Preload.
        patched: why nothing may be preloaded, if so: what changed the standard library, or runs before everything.
        templates: the folders in which the frameworks look for templates, as far as they tell.
    """

    kind = "learned"
    modules: list[str]
    others: list[str]
    patched: str = ""
    templates: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FilesReport(Message):
    """The files of the project that this worker was made from; before ``Failed``, or after ``Ready``.

    Attributes:
        files: of each its mark when it was met: time of change (ns), size, inode, time of the inode's change (ns), and
            a CRC-32 of what was read, or -1. Empty for a file that was looked for and is not there.
    """

    kind = "loaded"
    files: dict[str, list[int]]


@dataclass(frozen=True)
class Preloaded(Message):
    """The preloader can fork, if ``found`` and ``refused`` are empty.

    Attributes:
        found: modules that must not be preloaded, and why.
        refused: why nothing may be preloaded at all.
    """

    kind = "preloaded"
    found: dict[str, str]
    refused: str
    import_s: float


@dataclass(frozen=True)
class ForkMismatch(Message):
    """What this worker was forked with does not fit the project; it ends, and another one is to be started cold.

    Attributes:
        modules: those that must not be preloaded.
        stale: they may be, but anew.
    """

    kind = "unfit"
    why: str
    modules: list[str]
    stale: bool


@dataclass(frozen=True)
class Failed(Message):
    """The application could not be imported; the child ends. ``report`` is appliance.server.pages.error_page's."""

    kind = "failed"
    report: dict[str, Any]


@dataclass(frozen=True)
class Records(Message):
    """What happened, a list a record.

    ``["access", *ACCESS_FIELDS]``, or ``["event", seconds since the epoch, level, event, fields]``.
    """

    kind = "records"
    batch: list[list[Any]]


@dataclass(frozen=True)
class HandOverConnections(Message):
    """Connections for whoever serves next, as in Take."""

    kind = "hand_over"
    early: list[str] = field(default_factory=list)

    def fits(self, descriptors: int) -> bool:
        """One a connection."""
        return descriptors == len(self.early)


@dataclass(frozen=True)
class StacksPipe(Message):
    """On this signal the child writes the stacks of its threads to the pipe whose read end comes with this."""

    kind = "stacks"
    signal: int

    def fits(self, descriptors: int) -> bool:
        """The pipe."""
        return descriptors == 1


@dataclass(frozen=True)
class DebuggerPort(Message):
    """A debugger listens on this port of loopback (0: there is none); ``waits``: until a client has come."""

    kind = "debugger"
    port: int
    waits: bool = False


@dataclass(frozen=True)
class StoppedAccepting(Message):
    """This worker accepts no more: the answer to ``Drain``, before what runs is finished."""

    kind = "left"


@dataclass(frozen=True)
class Drained(Message):
    """No request runs here any more; threads and hooks of the project's may."""

    kind = "drained"


KINDS: dict[str, type[Message]] = {
    message.kind: message
    for message in (
        Start,
        TakeConnections,
        Drain,
        ReportBackgroundWork,
        StartAccepting,
        ReportModules,
        ServeUnfinishedImport,
        Preload,
        Fork,
        SetStandInPage,
        StopAccepting,
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
    )
}

# -- what a child that has lost its mind may send ----------------------------------------------------------------------

_JSON: dict[str, Any] = {"str": str, "int": int, "bool": bool, "float": (int, float), "list": list, "dict": dict}
_FIELDS = {
    kind: [(each.name, str(each.type), _JSON[str(each.type).partition("[")[0]]) for each in fields(kind)]
    for kind in KINDS.values()
}


def check(message: Message) -> None:
    """Let it pass if its fields are what they are declared to be; those of its records are looked at later, one by one.

    Raises:
        TypeError: one is not.
    """
    for name, declared, expected in _FIELDS[type(message)]:
        value = getattr(message, name)
        if not isinstance(value, expected):
            raise TypeError(f"{name} is of type {type(value).__name__}")
        texts = value if declared == "list[str]" else value.values() if declared == "dict[str, str]" else ()
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"{name} holds what is no text")
