"""End a request that would never end by itself, because its server goes.

Owns what a WebSocket or an event stream gets to see then; must not know why the server goes. Runs in the thread that
drains.
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
    """The connection that a hand serves, if its request goes on until somebody ends it."""
    work = pool_thread.work
    exchange = work.handler.exchange if isinstance(work, Connection) else None
    endless = pool_thread.busy and exchange is not None and exchange.endless
    return work if endless and isinstance(work, Connection) else None


def abort_endless(pool_threads: Iterable[PoolThread]) -> None:
    """End every such request that was not ended yet."""
    for pool_thread in pool_threads:
        work = streams_under_way(pool_thread)
        if work is not None and work.handler.exchange is not None and not work.handler.exchange.logged:
            cut(work.handler)


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
