"""The loop of a thread of the pool: wait, take a connection, serve its request, decide where the connection goes next.

This also covers responses that are sent, and bodies that are received, in the background. Runs in the pool's threads;
``_sent`` and ``_received`` run in the background sender's thread. Methods whose name begins with ``locked_`` or
``_locked_`` need the server's lock.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from ..io.background.background_sender import BackgroundSender, ServerCallbacks
from ..io.wire import Wire
from .connection import Connection
from .connections import ConnectionFailed
from .tables import connection_states as states
from .threadless_waits import ThreadlessWaits

if TYPE_CHECKING:
    import socket

    from ..http.head import Head
    from ..wsgi.handler import WSGIRequestHandler
    from ..wsgi.server_context import Handoff
    from .pool_parts import PoolParts, Server
    from .thread_pool import PoolThread

_BLOCKED_S = 0.0005  # if a wait took longer, no connection was readable at its beginning


class ServingLoop:
    """The work of one server's threads.

    Attributes:
        background: sends and receives without a thread.
    """

    def __init__(self, server: Server, parts: PoolParts) -> None:
        self._server = server
        self._lock = parts.lock
        self._thread_pool = parts.thread_pool
        self._connections = parts.connections
        self._acceptor = parts.acceptor
        self._poller = parts.poller
        self._flushing = parts.flushing
        self._wake_up = parts.wake_up
        self._limits = parts.limits
        self._must_poll = False  # a pipelined request waits: ask the poller for other clients first
        self._waits = waits = ThreadlessWaits(server, parts)
        callbacks = ServerCallbacks(
            is_pressed=lambda: parts.thread_pool.leader is None,
            max_ahead=waits.max_ahead,
            begin_wait=waits.begin_wait,
            begin_wait_in_memory=waits.begin_wait_in_memory,
            may_run=waits.may_run,
            transfers_ended=self._transfers_ended,
        )
        self.background = BackgroundSender(parts.limits, server.server_context.storage, callbacks)

    # -- one step of the thread that leads

    def lead(self, pool_thread: PoolThread, seconds: float | None) -> None:
        """Serve one connection, or wait for some, for so long at most."""
        connections = self._connections
        try:
            if self._must_poll:
                self._must_poll = False
                self._wait(0)
            with self._lock:
                connection = None
                if connections.ready:
                    now = monotonic()
                    connection = connections.locked_next(now)
                if connection is not None:
                    pool_thread.begin(connection, now)
                    if self._thread_pool.eager:
                        self._thread_pool.locked_relieve()
            if connection is None:
                self._wait_for_work(seconds)
                return
        except ConnectionFailed as failure:
            self._server.handle_error(failure.sock, failure.address)
            return
        if self._wake_up.sleeping:
            self._wake_up.set()
        ended_at = now
        try:
            ended_at = self._serve(pool_thread, connection)
        finally:
            self._thread_pool.done(pool_thread, ended_at)
            if self._server.hand_over is not None:
                self._wake_up.set()

    def _wait_for_work(self, seconds: float | None) -> None:
        """Wait for requests: no connection has one."""
        if self._server.hand_over is not None:
            self._server.hand_over_idle()
        if self._connections.has_delayed:
            self._wake_up.set()  # the watchdog does not know the deadlines of connections that were just held or probed
        self._wait(seconds)

    def _wait(self, seconds: float | None) -> None:
        """Wait until a connection is readable or has come, and put it into the queue."""
        acceptor, connections = self._acceptor, self._connections
        before = monotonic()
        self._flushing.flush_if_due(before)
        # A request that the kernel has already has waited for a thread. The first look does not wait, to find these: by
        # the duration of a wait they could be found on an idle machine only.
        polls_first = connections.is_away(before)
        readable = self._poller.wait(0) if polls_first else []
        # A wake-up that the first look took means that a connection is in the queue, or that the server has ended.
        waits = not readable and not (polls_first and self._poller.woken)
        if waits:
            readable = self._poller.wait(seconds)
        now = monotonic()
        accepts = False
        problem: str | None = None
        failed: list[ConnectionFailed] = []
        with self._lock:
            if waits and now - before > _BLOCKED_S:
                connections.locked_note_wait(now)
            for descriptor in readable if not self._thread_pool.over else ():
                if descriptor == acceptor.descriptor:
                    accepts = True
                    failed += self._locked_accept(now)
                    problem = acceptor.locked_take_problem()
                else:
                    connections.locked_readable(descriptor)
        if accepts and self._wake_up.sleeping:
            # While there is no connection the watchdog sleeps without end: it must learn of this one's deadline.
            self._wake_up.set()
        if problem is not None:
            self._server.sink.event("error", "accept.failed", {"reason": problem})
        for failure in failed:
            self._report_failure(failure)

    def _locked_accept(self, now: float) -> list[ConnectionFailed]:
        """Accept connections; return those that could not be set up."""
        failed = []
        for sock, address in self._acceptor.locked_accept(now):
            try:
                self.locked_adopt(sock, address, b"", now)
            except Exception as error:  # noqa: BLE001  one connection's failure is not the others'
                sock.close()
                failed.append(ConnectionFailed(sock, address))
                failed[-1].__cause__ = error
        return failed

    def _report_failure(self, failure: ConnectionFailed) -> None:
        try:
            raise failure
        except ConnectionFailed:  # handle_error logs the exception that is being handled
            self._server.handle_error(failure.sock, failure.address)

    def locked_adopt(
        self,
        sock: socket.socket,
        address: Any,
        early: bytes,
        now: float,
        *,
        may_have_left: bool = False,
        relayed: bool = False,
    ) -> None:
        """Add a connection. ``relayed``: it speaks plain HTTP, also if this server's own connections use TLS."""
        server = self._server
        wire = (Wire if relayed else server.make_wire)(sock, self._limits, early)
        if relayed:
            wire.secure = True  # the client itself speaks TLS, with the process that relays its request
        wire.background = self.background if self.background.is_able else None
        handler = server.RequestHandlerClass.of_connection(wire, address, server, server.server_context)
        self._connections.locked_add(Connection(handler, wire, now, may_have_left=may_have_left))

    # -- one request

    def _serve(self, pool_thread: PoolThread, connection: Connection) -> float:
        """Serve a request, and decide where its connection goes; return when the application had ended."""
        handler, wire = connection.handler, connection.wire
        raw, connection.raw = connection.raw, None
        begun_at, connection.begun_at = connection.begun_at, 0.0
        try:
            if connection.gone:
                handler.report_departed(raw or b"", begun_at)
            else:
                handler.begin_request(raw, begun_at, connection.refusal)
                handler.handle_one_request()
        except BaseException as error:  # noqa: BLE001  nothing may end the thread that leads
            handler.close_connection = True
            if not isinstance(error, KeyboardInterrupt):  # the application's own: it was answered, and logged
                self._server.handle_error(wire.sock, handler.client_address)
        now = monotonic()
        try:
            if wire.outgoing is not None or wire.early is not None or connection.incoming is not None:
                self._continue_in_background(pool_thread, connection, now)
            else:
                self._settle(pool_thread, connection, now)
        except Exception:  # noqa: BLE001  the application may have closed the descriptor; the thread must go on
            self._give_up(connection)
        return now

    def _give_up(self, connection: Connection) -> None:
        with self._lock:
            self._connections.locked_close(connection)
        self._server.handle_error(connection.wire.sock, connection.handler.client_address)

    def _settle(self, pool_thread: PoolThread | None, connection: Connection, now: float) -> None:
        """Decide where a connection goes after a request."""
        handler = connection.handler
        if handler.handoff_target is not None:
            self._leave(connection, handler.handoff_target)
            return
        moved = False
        with self._lock:
            # Read with the lock held: a connection that is parked after a drain has begun would wait forever.
            hand_over = self._server.hand_over
            if not handler.close_connection and connection.state == states.BUSY and not self._thread_pool.over:
                if connection.wire.buffer:
                    # It goes to the end of the queue, and the poller is asked before it is served: a client that sends
                    # many requests at once must not keep the others waiting.
                    connection.deadline = 0.0  # of its last wait
                    self._connections.locked_on(connection, states.PIPELINED)
                    self._must_poll = True
                    if self._thread_pool.leader is not pool_thread or pool_thread is None:
                        self._poller.wake()
                elif hand_over is None:
                    self._connections.locked_park(connection, now)
                elif not connection.wire.movable:
                    self._connections.locked_linger(connection, now)
                else:
                    self._connections.locked_on(connection, states.HANDED_OVER)
                    moved = True
            else:
                self._locked_finish(connection, now)
        if hand_over is not None and moved:
            hand_over([(connection.wire.sock, b"")])

    def _leave(self, connection: Connection, handoff: Handoff) -> None:
        """Give the connection to the server that answers its request, with the head that was read."""
        with self._lock:
            self._connections.locked_on(connection, states.HANDED_OVER)
        connection.raw = connection.handler.take_unserved_head()
        handoff.take([(connection.wire.sock, connection.unread())], [""])

    def _locked_finish(self, connection: Connection, now: float) -> None:
        """End a connection that has served its last request."""
        if connection.handler.hijacked is not None or self._thread_pool.over or connection.state != states.BUSY:
            self._connections.locked_close(connection)
        elif connection.wire.is_reset or connection.handler.is_clean:
            connection.wire.end()
            self._connections.locked_close(connection)
        else:
            self._connections.locked_linger(connection, now)

    # -- what goes on in the background

    def _continue_in_background(self, pool_thread: PoolThread, connection: Connection, now: float) -> None:
        """Settle the connection once its response is sent, or serve its request once the body has come."""
        handler, wire = connection.handler, connection.wire
        if wire.early is not None and not handler.close_connection:
            wire.absorb()
        outgoing, incoming = wire.outgoing, connection.incoming
        if incoming is not None:  # before the state allows another thread to recall the connection, with this head
            connection.raw, connection.begun_at = handler.take_unserved_head(), handler.started
        if outgoing is not None or incoming is not None:
            with self._lock:
                self._connections.locked_on(
                    connection, states.SENDING_BEGAN if incoming is None else states.RECEIVING_BEGAN
                )
        if incoming is not None:
            if not self.background.follow(incoming, lambda _: self._received(connection)):
                self._received(connection)
        elif outgoing is None or not outgoing.afterwards(lambda _: self._sent(connection)):
            self._sent(connection, pool_thread, now)

    def _sent(self, connection: Connection, pool_thread: PoolThread | None = None, now: float = 0.0) -> None:
        """Go on after a response was sent in the background, or failed."""
        try:
            with self._lock:
                self._connections.locked_on(connection, states.SENT)
            connection.wire.caught_up()
            self._settle(pool_thread, connection, now or monotonic())
        except Exception:  # noqa: BLE001  as in _serve: the thread of the transfers must go on
            self._give_up(connection)
        self._poller.wake()
        self._wake_up.set()

    def _received(self, connection: Connection) -> None:
        """Serve a request whose body has come, or may be waited for in a thread."""
        incoming = connection.incoming
        with self._lock:
            if connection.state == states.RECEIVING and incoming is not None and not self._thread_pool.over:
                connection.wire.receive_first(incoming.queue)
                self._connections.locked_on(connection, states.RECEIVED)
            else:
                if incoming is not None:
                    incoming.queue.close()
                self._connections.locked_close(connection)
        self._poller.wake()
        self._wake_up.set()

    def recall(self, most: int) -> list[tuple[socket.socket, bytes]]:
        """Give up connections whose requests have not begun, since their bodies have not come, with all bytes."""
        given = []
        for incoming, data in self.background.recall(most):
            with self._lock:
                connection = self._connections.of(incoming.descriptor)
                if connection is not None and connection.raw is not None:
                    self._connections.locked_on(connection, states.HANDED_OVER)
                    given.append((connection.wire.sock, connection.unread(data)))
        return given

    def wait_for_body(self, handler: WSGIRequestHandler, head: Head) -> bool:
        """Let a request wait for its body without a thread; see ``ThreadlessWaits.wait_for_body``."""
        return self._waits.wait_for_body(handler, head, self.background)

    def _transfers_ended(self) -> None:
        self._flushing.flush()
        self._wake_up.set()
