"""Decide which requests wait for their client in a thread, and which wait without one.

This is about request bodies that have not come and responses that the client does not read; ``io/background``
serves those that have no thread. Runs in the threads of requests and in that of the background sender.

Theory of operation. A request whose body has not come gets a thread as long as fewer threads wait for their clients
than requests may run: most bodies come at once, and an application may answer before it has read all (decision 24).
Beyond that number, the body is received first. A chunked body that pauses may wait for the beginning of an answer: its
request gets a thread as soon as one is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.body import CLIENT_LEFT
from ..http.body_end import end_finder
from ..http.expect_continue import send_continue
from ..http.refusal import TOO_MANY_BODIES, RequestRefused

if TYPE_CHECKING:
    from ..http.body_end import ChunkedEnd, LengthEnd
    from ..http.head import Head
    from ..io.background.background_sender import BackgroundSender
    from ..io.outbound import Outbound
    from ..io.wire import Wire
    from ..wsgi.handler import WSGIRequestHandler
    from .pool_parts import PoolParts, Server
    from .thread_pool import PoolThread


class ThreadlessWaits:
    """The decisions for one server."""

    def __init__(self, server: Server, parts: PoolParts) -> None:
        self._server = server
        self._lock = parts.lock
        self._thread_pool = parts.thread_pool
        self._connections = parts.connections
        self._threads = parts.threads
        self._limits = parts.limits

    # -- bodies

    def wait_for_body(self, handler: WSGIRequestHandler, head: Head, background: BackgroundSender) -> bool:
        """Let a request wait for its body without a thread, and return True; False if it may have its thread now.

        Raises:
            RequestRefused: the body did not come, or too many requests wait for theirs.
        """
        wire, fields = handler.wire, head.fields
        if (not fields.chunked and len(wire.buffer) >= fields.length) or not background.is_able:
            return False
        connection = self._connections.of(wire.sock.fileno())
        if connection is None:
            return False
        incoming, connection.incoming = connection.incoming, None
        if incoming is not None:  # the request has waited
            if incoming.outcome is not None:
                raise incoming.outcome
            return False
        end = end_finder(fields, self._limits)
        if end.feed(wire.buffer) or self.may_begin() or _receive_rest(wire, end):
            return False
        connection.incoming = background.receive(wire, end, chunked=fields.chunked)
        if connection.incoming is None:
            raise RequestRefused(503, TOO_MANY_BODIES)
        if fields.expects:
            try:
                send_continue(wire)
            except OSError:
                raise RequestRefused(400, CLIENT_LEFT) from None
        return True

    def may_begin(self) -> bool:
        """Whether a request may have a thread at once, although its body has not come.

        With one thread such a request would block all others: there the body comes first, unless the client pauses.
        """
        return self._threads > 1 and self.may_run()

    def may_run(self) -> bool:
        """Whether a request that has waited for its body may have a thread, although the body pauses."""
        with self._lock:
            if self._threads == 1:
                return not self._thread_pool.busy
            return self._locked_waiting() < self._threads

    # -- responses

    def max_ahead(self, wire: Outbound) -> int:
        """The bytes that a response may be ahead of its client; 0 if its thread waits for the client."""
        connection = self._connections.of(wire.sock.fileno())
        exchange = connection.handler.exchange if connection is not None else None
        if exchange is None or exchange.endless:
            return 0
        return self._limits.ahead_bytes if exchange.streaming and exchange.length < 0 else self._limits.spool_bytes

    def begin_wait(self, wire: Outbound) -> bool:
        """Let a thread wait for its client as long as a stream may; False if there are too many streams."""
        connection = self._connections.of(wire.sock.fileno())
        return connection is None or self._server.begin_stream(connection.handler)

    def begin_wait_in_memory(self, wire: Outbound) -> bool:
        """Let a thread wait while its bytes stay in memory; False if too many threads, or streams, wait for clients."""
        with self._lock:
            if self._locked_waiting() > self._threads:
                return False
        return self.begin_wait(wire)

    def _locked_waiting(self) -> int:
        """Count the threads that wait for their clients, without event streams and sockets taken by the application."""
        return sum(map(_waits, self._thread_pool.pool_threads))


def _waits(pool_thread: PoolThread) -> bool:
    exchange = pool_thread.exchange
    return pool_thread.busy and pool_thread.waiting_since > 0 and (exchange is None or not exchange.endless)


def _receive_rest(wire: Wire, end: ChunkedEnd | LengthEnd) -> bool:
    """Receive once more; return whether the rest of the body has come."""
    known = len(wire.buffer)
    try:
        more = wire.fill()
    except OSError:
        raise RequestRefused(400, CLIENT_LEFT) from None
    if more and end.feed(wire.buffer[known:]):
        return True
    if wire.ended:
        raise RequestRefused(400, CLIENT_LEFT)
    return False
