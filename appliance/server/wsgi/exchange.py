"""One request and its response, as the server records it; and the sink that receives such records.

Made by the handler, once a request, in its thread.
"""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from ...protocol import request_summary
from ...protocol.access_record import AccessRecord, new
from ..http.head import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.head import Head

_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, 3.2: version 00 has exactly four parts; a later one may have more behind them.
_TRACE = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")

# A batch of one costs four times what a record in a batch of eight does, in both processes. The pool's watchdog flushes
# what a thread left, and looks every 5 ms.
_FLUSH_S = 0.004

# The exchange that runs in this context: for what captures the application's output.
current: ContextVar[Exchange | None] = ContextVar("appliance_exchange", default=None)


class Exchange:
    """What is known of one request and its response. Times are CLOCK_MONOTONIC, except for ``ended``.

    Attributes:
        event: "request.finished", "request.refused", "request.aborted" or "websocket.closed".
        head: the request's; None where it could not be read.
        started: its first byte, as near as is known; answered, finished: the response's first and last byte, or 0.
        ended: seconds since the epoch when it was finished.
        status: of the response; 0 where none was sent.
        body_size: bytes of its content that were sent.
        reason: why it was refused; who aborted it, and how far it was.
        route: the framework's own pattern, where a sink's owner knows it.
        mishap: what the framework has caught, until the application has returned.
        streaming: the response is sent piece by piece.
        length: of a response that is sent so; -1 where it is not known.
        endless: it goes on until somebody ends it: hijacked, or an event stream.
        hijacked: the application has taken the socket.
        logged: its line was written.
        slot: where a sink keeps count of it, while it runs.
        stack: tells where its application stands, if that is not on the stack of its thread.
        line: the request line of a head that was refused, as far as it was read.
    """

    # Class attributes and not slots: what is usual costs no assignment.
    event = "request.finished"
    answered = finished = ended = 0.0
    status = body_size = 0
    reason: str | None = None
    route: str | None = None
    framework_error: BaseException | None = None
    slot: Any = None
    stack: Callable[[], str] | None = None
    line = ""
    length = -1
    streaming = endless = hijacked = logged = False

    def __init__(self, head: Head | None, address: str, port: int, started: float, request_id: str) -> None:
        self.head = head
        self.address = address
        self.port = port
        self.started = started
        self.request_id = request_id

    def record(self) -> AccessRecord:
        """Return its access record."""
        # Assignments and not a call of the constructor: see access_record.
        record, head, started = new(AccessRecord), self.head, self.started
        record.event = self.event
        record.ended_us = int(self.ended * 1_000_000)
        record.duration_us = int((self.finished - started) * 1_000_000)
        record.first_byte_us = int((self.answered - started) * 1_000_000) if self.answered else None
        record.trace_id = record.span_id = None
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
            if "HTTP_TRACEPARENT" in fields:
                record.trace_id, record.span_id = trace_of(fields["HTTP_TRACEPARENT"])
        record.status = self.status or None
        record.body_size = self.body_size
        record.client_address = self.address
        record.server_port = self.port
        record.request_id = self.request_id
        record.route = self.route
        record.reason = self.reason
        return record


def trace_of(traceparent: str) -> tuple[str | None, str | None]:
    """Return the trace id and the parent's span id of a ``traceparent`` field; None for each if it is not valid."""
    match = _TRACE.fullmatch(traceparent)
    if match is None or (match[1] == "00" and match[4]):
        return None, None
    return match[2], match[3]


class RequestIds:
    """Makes ids of requests: unique, and cheap (0.1 µs; 16 random bytes in hex are 1.2)."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex() + "-"  # made after the fork, so that no two processes share it
        self._count = count(1)

    def of(self, fields: dict[str, str]) -> str:
        """Return the client's own ``X-Request-ID`` if it is well-formed, else a new one."""
        given = fields.get("HTTP_X_REQUEST_ID")
        if given is not None and _VALID_ID.fullmatch(given) is not None:
            return given
        return self.new()

    def new(self) -> str:
        """Return an id that was not used before."""
        return self._prefix + str(next(self._count))


class Sink(Protocol):
    """Receives what happened in a server. Called from any thread, often; must be cheap."""

    def exchange(self, exchange: Exchange) -> None:
        """A request is over."""

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Something else happened."""

    def flush(self) -> None:
        """The server has nothing to do for now."""


class Flushing:
    """When to flush a sink: at once where that is rare, else every few milliseconds, so that records go in batches."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._at = 0.0

    def flush_if_due(self, now: float) -> None:
        """Flush if the last time is long enough ago; ``now`` is CLOCK_MONOTONIC."""
        if now - self._at > _FLUSH_S:
            self._at = now
            self._sink.flush()

    def flush(self) -> None:
        """Flush at once."""
        self._sink.flush()


class NullSink:
    """A sink that drops everything."""

    def exchange(self, exchange: Exchange) -> None:
        """Drop it."""

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Drop it."""

    def flush(self) -> None:
        """Do nothing."""
