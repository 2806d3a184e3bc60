"""The responses that the server makes itself, without the application: refusals, and ``OPTIONS *``.

Runs in the thread that serves the connection.
"""

from __future__ import annotations

from html import escape
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Protocol

from ..http.body import CLIENT_LEFT
from ..http.refusal import NO_CLIENT, HostRefused, Page, RequestRefused, answer, phrase

if TYPE_CHECKING:
    from ..http.body import Body, Empty
    from ..http.head import Head
    from ..io.wire import Wire
    from .access_log.exchange import Exchange
    from .server_context import ServerContext

TLS = "You're accessing the development server over HTTPS, but it only supports HTTP."
_OPTIONS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


class AnsweringHandler(Protocol):
    """The handler of a connection, as far as an answer of the server's own needs it: ``WSGIRequestHandler``."""

    wire: Wire
    server_context: ServerContext
    head: Head | None
    close_connection: bool
    error_message_format: str
    error_content_type: str

    @property
    def requestline(self) -> str:
        """The request line, as far as it was received."""

    def new_exchange(self) -> Exchange:
        """Begin the current request's record."""

    def log_exchange(self, exchange: Exchange) -> None:
        """Write the record of a request that has ended."""


def answer_options(handler: AnsweringHandler, head: Head, body: Body | Empty) -> None:
    """Answer ``OPTIONS *``, which asks about the server and not about the application (RFC 9110, 9.3.7)."""
    exchange, server_context = handler.new_exchange(), handler.server_context
    exchange.status = 200
    limits = server_context.limits
    persistent = head.fields.keep_alive and server_context.persistent and (body.ended or body.drainable(limits))
    closing = b"" if persistent and head.minor else b"Connection: %b\r\n" % (b"keep-alive" if persistent else b"close")
    origin, request_id = server_context.heads.date(), exchange.request_id.encode()
    form = b"HTTP/1.1 200 OK\r\n%bAllow: %b\r\nContent-Length: 0\r\nX-Request-ID: %b\r\n%b\r\n"
    _send(handler, exchange, form % (origin, _OPTIONS, request_id, closing))
    handler.close_connection = not (persistent and (body.ended or body.drain(limits)))


def refuse(handler: AnsweringHandler, refusal: RequestRefused) -> None:
    """Answer a request that is not served, and close: what follows it can't be trusted to be a request."""
    handler.close_connection = True
    exchange = handler.new_exchange()
    exchange.event = "request.aborted" if refusal.reason == CLIENT_LEFT else "request.refused"
    exchange.status = refusal.status
    exchange.reason = TLS if refusal.is_tls else refusal.reason
    content = not handler.requestline.startswith("HEAD ")
    date, page = handler.server_context.heads.date(), _page_of(handler, refusal)
    request_id = exchange.request_id
    data = answer(refusal.status, exchange.reason, date=date, request_id=request_id, content=content, page=page)
    _send(handler, exchange, data)


def log_departed(handler: AnsweringHandler) -> None:
    """Log the current request, whose client left before a thread was free for it."""
    exchange = handler.new_exchange()
    exchange.event = "request.aborted"
    exchange.reason = "the client left before its request began"
    exchange.finish()
    handler.log_exchange(exchange)


def _page_of(handler: AnsweringHandler, refusal: RequestRefused) -> Page | None:
    """Return the error page that a subclass has defined, if it has."""
    words, form = refusal.reason_phrase, handler.error_message_format
    if form == BaseHTTPRequestHandler.error_message_format:
        if isinstance(refusal, HostRefused):
            return _page_of_host(handler.head, refusal)
        return Page(words) if words else None
    words = words or phrase(refusal.status)
    values = {"code": refusal.status, "message": escape(words, False), "explain": escape(refusal.reason, False)}  # noqa: FBT003  its signature
    return Page(words, handler.error_content_type, (form % values).encode("utf-8", "replace"))


def _page_of_host(head: Head | None, refusal: HostRefused) -> Page | None:
    """Return the page of a host that is not served, for a client that accepts HTML or JSON."""
    from ..pages.host_page import host_page  # noqa: PLC0415  a page is not needed before it is shown

    return host_page(refusal, head.values.get("HTTP_ACCEPT", "") if head is not None else "")


def _send(handler: AnsweringHandler, exchange: Exchange, data: bytes) -> None:
    try:
        handler.wire.send(data)
    except OSError:
        exchange.event = "request.aborted"
        exchange.reason = NO_CLIENT
    exchange.finish()
    exchange.answered = exchange.finished
    handler.log_exchange(exchange)
