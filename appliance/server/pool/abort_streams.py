"""End requests that never end by themselves, WebSockets and event streams, because the server stops.

Runs in the thread that drains.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING

from .connections import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..wsgi.handler import WSGIRequestHandler
    from .thread_pool import PoolThread


def streams_under_way(pool_thread: PoolThread) -> Connection | None:
    """Return the connection that a thread serves, if its request goes on until the server ends it."""
    work = pool_thread.work
    exchange = work.handler.exchange if isinstance(work, Connection) else None
    endless = pool_thread.busy and exchange is not None and exchange.endless
    return work if endless and isinstance(work, Connection) else None


def abort_endless(pool_threads: Iterable[PoolThread]) -> None:
    """End every such request that has not ended yet."""
    for pool_thread in pool_threads:
        work = streams_under_way(pool_thread)
        if work is not None and work.handler.exchange is not None and not work.handler.exchange.logged:
            abort(work.handler)


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
    exchange.finished = monotonic()
    exchange.ended = time()
    handler.log_exchange(exchange)
