"""Decide which requests wait for their client in a thread, and which wait without one.

This is about request bodies that have not come and responses that the client does not read; ``io/background``
serves those that have no thread. Runs in the threads of requests and in that of the background sender.

Theory of operation. A request whose body has not come gets a thread as long as fewer threads wait for their clients
than requests may run: most bodies come at once, and an application may answer before it has read all (decision 24).
Beyond that number, the body is received first. A chunked body that pauses may wait for the beginning of an answer: its
request gets a thread as soon as one is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..http.body import CLIENT_LEFT
from ..http.body_end import end_finder
from ..http.expect_continue import send_continue
from ..http.refusal import TOO_MANY_BODIES, Refused
from .connections import Connection
from .watchdog import exchange_of

if TYPE_CHECKING:
    import threading

    from ..http.body_end import ChunkedEnd, LengthEnd
    from ..http.head import Head
    from ..http.limits import Limits
    from ..io.background.background_sender import BackgroundSender
    from ..io.outbound import Outbound
    from ..io.wire import Wire
    from ..wsgi.handler import WSGIRequestHandler
    from .connections import Connections
    from .thread_pool import PoolThread, ThreadPool


class ClientWaits:
    """The decisions for one server."""

    def __init__(
        self, server: Any, lock: threading.Lock, *, thread_pool: ThreadPool, connections: Connections, threads: int
    ) -> None:
        self._server = server
        self._lock = lock
        self._thread_pool = thread_pool
        self._connections = connections
        self._threads = threads
        self._limits: Limits = server.limits

    # -- bodies

    def body_waits(self, handler: WSGIRequestHandler, head: Head, background: BackgroundSender) -> bool:
        """Whether a request waits for its body without a thread.

        Raises:
            Refused: the body did not come, or too many requests wait for theirs.
        """
        wire, said = handler.wire, head.said
        if (not said.chunked and len(wire.buffer) >= said.length) or not background.is_able:
            return False
        connection = self._connections.of(wire.sock.fileno())
        if connection is None:
            return False
        incoming, connection.incoming = connection.incoming, None
        if incoming is not None:  # it has waited
            if incoming.outcome is not None:
                raise incoming.outcome
            return False
        end = end_finder(said, self._limits)
        if end.feed(wire.buffer) or self.may_run(first=True) or _has_come(wire, end):
            return False
        connection.incoming = background.receive(wire, end, chunked=said.chunked)
        if connection.incoming is None:
            raise Refused(503, TOO_MANY_BODIES)
        if said.expects:
            try:
                send_continue(wire)
            except OSError:
                raise Refused(400, CLIENT_LEFT) from None
        return True

    def may_run(self, *, first: bool = False) -> bool:
        """Whether a request may have a thread although its body has not come. ``first``: it has not waited yet.

        With one thread such a request would block all others: there the body comes first, unless the client pauses.
        """
        with self._lock:
            if self._threads == 1:
                return not first and not self._thread_pool.busy
            return self._locked_waiting() < self._threads

    # -- responses

    def max_ahead(self, wire: Outbound) -> int:
        """How many bytes a response may be ahead of its client; 0 if its thread waits for the client."""
        connection = self._connections.of(wire.sock.fileno())
        exchange = connection.handler.exchange if connection is not None else None
        if exchange is None or exchange.endless:
            return 0
        return self._limits.ahead_bytes if exchange.streaming and exchange.length < 0 else self._limits.spool_bytes

    def may_wait(self, wire: Outbound) -> bool:
        """Whether the thread of a wire may wait for its client for a long time, as one of the streams."""
        connection = self._connections.of(wire.sock.fileno())
        return connection is None or bool(self._server.stream_begins(connection.handler, asking=False))

    def may_hold(self, wire: Outbound) -> bool:
        """Whether a wire's thread may wait with the unread bytes in memory: as many threads as requests may run."""
        with self._lock:
            if self._locked_waiting() > self._threads:
                return False
        return self.may_wait(wire)

    def _locked_waiting(self) -> int:
        """Count the threads that wait for their clients, without event streams and sockets taken by the application."""
        return sum(map(_waits, self._thread_pool.pool_threads))


def _waits(pool_thread: PoolThread) -> bool:
    work, exchange = pool_thread.work, exchange_of(pool_thread)
    waits = pool_thread.busy and isinstance(work, Connection) and work.wire.waiting > 0
    return bool(waits and (exchange is None or not exchange.endless))


def _has_come(wire: Wire, end: ChunkedEnd | LengthEnd) -> bool:
    """Whether the rest of a body has come, after a second receive."""
    known = len(wire.buffer)
    try:
        more = wire.fill()
    except OSError:
        raise Refused(400, CLIENT_LEFT) from None
    if more and end.feed(wire.buffer[known:]):
        return True
    if wire.ended:
        raise Refused(400, CLIENT_LEFT)
    return False
