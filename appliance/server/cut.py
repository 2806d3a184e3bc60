"""End a request that would never end by itself, because its server goes.

Owns what a WebSocket or an event stream gets to see then; must not know why the server goes. Runs in the thread that
drains.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .handler import WSGIRequestHandler


def cut(handler: WSGIRequestHandler) -> None:
    """Close its socket and log its line: the application may notice too late to do so, or never."""
    hijacked, exchange = handler.hijacked, handler.exchange
    if exchange is None:
        return
    if exchange.hijacked and hijacked is not None:
        hijacked.restart()
    else:
        handler.wire.cut()
    exchange.reason = "the server ended it"
    exchange.finished = monotonic()
    exchange.ended = time()
    handler.log_exchange(exchange)
