"""What the server answers itself, without the application: refusals, and ``OPTIONS *``.

Runs in the thread that serves the connection.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from ..http.body import CLIENT_LEFT
from ..http.head import request_line
from ..http.refusal import NO_CLIENT, RequestRefused, answer
from .access_log.exchange import Exchange
from .http_server_compat import TLS
from .socketless import SocketlessHandler

if TYPE_CHECKING:
    from ..http.head import Head

_OPTIONS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_LINE_SHOWN = 4096  # bytes of a refused request's line that its record shows


class ServerResponses(SocketlessHandler):
    """The part of ``WSGIRequestHandler`` that answers without the application."""

    # Class attributes: see WSGIRequestHandler, which documents them.
    exchange: Exchange | None = None
    started = 0.0

    def new_exchange(self) -> Exchange:
        """Begin the current request's record."""
        server_context, head = self.server_context, self.head
        request_id = server_context.ids.new() if head is None else server_context.ids.of(head.values)
        started = monotonic() if self.socketless else self.started
        exchange = Exchange(head, self._address, server_context.port, started, request_id)
        if self.socketless:
            exchange.line = self.requestline
        self.exchange = exchange
        return exchange

    def report_departed(self, raw: bytes, started: float) -> None:
        """Log a request whose client left before a thread was free for it; its application is not run."""
        self.close_connection = True
        self.started = started
        try:
            self.read_head(raw)
        except RequestRefused:
            self.head = None
        exchange = self.new_exchange()
        exchange.line = request_line(raw)
        exchange.event = "request.aborted"
        exchange.reason = "the client left before its request began"
        exchange.finish()
        self.log_exchange(exchange)

    def _answer_options(self, head: Head) -> None:
        """Answer ``OPTIONS *``, which asks about the server and not about the application (RFC 9110, 9.3.7)."""
        exchange = self.new_exchange()
        exchange.status = 200
        body, limits = self._body, self.server_context.limits
        persistent = (
            head.fields.keep_alive and self.server_context.persistent and (body.ended or body.drainable(limits))
        )
        closing = (
            b"" if persistent and head.minor else b"Connection: %b\r\n" % (b"keep-alive" if persistent else b"close")
        )
        origin, request_id = self.server_context.heads.date(), exchange.request_id.encode()
        form = b"HTTP/1.1 200 OK\r\n%bAllow: %b\r\nContent-Length: 0\r\nX-Request-ID: %b\r\n%b\r\n"
        self._send_own(exchange, form % (origin, _OPTIONS, request_id, closing))
        self.close_connection = not (persistent and (body.ended or body.drain(limits)))

    def _refuse(self, refusal: RequestRefused) -> None:
        """Answer a request that is not served, and close: what follows it can't be trusted to be a request."""
        exchange = self.new_exchange()
        exchange.event = "request.aborted" if refusal.reason == CLIENT_LEFT else "request.refused"
        exchange.status = refusal.status
        exchange.reason = TLS if refusal.is_tls else refusal.reason
        raw = self._raw or self.wire.buffer
        exchange.line = request_line(bytes(raw[:_LINE_SHOWN]))
        content = not raw.startswith(b"HEAD ")
        date = self.server_context.heads.date()
        request_id, page = exchange.request_id, self._page_of(refusal)
        data = answer(refusal.status, exchange.reason, date=date, request_id=request_id, content=content, page=page)
        self._send_own(exchange, data)

    def _send_own(self, exchange: Exchange, data: bytes) -> None:
        try:
            self.wire.send(data)
        except OSError:
            exchange.event = "request.aborted"
            exchange.reason = NO_CLIENT
        exchange.finish()
        exchange.answered = exchange.finished
        self.log_exchange(exchange)
