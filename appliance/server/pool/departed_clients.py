"""Log a request whose client left before a thread was free for it. Its application is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.head import request_line
from ..http.refusal import Refused

if TYPE_CHECKING:
    from ..wsgi.handler import WSGIRequestHandler


def report_departed(handler: WSGIRequestHandler) -> None:
    """Log the request whose head was read."""
    handler.close_connection = True
    raw, handler.raw = handler.raw or b"", None
    try:
        handler.read_head(raw)
    except Refused:
        handler.head = None
    handler.exchange = exchange = handler.new_exchange()
    exchange.line = request_line(raw)
    exchange.event = "request.aborted"
    exchange.reason = "the client left before its request began"
    exchange.finish()
    handler.log_exchange(exchange)
