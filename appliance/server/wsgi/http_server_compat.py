"""The instance variables and methods that ``http.server`` documents for a request handler.

They are made from the request's head when they are asked for. Runs in the thread that serves the connection.
"""

from __future__ import annotations

from html import escape
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from wsgiref import simple_server

from ..http.body import EMPTY, Body, Empty
from ..http.head import PROTOCOLS, field_lines, request_line, with_target
from ..http.refusal import HostRefused, Page, RequestRefused, phrase
from .streams import Reader, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

    from ..http.head import Head, HeadParser
    from ..io.wire import Wire
    from .access_log.exchange import Exchange
    from .server_context import ServerContext


TLS = "You're accessing the development server over HTTPS, but it only supports HTTP."


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

    server_context: ServerContext
    # Class attributes: WSGIRequestHandler says why.
    wire: Wire  # unset while ``socketless``
    socketless = True  # until it has begun to serve a connection
    head: Head | None = None
    _logs_itself = _names_clients = False  # a subclass has a method of its own (WSGIRequestHandler.__init_subclass__)
    _raw = b""
    _body: Body | Empty = EMPTY
    _message: tuple[Head | None, Message] | None = None
    _reader: Reader | None = None
    _path = ""
    _rfile: Any = None  # the value that was set
    _wfile: Any = None
    _parser: HeadParser
    _sends_continue = False  # send 100 (Continue) when the application asks for the body

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
                self._reader.body = self._body
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

    def read_head(self, raw: bytes) -> None:
        """Parse this as the request's head.

        Raises:
            RequestRefused: it is malformed.
        """
        self._raw = raw
        self.head = self._parser.parse(raw)

    # -- errors, and expectations

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with an error, and close. A subclass that replaces this is called for every refusal."""
        if self.socketless:
            super().send_error(code, message, explain)
            return
        self._refuse(RequestRefused(code, explain or message or "", _words(message)))
        self.close_connection = True

    def _refuse(self, refusal: RequestRefused) -> None:
        raise NotImplementedError

    def _page_of(self, refusal: RequestRefused) -> Page | None:
        """Return the error page that a subclass has defined, if it has."""
        words, form, kind = refusal.reason_phrase, self.error_message_format, self.error_content_type
        if form == BaseHTTPRequestHandler.error_message_format:
            if isinstance(refusal, HostRefused):
                return self._page_of_host(refusal)
            return Page(words) if words else None
        words = words or phrase(refusal.status)
        values = {"code": refusal.status, "message": escape(words, False), "explain": escape(refusal.reason, False)}  # noqa: FBT003  its signature
        return Page(words, kind, (form % values).encode("utf-8", "replace"))

    def _page_of_host(self, refusal: HostRefused) -> Page | None:
        """Return the page of a host that is not served, for a client that accepts HTML or JSON."""
        from ..pages.host_page import host_page  # noqa: PLC0415  a page is not needed before it is shown

        accept = self.head.values.get("HTTP_ACCEPT", "") if self.head is not None else ""
        return host_page(refusal, accept)

    def handle_expect_100(self) -> bool:
        """Whether the body may come; a subclass that returns False has answered. 100 is sent when the body is read."""
        if self.socketless:
            return super().handle_expect_100()
        self._sends_continue = True
        return True

    # -- logging

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


def _words(message: str | None) -> str:
    """Return a message as a reason phrase if it can be one (RFC 9112, 4)."""
    return message if message and message.isprintable() and max(message) <= "\xff" else ""
