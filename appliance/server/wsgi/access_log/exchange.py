"""One request and its response, as the server records it.

Made by the handler, once a request, in its thread.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Protocol

from ....protocol import request_summary
from ....protocol.access_record import AccessRecord, new
from ....protocol.traces import parent_of
from ...http.head import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ....protocol.traces import Trace
    from ...http.head import Head


class Details(Protocol):
    """The receiver of the bytes of one request and its response."""

    def fields(self, exchange: Exchange, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the response's fields that are sent, made from those that the application has given."""

    def received(self, data: bytes) -> None:
        """Take a piece of the body that the application reads."""

    def sent(self, parts: Iterable[bytes]) -> None:
        """Take pieces of the response."""


# The exchange that runs in this context: for what captures the application's output.
current: ContextVar[Exchange | None] = ContextVar("appliance_exchange", default=None)


class Exchange:
    """The facts of one request and its response. Times are CLOCK_MONOTONIC, except for ``ended``.

    Attributes:
        event: one of ``access_record.EVENTS``.
        head: the request's; None if it could not be read.
        started: its first byte, as exactly as is known; answered, finished: the response's first and last byte, or 0.
        ended: seconds since the epoch when it was finished.
        status: of the response; 0 if none was sent.
        body_size: bytes of its content that were sent.
        reason: why it was refused; or who aborted it, and after how many bytes.
        route: the framework's own pattern, if the sink's owner knows it.
        framework_error: the exception that a framework has answered itself, until the application has returned.
        streaming: the response is sent piece by piece.
        length: of a response that is sent so; -1 if it is not known.
        endless: it goes on until the client or the server ends it: hijacked, or an event stream.
        hijacked: the application has taken the socket.
        logged: its line was written, or it gets none.
        slot: where a sink keeps count of it, while it runs.
        stack: tells where its application stands, if that is not on the stack of its thread.
        line: the request line of a head that was refused, as far as it was read.
        trace: its span, if requests are traced.
        details: takes the bytes for a sink: ``received(data)`` gets what the application reads of the body,
            ``sent(parts)`` the response, the head first; None: nothing.
    """

    # Class attributes and not slots: the usual values cost no assignment.
    event = "request.finished"
    answered = finished = ended = 0.0
    status = body_size = 0
    reason: str | None = None
    route: str | None = None
    framework_error: BaseException | None = None
    slot: Any = None
    stack: Callable[[], str] | None = None
    details: Details | None = None
    trace: Trace | None = None
    line = ""
    length = -1
    streaming = endless = hijacked = logged = False

    def __init__(self, head: Head | None, address: str, port: int, started: float, request_id: str) -> None:
        self.head = head
        self.address = address
        self.port = port
        self.started = started
        self.request_id = request_id

    @property
    def origin(self) -> str:
        """The request's name in the frames of its output: its id, and its span if requests are traced."""
        trace = self.trace
        if trace is None:
            return self.request_id
        return trace.origin(self.request_id)

    def finish(self) -> None:
        """Note that the response has ended now. A plain response is noted where it is sent, without this call."""
        self.finished = monotonic()
        self.ended = time()

    def record(self) -> AccessRecord:
        """Return its access record."""
        # Assignments and not a call of the constructor: see access_record.
        record, head, started = new(AccessRecord), self.head, self.started
        record.event = self.event
        record.ended_us = int(self.ended * 1_000_000)
        record.duration_us = int((self.finished - started) * 1_000_000)
        record.first_byte_us = int((self.answered - started) * 1_000_000) if self.answered else None
        record.trace = self.trace and list(self.trace)
        if head is None:
            found = request_summary.of_line(self.line)
            record.method, record.path, record.query, record.version, record.user_agent = found
        else:
            fields = head.values
            record.method = head.method
            record.path = head.path
            record.query = head.query
            record.version = PROTOCOLS[head.minor][5:]
            record.user_agent = fields.get("HTTP_USER_AGENT")
            if "HTTP_TRACEPARENT" in fields and self.trace is None:
                parent = parent_of(fields["HTTP_TRACEPARENT"])
                record.trace = parent and [parent.trace_id, parent.span_id]
        record.status = self.status or None
        record.body_size = self.body_size
        record.client_address = self.address
        record.server_port = self.port
        record.request_id = self.request_id
        record.route = self.route
        record.reason = self.reason
        return record
