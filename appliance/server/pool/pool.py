"""``PooledWSGIServer``: one listening socket, idle connections in a poller, a bounded pool of threads.

This module makes the parts of the server, and performs the actions of ``server_states``; ``serving_loop`` is what its
threads do. Knows no processes and no settings. Runs in the worker and in the stand-in: ``serve_forever`` in the main
thread, which watches, the rest in threads of its own.

There is one lock. It is held for what concerns connections that no thread serves, for which thread leads, and for the
server's state; never while an application runs or a client is waited for.
"""

from __future__ import annotations

import functools
import socketserver
import threading
from itertools import repeat
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..http.limits import Limits
from ..io.background.byte_queue import SPACE
from ..io.poller import Poller
from ..io.wire import Wire
from ..wsgi.access_log.sink import FlushSchedule
from ..wsgi.handler import WSGIRequestHandler
from ..wsgi.listener import WSGIServer
from ..wsgi.server_context import RequestRules, ServerContext, base_environ
from .abort_streams import abort_endless, is_endless
from .acceptor import Acceptor
from .connections import Connections, Hold
from .pool_parts import PoolParts, WakeUp
from .serving_loop import ServingLoop
from .slow_requests import SlowRequests
from .tables import connection_states as states
from .tables import server_states
from .thread_pool import PoolThread, ThreadPool
from .watchdog import Watchdog

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from ssl import SSLContext

    from ..http.head import Head
    from ..wsgi.access_log.sink import Sink

    HandOver = Callable[[list[tuple[socket.socket, bytes]]], None]

_WITHOUT_THREAD = (states.PARKED, states.READY, states.HELD, states.LINGERING, states.PROBED)
_LOG_INTERVAL_S = 60.0
_RECALLED_MAX = 65_536  # the most bytes of a body that another process can go on with
_LINGER_S = 0.3  # how long a drained server waits for the clients that it has answered
_HIJACKED_S = 1.0  # how long a hijacked request may take to notice that it was ended


class PooledWSGIServer(WSGIServer):
    """Serves an adopted listening socket: never binds it, never listens on it, never closes it.

    Args:
        listener: a listening stream socket.
        application: the WSGI application.
        sink: receives the records and events.
        limits: bounds of time and size.
        threads: how many requests run at once; with 1 always in the same thread.
        rules: the rules by which requests are taken.
        RequestHandlerClass: as ``socketserver``'s; its ``handle`` is not used, ``handle_one_request`` is.
        tls: for HTTPS (``tls.context_of``); the socket then serves nothing else.
        accepting: False begins paused.

    Attributes:
        parts: what its threads work with; a look from outside may read them.
        background: sends and receives without a thread.
    """

    def __init__(
        self,
        listener: socket.socket,
        application: Any,
        *,
        sink: Sink,
        limits: Limits = Limits(),  # noqa: B008  frozen
        threads: int = 8,
        rules: RequestRules = RequestRules(),  # noqa: B008  frozen
        RequestHandlerClass: type[WSGIRequestHandler] = WSGIRequestHandler,
        tls: SSLContext | None = None,
        accepting: bool = True,
    ) -> None:
        socketserver.BaseServer.__init__(self, listener.getsockname(), RequestHandlerClass)
        self.socket = listener
        self.take_address()
        self.set_app(application)
        self.sink, self.limits = sink, limits
        self._server_context = ServerContext(
            base_environ(self), sink=sink, limits=limits, multithread=threads > 1, persistent=True, rules=rules
        )
        self._lock = threading.Lock()
        self._poller = Poller()
        self._flushing = FlushSchedule(sink)
        self._connections = Connections(self._poller, limits, getattr(sink, "waits", None))  # OptionalSinkMethods
        self._acceptor = Acceptor(listener, self._poller)
        self._wake_up = WakeUp()
        self._thread_pool = ThreadPool(
            self._lock, threads, limits.max_streams, on_idle=self._flushing.flush, alarm=self._wake_up.set
        )
        self.parts = parts = PoolParts(
            self._lock, threads, limits, sink, self._poller, self._flushing, self._wake_up, self._connections,
            self._acceptor, self._thread_pool,
        )  # fmt: skip
        self.make_wire = _wires(tls)
        self._serving_loop = ServingLoop(self, parts)
        self.background = self._serving_loop.background
        self._watchdog = Watchdog(parts, SlowRequests(sink, limits.slow_request_s), self._log_problems)
        self._state: int = server_states.CLOSED
        self.hand_over: HandOver | None = None
        self._handing_over, self._aborted_at = 0, 0.0
        self._stop_asked = self._logged_full = False
        self._log_again_at: dict[str, float] = {}  # when each event may be logged again
        if accepting:
            self.start_accepting()

    # -- what the owner calls, from any thread

    @property
    def busy(self) -> int:
        """The number of requests in flight."""
        return self._thread_pool.busy

    @property
    def hold(self) -> Hold | None:
        """The earliest time at which connections may be answered; may be replaced at any time."""
        return self._connections.hold

    @hold.setter
    def hold(self, hold: Hold | None) -> None:
        with self._lock:
            self._connections.locked_set_hold(hold)
        self._poller.wake()
        self._wake_up.set()

    def start_accepting(self) -> None:
        """Accept connections, and keep those that are idle."""
        self._change(server_states.START)

    def stop_accepting(self, hand_over: HandOver) -> None:
        """Stop accepting, and hand over idle connections, now and after each request; serve those that are taken."""
        self._change(server_states.SHED, hand_over)

    def take(self, connections: list[tuple[socket.socket, bytes]], peers: Sequence[str] = ()) -> None:
        """Adopt connections, each with the bytes that were already read of it.

        ``peers``: the addresses of clients that their sockets don't know; "" for the others.
        """
        now = monotonic()
        with self._lock:
            over = self._state == server_states.OVER
            for (sock, early), peer in zip([] if over else connections, peers or repeat("")):  # noqa: B905  one of them has no end
                try:
                    address = (peer, 0) if peer else sock.getpeername()
                except OSError:
                    address = ("", 0)  # the client has gone: the first receive will fail
                self._serving_loop.locked_adopt(sock, address, early, now, may_have_left=True, relayed=bool(peer))
        if over:
            self._turn_away(connections)
            return
        self._poller.wake()
        self._wake_up.set()

    def _turn_away(self, connections: list[tuple[socket.socket, bytes]]) -> None:
        """Hand over or close connections that come after the end: no thread would ever look at them."""
        if self.hand_over is not None:
            self.hand_over(connections)
        else:
            for sock, _ in connections:
                sock.close()

    def drain(self, hand_over: HandOver) -> None:
        """Stop accepting, hand over connections that are idle or become so, then let ``serve_forever`` return."""
        self._change(server_states.DRAIN, hand_over)

    def stop(self) -> None:
        """Let ``serve_forever`` return at once, and close the connections. Needs no lock: a signal may call it."""
        self._stop_asked = True
        self._wake_up.set()

    def shutdown(self) -> None:
        """Stop, under the name that socketserver gives it."""
        self.stop()

    # -- the server's state

    def _change(self, event: int, hand_over: HandOver | None = None) -> None:
        """Change the state as the table says, and perform the actions."""
        with self._lock:
            actions = self._locked_change(event, hand_over)
        if server_states.HAND_OVER_IDLE in actions and hand_over is not None:
            self._hand_over_idle(hand_over)
        if server_states.ABORT_ENDLESS in actions:
            abort_endless(list(self._thread_pool.pool_threads))
        self._wake_up.set()

    def _locked_change(self, event: int, hand_over: HandOver | None = None) -> tuple[int, ...]:
        """Change the state, and perform the part of the actions that needs the lock; return all of them."""
        self._state, actions = server_states.STEPS[self._state][event]
        for action in actions:
            if action == server_states.OPEN:
                self._acceptor.locked_start()
            elif action == server_states.SHUT:
                self._acceptor.locked_stop()
            elif action == server_states.KEEP_IDLE:
                self.hand_over = None
            elif action == server_states.HAND_OVER_IDLE:
                self.hand_over = hand_over
            else:
                self._aborted_at = monotonic()
        return actions

    def hand_over_idle(self) -> None:
        """Hand over connections that have become idle while the server drains."""
        if self._state == server_states.DRAINING and self.hand_over is not None:
            self._hand_over_idle(self.hand_over)

    def _hand_over_idle(self, hand_over: HandOver) -> None:
        """Hand over every connection on which no request has begun; end those that can't move."""
        with self._lock:
            idle = self._connections.locked_give_up()
            now = monotonic()
            for connection in self._connections.locked_in_state(states.PARKED):  # TLS connections can't move
                self._connections.locked_dismiss(connection, now)
            self._handing_over += 1  # the server does not end before the connections have arrived
        try:
            idle += self._serving_loop.recall(_RECALLED_MAX)
            if idle:
                hand_over(idle)
        finally:
            with self._lock:
                self._handing_over -= 1

    def serve_forever(self, poll_interval: float = 0.5) -> None:  # noqa: ARG002  socketserver's signature
        """Serve until drained or stopped."""
        with self._lock:
            self._thread_pool.locked_begin(self._serving_loop.lead)
        try:
            self._watchdog.watch(self._advance, is_ending=lambda: self._state == server_states.DRAINING)
        finally:
            self._end()

    def _advance(self) -> bool:
        """Take the steps of a stop or a drain that are due; return whether the server is over."""
        if self._stop_asked:
            self._change(server_states.STOP)
        if self._state != server_states.DRAINING:
            return self._state == server_states.OVER
        abort_endless(list(self._thread_pool.pool_threads))  # requests may have become endless since the drain began
        with self._lock:
            if self._locked_is_drained():
                self._locked_change(server_states.DRAINED)
            return self._state == server_states.OVER

    def _locked_is_drained(self) -> bool:
        """Whether nothing is left that must be answered or handed over."""
        to_move = self._connections.locked_in_state(states.READY, states.PARKED, states.HELD, states.PROBED)
        if self._handing_over or to_move or self.background.busy:
            return False
        # A client that was answered gets a moment to end its side: a reset could make it lose the answer.
        since = monotonic() + self.limits.linger_s - _LINGER_S
        if any(each.deadline > since for each in self._connections.locked_in_state(states.LINGERING)):
            return False
        sockets_end = monotonic() >= self._aborted_at + _HIJACKED_S
        return all(
            not pool_thread.busy or (is_endless(pool_thread) and (sockets_end or not _is_hijacked(pool_thread)))
            for pool_thread in self._thread_pool.pool_threads
        )

    def _end(self) -> None:
        self._change(server_states.STOP)  # also if the watchdog has failed
        with self._lock:
            self._thread_pool.locked_end()
            for connection in self._connections.locked_in_state(*_WITHOUT_THREAD):
                self._connections.locked_close(connection)
            running = self._connections.locked_in_state(states.BUSY, states.SENDING, states.RECEIVING)
        abort_endless(list(self._thread_pool.pool_threads))  # requests may have begun since the first call
        self.background.close()
        self._poller.close()
        for connection in running:
            connection.wire.abort()
        self._flushing.flush()

    def _log_problems(self) -> None:
        """Log the failures of the server's parts: each once for as long as it lasts, and once a minute at most."""
        with self._lock:
            thread = self._thread_pool.locked_take_problem()
        if thread is not None:
            self._log_rate_limited(
                "error", "thread.failed", {"reason": thread, "count": len(self._thread_pool.pool_threads)}
            )
        disk = self.server_context.storage.take_problem()
        if disk is not None:
            self._log_rate_limited("error", "spool.failed", {"reason": disk, "action": SPACE})
        if self.background.is_full:
            self._log_rate_limited("warning", "transfer.limit", {"limit": self.limits.max_transfers})

    def _log_rate_limited(self, level: str, event: str, fields: dict[str, object]) -> None:
        now = monotonic()
        if now >= self._log_again_at.get(event, now):
            self._log_again_at[event] = now + _LOG_INTERVAL_S
            self.sink.event(level, event, fields)

    # -- what handlers ask

    def wait_for_body(self, handler: WSGIRequestHandler, head: Head) -> bool:
        """Let a request wait for its body without a thread; see ``ThreadlessWaits.wait_for_body``."""
        return self._serving_loop.wait_for_body(handler, head)

    def begin_stream(self, handler: WSGIRequestHandler) -> bool:
        """Give a long request a thread of its own; False if there are too many such requests."""
        pool = self._thread_pool
        with self._lock:
            pool_thread = next((each for each in pool.pool_threads if _serves(each, handler)), None)
            room = (pool_thread is not None and pool.locked_detach(pool_thread)) or pool.locked_has_room()
        return self._report_room(room)

    def check_room_for_stream(self) -> bool:
        """Look for room for one more long request, and log its limit once; return whether there is room."""
        with self._lock:
            room = self._thread_pool.locked_has_room()
        return self._report_room(room)

    def _report_room(self, room: bool) -> bool:  # noqa: FBT001  what it returns
        """Log once that no other long request fits, until one does; return whether one fits."""
        logged, self._logged_full = self._logged_full, not room
        if not room and not logged:
            self.sink.event("warning", "stream.limit", {"limit": self.limits.max_streams})
        return room

    def release_connection(self, handler: WSGIRequestHandler) -> bool:
        """Let the application take a connection's socket, and forget it; False if too many are taken."""
        if not self.begin_stream(handler):
            return False
        with self._lock:
            connection = self._connections.of(handler.wire.sock.fileno())
            if connection is not None:
                self._connections.locked_on(connection, states.HIJACKED)
        return True


def _wires(tls: SSLContext | None) -> Callable[..., Wire]:
    """Return the factory of the connections' wires."""
    if tls is None:
        return Wire
    from ..io.tls import TlsWire  # noqa: PLC0415  ssl costs 10 ms that most do not need

    return functools.partial(TlsWire, tls)


def _serves(pool_thread: PoolThread, handler: WSGIRequestHandler) -> bool:
    connection = pool_thread.connection
    return connection is not None and connection.handler is handler


def _is_hijacked(pool_thread: PoolThread) -> bool:
    exchange = pool_thread.exchange
    return exchange is not None and exchange.hijacked
