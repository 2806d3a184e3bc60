"""``WSGIRequestHandler``: one connection's loop, request by request.

Owns what is done with a connection's bytes: head, environ, application, next; must not know who calls it when (a thread a
connection, or a pool with a selector). Runs in whichever thread serves the connection.

Kept from ``http.server`` and Django: the names, the documented instance variables, the hooks for subclasses. Left: the
readers' buffers, ``email`` for each head (five times the cost of all the rest), leniency (see ``lenient``).
"""

from __future__ import annotations

import io
import select
import sys
from contextvars import Context
from time import monotonic, time
from typing import TYPE_CHECKING, Any
from wsgiref import simple_server

from .body import Body, Empty, LengthBody
from .chunked import ChunkedBody
from .environ import connection_environ, request_environ
from .equipment import Equipment
from .exchange import Exchange, current
from .hijack import HijackedSocket
from .refusal import Refused, answer
from .response import ServerHandler
from .software import SOFTWARE
from .streams import Reader, Writer
from .wire import Wire

if TYPE_CHECKING:
    from email.message import Message

    from .head import Head

_EMPTY = Empty()
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_OPTIONS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_TLS = "You're accessing the development server over HTTPS, but it only supports HTTP."
_LOG_HOOKS = ("log_message", "log_request", "log_error")


class WSGIRequestHandler(simple_server.WSGIRequestHandler):
    """Serves one connection.

    Attributes:
        client_address, command, path, request_version, requestline, headers, rfile, wfile, close_connection, server: as
            ``http.server`` documents them; ``headers`` is made when it is asked for.
        lenient: accept what ``http.server`` documents that it accepts: lines that end in LF alone, runs of white space in
            the request line, HTTP/0.9. Each has let requests be smuggled.
        wire, equipment, head: the connection's bytes; what the server shares; the current request's head.
    """

    protocol_version = "HTTP/1.1"
    server_version = SOFTWARE
    lenient = False
    _logs_itself = False

    wire: Wire
    equipment: Equipment
    head: Head | None
    hijacked: HijackedSocket | None
    exchange: Exchange | None
    # What the pool found before it gave the connection to a thread.
    raw: bytes | None
    refusal: Refused | None
    started: float

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._logs_itself = any(getattr(cls, name) is not getattr(WSGIRequestHandler, name) for name in _LOG_HOOKS)

    # -- the connection

    def setup(self) -> None:
        """Take the socket over."""
        equipment = Equipment.of(self.server)
        self.connection = self.request
        self.begin(equipment, Wire(self.request, equipment.limits))

    def begin(self, equipment: Equipment, wire: Wire) -> None:
        """Serve this wire; everything else is set (also used by the pool, which makes no threads for handlers)."""
        self.equipment = equipment
        self.wire = wire
        self.head = None
        self.hijacked = None
        self.exchange = None
        self.raw = None
        self.refusal = None
        self.started = 0.0
        self.command = self.path = self.request_version = ""
        self.close_connection = True
        self._raw = b""
        self._body: Body | Empty = _EMPTY
        self._message: Message | None = None
        self._reader: Reader | None = None
        self._common = connection_environ(
            equipment.base,
            self.client_address,
            scheme="https" if wire.secure else "http",
            multithread=equipment.multithread,
            multiprocess=False,
        )

    def handle(self) -> None:
        """Serve requests until one says that it was the last."""
        self.close_connection = True
        self.handle_one_request()
        while not self.close_connection:
            self.handle_one_request()
        if self.hijacked is None:
            self.wire.linger()

    def finish(self) -> None:
        """Nothing is buffered here."""

    # -- one request

    def handle_one_request(self) -> None:
        """Read a head, run the application; whether another may follow is ``close_connection``."""
        self.close_connection = True
        try:
            if not self._read_head():
                return
            environ = self.get_environ()
            self._check(environ)
            head = self.head
            if head is None or (head.path == "*" and self._answer_options()):
                return
            if head.upgrade and not self.may_stream():
                raise Refused(503, "too many streams and WebSockets are open")
        except Refused as refusal:
            self._refuse(refusal)
            return
        run = ServerHandler(self._body, self.wire, self.get_stderr(), environ, self.equipment.multithread)
        run.request_handler = self
        run.exchange = self.exchange = exchange = self.new_exchange(environ["appliance.request_id"])
        if head.upgrade:
            environ["werkzeug.socket"] = self.hijacked = HijackedSocket(self.wire, exchange, self.socket_taken)
        # A context of its own, as a thread of its own would have: what one request sets, the next must not see.
        Context().run(self._run, run, exchange)
        if exchange.hijacked:
            return
        self.hijacked = None
        body = self._body
        if run.persistent and (body.ended or body.drain(self.equipment.limits)):
            self.close_connection = False

    def _run(self, run: ServerHandler, exchange: Exchange) -> None:
        current.set(exchange)
        run.run(self.server.get_app())

    def _read_head(self) -> bool:
        """Wait for a head and parse it; False if the client has nothing more to say."""
        self.head = self.exchange = None
        self._body = _EMPTY
        self._raw = b""
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        raw, self.raw = self.raw, None
        if raw is None:
            self.started = monotonic()
            raw = self.wire.pop_head()
            if raw is None:
                raw = self._wait_for_head()
                if raw is None:
                    return False
        self._raw = raw
        self.accept(self.equipment.parser.parse(raw))
        return True

    def accept(self, head: Head) -> None:
        """Make this the current request."""
        self.head = head
        self._message = None
        self.command = head.method
        self.path = head.target
        self.request_version = ("HTTP/0.9", "HTTP/1.0", "HTTP/1.1")[head.minor + 1]
        if head.length or head.chunked:
            greet = self._greet if head.expects else None
            limits = self.equipment.limits
            if 0 < limits.max_body_bytes < head.length:
                raise Refused(413, f"the body is larger than {limits.max_body_bytes} bytes (RFC 9110, 15.5.14)")
            if head.chunked:
                self._body = ChunkedBody(self.wire, limits, greet)
            else:
                self._body = LengthBody(self.wire, limits, head.length, greet)
        else:
            self._body = _EMPTY
        if self._reader is not None:
            self._reader.body = self._body

    def _wait_for_head(self) -> bytes | None:
        wire, limits = self.wire, self.equipment.limits
        deadline = monotonic() + limits.idle_timeout_s
        begun = bool(wire.buffer)
        if begun:
            deadline = monotonic() + limits.header_timeout_s
        try:
            while True:
                if not wire.fill():
                    wire.wait(select.POLLIN, deadline - monotonic())
                    continue
                if not begun:
                    self.started = monotonic()
                raw = wire.pop_head()
                if raw is not None or wire.ended:
                    return raw
                if wire.buffer and not begun:
                    begun = True
                    deadline = monotonic() + limits.header_timeout_s
        except TimeoutError:
            if wire.buffer:
                raise Refused(408, "the head did not come in time (RFC 9110, 15.5.9)") from None
        except OSError:
            wire.ended = True
        return None

    def _check(self, environ: dict[str, Any]) -> None:
        allowed = self.equipment.allowed_hosts
        host = environ.get("HTTP_HOST")
        if allowed is not None and host is not None and not allowed(host):
            raise Refused(
                403, f"the host {host!r:.100} is not served here. Add it to APPLIANCE_ALLOWED_HOSTS to allow it"
            )

    def _greet(self) -> None:
        """100 (Continue), unless the body is on its way (RFC 9110, 10.1.1)."""
        if not self.wire.buffer:
            self.wire.send(_CONTINUE)

    def new_exchange(self, request_id: str | None = None) -> Exchange:
        """The current request's record."""
        equipment = self.equipment
        address = self.client_address[0] if isinstance(self.client_address, tuple) else ""
        return Exchange(self.head, address, equipment.port, self.started, request_id or equipment.ids.new())

    def socket_taken(self) -> None:
        """The application has taken the socket; the pool forgets it."""
        taken = getattr(self.server, "connection_taken", None)
        if taken is not None:
            taken(self)
            self.may_stream()

    def may_stream(self) -> bool:
        """Ask the server for a thread that may be had for long."""
        begins = getattr(self.server, "stream_begins", None)
        return begins is None or bool(begins(self))

    @property
    def is_clean(self) -> bool:
        """The client wanted the connection closed and owes nothing, so that closing it at once resets nothing."""
        head = self.head
        return head is not None and not head.keep_alive and bool(self._body.ended) and not self.wire.buffer

    def _answer_options(self) -> bool:
        """``OPTIONS *`` asks about the server, not about anything that an application has (RFC 9110, 9.3.7)."""
        head = self.head
        exchange = self.new_exchange(self.equipment.ids.of(head.fields) if head is not None else None)
        exchange.status = 200
        persistent = head is not None and head.keep_alive and self.equipment.persistent and self._body.ended
        self._send_own(
            exchange,
            b"HTTP/1.1 200 OK\r\n%sAllow: %s\r\nContent-Length: 0\r\n%s\r\n"
            % (self.equipment.heads.date(), _OPTIONS.encode(), b"" if persistent else b"Connection: close\r\n"),
        )
        self.close_connection = not persistent
        return True

    def _refuse(self, refusal: Refused) -> None:
        """Answer a request that is not served, and close: nothing behind it can be trusted to be a request."""
        exchange = self.new_exchange()
        exchange.event = "request.refused"
        exchange.status = refusal.status
        exchange.reason = _TLS if refusal.reason == "this is TLS" else refusal.reason
        content = not (self._raw or self.wire.buffer).startswith(b"HEAD ")
        date = self.equipment.heads.date()
        self._send_own(exchange, answer(refusal.status, exchange.reason, date=date, content=content))

    def _send_own(self, exchange: Exchange, data: bytes) -> None:
        try:
            self.wire.send(data)
        except OSError:
            exchange.event = "request.aborted"
            exchange.reason = "the client left before the response"
        exchange.answered = exchange.finished = monotonic()
        exchange.ended = time()
        self.log_exchange(exchange)

    # -- what subclasses may use or replace

    def get_environ(self) -> dict[str, Any]:
        """The request's environ, but for its streams."""
        head = self.head
        if head is None:
            raise RuntimeError("there is no request")
        environ = request_environ(self._common, head)
        if head.forwarded is not None:
            self.equipment.proxies.apply(environ, head.forwarded)
        environ["appliance.request_id"] = self.equipment.ids.of(head.fields)
        return environ

    def get_stderr(self) -> Any:
        """Where ``wsgi.errors`` writes."""
        return sys.stderr

    def address_string(self) -> str:
        """The client's address, not looked up."""
        return str(self.client_address[0]) if self.client_address else ""

    def parse_request(self) -> bool:
        """For a subclass that reads the request line itself into ``raw_requestline``: parse the rest of the head."""
        self.wire.buffer = self.raw_requestline + self.wire.buffer
        try:
            return self._read_head()
        except Refused as refusal:
            self._refuse(refusal)
            return False

    @property
    def requestline(self) -> str:
        """The request line, without its end."""
        return self._raw.partition(b"\r\n")[0].decode("latin-1")

    @requestline.setter
    def requestline(self, line: str) -> None:
        self._raw = line.encode("latin-1", "replace") + self._raw[self._raw.find(b"\r\n") :]

    @property
    def headers(self) -> Message:
        """The fields as an ``email.message.Message``, made when it is asked for."""
        if self._message is None:
            from http.client import parse_headers  # noqa: PLC0415 (few ask)

            self._message = parse_headers(io.BytesIO(self._raw.partition(b"\r\n")[2] + b"\r\n\r\n"))
        return self._message

    @headers.setter
    def headers(self, message: Message) -> None:
        self._message = message

    @property
    def rfile(self) -> Reader:  # type: ignore[override]  # typeshed has the socketserver's attribute
        """The connection's bytes, from here on."""
        if self._reader is None:
            self._reader = Reader(self.wire, self.equipment.limits.body_timeout_s)
            self._reader.body = self._body
        return self._reader

    @property
    def wfile(self) -> Writer:  # type: ignore[override]  # as above
        """Writes to the connection at once."""
        return Writer(self.wire)

    # -- logging

    def log_exchange(self, exchange: Exchange) -> None:
        """The line of a request that is over: a subclass's, where it has one, else the sink's; once."""
        if exchange.logged:
            return
        exchange.logged = True
        if not self._logs_itself:
            self.equipment.sink.exchange(exchange)
        elif exchange.event == "request.refused":
            self.log_error("code %d, message %s", exchange.status, exchange.reason or "")
        else:
            self.log_request(exchange.status or "-", exchange.body_size)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's signature)
        """An event of a subclass's words; the level by the status among them, as Django's."""
        status = str(args[1]) if len(args) > 1 else ""
        level = {"4": "warning", "5": "error"}.get(status[:1], "info")
        message = format % args
        if status[:1] == "4" and str(args[0]).startswith("\x16\x03"):
            message = _TLS
        fields: dict[str, object] = {"message": message, "client.address": self.address_string()}
        self.equipment.sink.event(level, "request.logged", fields)
