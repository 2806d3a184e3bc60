"""End requests that never end by themselves, WebSockets and event streams, because the server stops.

Runs in the thread that calls ``drain``, and in the watchdog's. Needs no lock: a request that two threads end at once is
logged once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..wsgi.handler import WSGIRequestHandler
    from .thread_pool import PoolThread


def is_endless(pool_thread: PoolThread) -> bool:
    """Whether a thread's request goes on until the client or the server ends it."""
    exchange = pool_thread.exchange
    return pool_thread.busy and exchange is not None and exchange.endless


def abort_endless(pool_threads: Iterable[PoolThread]) -> None:
    """End every such request that has not ended yet."""
    for pool_thread in pool_threads:
        connection = pool_thread.connection
        if connection is None or not is_endless(pool_thread):
            continue
        exchange = connection.handler.exchange
        if exchange is not None and not exchange.finished:
            abort(connection.handler)


def abort(handler: WSGIRequestHandler) -> None:
    """Close the socket and log the request: the application may notice too late, or never."""
    hijacked, exchange = handler.hijacked, handler.exchange
    if exchange is None:
        return
    if exchange.hijacked and hijacked is not None:
        hijacked.restart()
    else:
        handler.wire.abort()
    exchange.reason = "the server ended it"
    exchange.finish()
    handler.log_exchange(exchange)
