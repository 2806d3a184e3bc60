"""What a thread of the pool does: wait, take a connection, serve its request, decide what becomes of the connection.

This also covers responses that are sent, and bodies that are received, in the background. Runs in the pool's threads;
``_sent`` and ``_received`` run in the background sender's thread.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from ..io.background.background_sender import BackgroundSender, ServerCallbacks
from ..io.wire import Wire
from .client_waits import ClientWaits
from .connections import Connection, ConnectionFailed, Connections
from .departed_clients import report_departed
from .tables import connection_states as states

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable

    from ..http.head import Head
    from ..http.limits import Limits
    from ..io.poller import Poller
    from ..wsgi.handler import WSGIRequestHandler
    from ..wsgi.recording.sink import FlushSchedule
    from .acceptor import Acceptor
    from .thread_pool import PoolThread, ThreadPool
    from .watchdog import WakeUp

    Passed = Callable[[list[tuple[socket.socket, bytes]]], None]

_BLOCKED_S = 0.0005  # a wait of so long was one: nothing had been there


class ServingLoop:
    """The work of one server's threads.

    Attributes:
        passed: called with idle connections, once the server drains.
    """

    def __init__(
        self,
        server: Any,
        lock: threading.Lock,
        *,
        thread_pool: ThreadPool,
        connections: Connections,
        acceptor: Acceptor,
        poller: Poller,
        flushing: FlushSchedule,
        wake_up: WakeUp,
        threads: int,
    ) -> None:
        self._server = server
        self._lock = lock
        self._thread_pool = thread_pool
        self._connections = connections
        self._acceptor = acceptor
        self._poller = poller
        self._flushing = flushing
        self._wake_up = wake_up
        self._limits: Limits = server.limits
        self.passed: Passed | None = None
        self._must_poll = False  # a pipelined request waits: look for other clients before it is served
        self._waits = waits = ClientWaits(
            server, lock, thread_pool=thread_pool, connections=connections, threads=threads
        )
        callbacks = ServerCallbacks(
            is_pressed=lambda: thread_pool.leader is None,
            max_ahead=waits.max_ahead,
            may_wait=waits.may_wait,
            may_hold=waits.may_hold,
            may_run=waits.may_run,
            transfers_ended=self._transfers_ended,
        )
        self.background = BackgroundSender(server.limits, server.server_context.storage, callbacks)

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
                    connections.note_poll(now)
                    connection = connections.next()
                if connection is not None:
                    pool_thread.work = connection
                    pool_thread.since = now
                    connection.handler.started = connection.begun_at or now
                    connection.begun_at = 0.0
                    pool_thread.busy = True
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
        try:
            self._serve(pool_thread, connection)
        finally:
            self._thread_pool.done(pool_thread)
            if self.passed is not None:
                self._wake_up.set()

    def _wait_for_work(self, seconds: float | None) -> None:
        """No connection has a request."""
        if self.passed is not None:
            self._server.pass_idle()
        if self._connections.hold is not None or self._connections.probed:
            self._wake_up.set()  # it knows nothing yet of those that were put off just now
        self._wait(seconds)

    def _wait(self, seconds: float | None) -> None:
        """Wait until there is something to look at."""
        acceptor, connections = self._acceptor, self._connections
        before = monotonic()
        self._flushing.flush_if_due(before)
        # What is there before the wait has waited itself. How long the call takes says so on an idle machine alone.
        polls_first = connections.is_away(before)
        readable = self._poller.wait(0) if polls_first else []
        # If that look took a wake-up, something is in the queue, or the server has ended.
        waits = not readable and not (polls_first and self._poller.woken)
        if waits:
            readable = self._poller.wait(seconds)
        now = monotonic()
        come = False
        failed: list[ConnectionFailed] = []
        with self._lock:
            if waits and now - before > _BLOCKED_S:
                connections.note_wait(now)
            for descriptor in readable if not self._thread_pool.over else ():
                if descriptor == acceptor.descriptor:
                    come = True
                    failed += self._locked_accept(now)
                else:
                    connections.readable(descriptor)
            problem, acceptor.problem = acceptor.problem, None
        if come and self._wake_up.sleeping:
            self._wake_up.set()  # without a connection it sleeps with no end, and would let this one's time go by
        if problem is not None:
            self._server.sink.event("error", "accept.failed", {"reason": problem})
        for failure in failed:
            self._report_failure(failure)

    def _locked_accept(self, now: float) -> list[ConnectionFailed]:
        """Accept connections; return those that could not be set up."""
        failed = []
        for sock, address in self._acceptor.accept(now):
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
        except ConnectionFailed:  # the server logs what is being handled
            self._server.handle_error(failure.sock, failure.address)

    def locked_adopt(
        self, sock: socket.socket, address: Any, early: bytes, now: float, *, late: bool = False, relayed: bool = False
    ) -> None:
        """Add a connection. ``late``: its client may have left meanwhile. ``relayed``: plain, whatever ours are."""
        server = self._server
        # socketserver would run the whole connection in the handler's constructor; here it is served by parts.
        handler_class: Any = server.RequestHandlerClass
        handler: WSGIRequestHandler = handler_class.__new__(handler_class)
        handler.request = handler.connection = sock
        handler.client_address = address
        handler.server = server
        wire = (Wire if relayed else server.make_wire)(sock, self._limits, early)
        if relayed:
            wire.secure = True  # its client speaks TLS, with the process that relays
        wire.background = self.background if self.background.is_able else None
        handler.begin(server.server_context, wire)
        connection = Connection(handler, wire, now)
        if late:
            connection.late = True
        self._connections.add(connection)

    # -- one request

    def _serve(self, pool_thread: PoolThread, connection: Connection) -> None:
        handler, wire = connection.handler, connection.wire
        try:
            if connection.gone:
                report_departed(handler)
            else:
                handler.handle_one_request()
        except BaseException as error:  # noqa: BLE001  nothing may end the thread that leads
            handler.close_connection = True
            if not isinstance(error, KeyboardInterrupt):  # the application's own: it was answered, and logged
                self._server.handle_error(wire.sock, handler.client_address)
        now = monotonic()
        self._thread_pool.took(now - pool_thread.since)
        try:
            if wire.outgoing is not None or wire.early is not None or connection.incoming is not None:
                self._continue_in_background(pool_thread, connection, now)
            else:
                self._settle(pool_thread, connection, now)
        except Exception:  # noqa: BLE001  as above: the application may have closed the descriptor
            self._give_up(connection)

    def _give_up(self, connection: Connection) -> None:
        with self._lock:
            self._connections.close(connection)
        self._server.handle_error(connection.wire.sock, connection.handler.client_address)

    def _settle(self, pool_thread: PoolThread | None, connection: Connection, now: float) -> None:
        """Decide where a connection goes after a request."""
        handler = connection.handler
        if handler.leaves:
            self._leave(connection)
            return
        given = False
        with self._lock:
            passed = self.passed  # under the lock: what parks after a drain has begun would wait forever
            if not handler.close_connection and connection.state == states.BUSY and not self._thread_pool.over:
                if connection.wire.buffer:
                    # Behind the others, and a look for new ones comes before: pipelining must not starve them.
                    self._connections.on(connection, states.PIPELINED)
                    self._must_poll = True
                    if self._thread_pool.leader is not pool_thread or pool_thread is None:
                        self._poller.wake()
                elif passed is None:
                    self._connections.park(connection, now)
                elif not connection.wire.movable:
                    self._connections.linger(connection, now)
                else:
                    self._connections.on(connection, states.HANDED_OVER)
                    given = True
            else:
                self._locked_finish(connection, now)
        if passed is not None and given:
            passed([(connection.wire.sock, b"")])

    def _leave(self, connection: Connection) -> None:
        """Another server answers the request whose head was read."""
        wire, handoff = connection.wire, self._server.server_context.handoff
        raw = connection.handler.raw or b""
        with self._lock:
            self._connections.on(connection, states.HANDED_OVER)
        handoff.take([(wire.sock, raw + b"\r\n\r\n" + wire.buffer)], [""])

    def _locked_finish(self, connection: Connection, now: float) -> None:
        """End a connection that has served its last request."""
        if connection.handler.hijacked is not None or self._thread_pool.over or connection.state != states.BUSY:
            self._connections.close(connection)
        elif connection.wire.is_reset or connection.handler.is_clean:
            connection.wire.end()
            self._connections.close(connection)
        else:
            self._connections.linger(connection, now)

    # -- what goes on in the background

    def _continue_in_background(self, pool_thread: PoolThread, connection: Connection, now: float) -> None:
        """Settle the connection once its response is sent, or serve its request once the body has come."""
        handler, wire = connection.handler, connection.wire
        if wire.early is not None and not handler.close_connection:
            wire.absorb()
        outgoing, incoming = wire.outgoing, connection.incoming
        if outgoing is not None or incoming is not None:
            with self._lock:
                self._connections.on(connection, states.SENDING_BEGAN if incoming is None else states.RECEIVING_BEGAN)
        if incoming is not None:
            connection.begun_at = handler.started
            if not self.background.follow(incoming, lambda _: self._received(connection)):
                self._received(connection)
        elif outgoing is None or not outgoing.afterwards(lambda _: self._sent(connection)):
            self._sent(connection, pool_thread, now)

    def _sent(self, connection: Connection, pool_thread: PoolThread | None = None, now: float = 0.0) -> None:
        """Go on after a response was sent in the background, or failed."""
        try:
            with self._lock:
                self._connections.on(connection, states.SENT)
            connection.wire.caught_up()
            self._settle(pool_thread, connection, now or monotonic())
        except Exception:  # noqa: BLE001  as above
            self._give_up(connection)
        self._poller.wake()
        self._wake_up.set()

    def _received(self, connection: Connection) -> None:
        """Serve a request whose body has come, or may be waited for in a thread."""
        incoming = connection.incoming
        with self._lock:
            if connection.state == states.RECEIVING and incoming is not None and not self._thread_pool.over:
                connection.wire.receive_first(incoming.queue)
                self._connections.on(connection, states.RECEIVED)
            else:
                if incoming is not None:
                    incoming.queue.close()
                self._connections.close(connection)
        self._poller.wake()
        self._wake_up.set()

    def recall(self, most: int) -> list[tuple[socket.socket, bytes]]:
        """Give up connections whose requests have not begun, since their bodies have not come, with all bytes."""
        given = []
        for incoming, data in self.background.recall(most):
            with self._lock:
                connection = self._connections.of(incoming.descriptor)
                if connection is not None and connection.handler.raw is not None:
                    self._connections.on(connection, states.HANDED_OVER)
                    early = connection.handler.raw + b"\r\n\r\n" + connection.wire.buffer + data
                    given.append((connection.wire.sock, early))
        return given

    def body_waits(self, handler: WSGIRequestHandler, head: Head) -> bool:
        """Whether a request waits for its body without a thread; see ``ClientWaits.body_waits``."""
        return self._waits.body_waits(handler, head, self.background)

    def _transfers_ended(self) -> None:
        self._flushing.flush()
        self._wake_up.set()
