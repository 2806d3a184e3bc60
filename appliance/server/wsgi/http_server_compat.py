"""The documented interface of a handler of ``http.server``: the variables that show its request, its errors, its log.

The variables are made from the request's head when they are asked for. Runs in the thread that serves the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from wsgiref import simple_server

from ..http.head import PROTOCOLS, field_lines, request_line, with_target
from ..http.refusal import RequestRefused, phrase, reason_phrase
from .access_log.exchange import Exchange
from .access_log.sink import NullSink
from .server_responses import TLS, refuse
from .streams import Reader, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

    from ..http.body import Body, Empty
    from ..http.head import Head, HeadParser
    from ..io.wire import Wire
    from .access_log.sink import Sink
    from .server_context import ServerContext

_LOG_HOOKS = ("log_message", "log_request", "log_error")
_NAME_HOOK = "address_string"
_LINE_SHOWN = 4096  # characters of a refused request's line that its record shows


class HeadAttribute:
    """A documented variable: read from the request's head, until a subclass sets it for that request."""

    def __init__(self, read: Callable[[Any], str]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = "_set_" + name

    def __get__(self, handler: Any, owner: type | None = None) -> Any:
        if handler is None:
            return self
        head, value = vars(handler).get(self._key, (None, None))
        return value if value is not None and head is handler.head else self._read(handler)

    def __set__(self, handler: Any, value: str) -> None:
        vars(handler)[self._key] = (handler.head, value)


class HttpServerHandler(simple_server.WSGIRequestHandler):
    """The part of ``WSGIRequestHandler`` that ``http.server`` documents."""

    # What it shows; WSGIRequestHandler declares and sets it.
    server_context: ServerContext
    wire: Wire
    socketless: bool
    raw_requestline: bytes
    head: Head | None
    exchange: Exchange | None
    started: float
    _address: str
    _parser: HeadParser
    _raw: bytes
    _body: Body | Empty

    # Its own. Class attributes, as WSGIRequestHandler's.
    _message: tuple[Head | None, Message] | None = None
    _reader: Reader | None = None
    _path = ""
    _rfile: Any = None  # the value that was set
    _wfile: Any = None
    _logs_itself = _names_clients = False  # a subclass has methods of its own

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.find_hooks()

    @classmethod
    def find_hooks(cls) -> None:
        """Note which methods around the log are replaced: by a subclass, or later in the class, as a test does it."""
        own = {name for name in (*_LOG_HOOKS, _NAME_HOOK) if getattr(cls, name) is not getattr(HttpServerHandler, name)}
        cls._logs_itself = not own.isdisjoint(_LOG_HOOKS)
        cls._names_clients = _NAME_HOOK in own

    # -- the request's variables

    @HeadAttribute
    def command(self) -> str:
        """The method."""
        return self.head.method if self.head is not None else ""

    @property
    def path(self) -> str:
        """The request target, as sent."""
        return self.head.target if self.head is not None else self._path

    @path.setter
    def path(self, target: str) -> None:
        """Set another target for the request; its environ is made from it.

        Raises:
            RequestRefused: the target is not valid.
        """
        if self.socketless:
            self._path = target
            return
        self._raw = with_target(self._raw, target)
        self.head = self._parser.parse(self._raw)

    @HeadAttribute
    def request_version(self) -> str:
        """The version that the request is read as."""
        return PROTOCOLS[self.head.minor] if self.head is not None else ""

    @HeadAttribute
    def requestline(self) -> str:
        """The request line, without its end."""
        return request_line(self._raw or (b"" if self.socketless else self.wire.buffer[:65_536]))

    @property
    def headers(self) -> Message:  # a plain attribute in http.server, as those below
        """The fields as an ``email.message.Message``, made when it is asked for."""
        if self._message is None or self._message[0] is not self.head:
            from email.parser import Parser  # noqa: PLC0415  few handlers need it
            from http.client import HTTPMessage  # noqa: PLC0415  as above

            # Not http.client's parse_headers, which takes no more than 100 fields.
            self._message = (self.head, Parser(_class=HTTPMessage).parsestr(field_lines(self._raw) + "\r\n\r\n"))
        return self._message[1]

    @headers.setter
    def headers(self, message: Message) -> None:
        """Replace the fields that are shown; the environ keeps what the client sent."""
        self._message = (self.head, message)

    @property
    def rfile(self) -> Any:
        """The connection's bytes, from here on."""
        if self._rfile is None and not self.socketless:
            if self._reader is None:
                self._reader = Reader(self.wire, self.server_context.limits.body_timeout_s)
            self._show_body()
            return self._reader
        return self._rfile

    @rfile.setter
    def rfile(self, file: Any) -> None:
        """Set a subclass's own file; the server itself reads from the connection, if there is one."""
        self._rfile = file

    @property
    def wfile(self) -> Any:
        """Writes to the connection at once."""
        return self._wfile if self._wfile is not None or self.socketless else Writer(self.wire)

    @wfile.setter
    def wfile(self, file: Any) -> None:
        """Set a subclass's own file; the server itself writes to the connection, if there is one."""
        self._wfile = file

    def _show_body(self) -> None:
        """Let a file that ``rfile`` was before begin with the current request's body."""
        if self._reader is not None:
            self._reader.body = self._body

    # -- errors

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with an error, and close. A subclass that replaces this is called for every refusal."""
        if self.socketless:
            super().send_error(code, message, explain)
        else:
            refuse(self, RequestRefused(code, explain or message or "", reason_phrase(message)))

    # -- logging

    def make_sink(self) -> Sink:
        """Return the sink for a server that has none."""
        return NullSink()

    def new_exchange(self) -> Exchange:
        """Begin the record of a request that the server answers itself, or whose application a subclass runs."""
        server_context, head = self.server_context, self.head
        request_id = server_context.ids.new() if head is None else server_context.ids.of(head.values)
        self.exchange = exchange = Exchange(head, self._address, server_context.port, self.started, request_id)
        if head is None:
            exchange.line = self.requestline[:_LINE_SHOWN]
        return exchange

    def address_string(self) -> str:
        """Return the client's address; its name is not looked up."""
        return str(self._address)

    def log_exchange(self, exchange: Exchange) -> None:
        """Log a request that has ended, once: by the subclass's method if it has one, else by the sink."""
        # Read and set by one statement, without a call or a jump in between: no other thread runs there. A thread that
        # ends streams may log an exchange while its own thread does.
        logged, exchange.logged = exchange.logged, True
        if logged:
            return
        if self._names_clients:
            exchange.address = self.address_string()
        if not self._logs_itself:
            self.server_context.sink.exchange(exchange)
        elif exchange.event == "request.refused":
            self.log_error("code %d, message %s", exchange.status, exchange.reason or phrase(exchange.status))
        else:
            self.log_request(exchange.status or "-", exchange.body_size)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's signature
        """Log a subclass's message as an event; the status in it decides the level, as Django's does."""
        status = str(args[1]) if len(args) > 1 else ""
        level = {"4": "warning", "5": "error"}.get(status[:1], "info")
        message = format % args
        if status[:1] == "4" and str(args[0]).startswith("\x16\x03"):
            level, message = "error", TLS
        fields: dict[str, object] = {"message": message, "client.address": self.address_string()}
        self.server_context.sink.event(level, "request.logged", fields)
