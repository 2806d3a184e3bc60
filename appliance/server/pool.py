"""``PooledWSGIServer``: one listening socket, idle connections in a selector, a bounded crew of threads.

Owns what happens to a connection between two requests, and the server's own life: pause, hand over, drain, stop; must not
know processes or settings. Runs in the worker and in the stand-in: ``serve_forever`` in the main thread, which watches, the
rest in threads of its own.

Invariant: whatever is decided about a connection that no thread has, is decided under the one lock; a thread has those in
state BUSY that are not in ``_ready``.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections import deque
from time import monotonic
from typing import Any, Callable, Iterable

from .cut import cut
from .crew import Crew, Hand
from .environ import TrustedProxies
from .equipment import Equipment, base_environ
from .exchange import Sink
from .handler import WSGIRequestHandler
from .limits import Limits
from .listener import WSGIServer
from .lot import BUSY, HELD, LINGERING, PARKED, Connection, Hold, Lot
from .poller import Poller
from .refusal import Refused
from .wire import Wire

Passed = Callable[["list[tuple[socket.socket, bytes]]"], None]

_ACCEPTED_AT_ONCE = 64
_NO_DESCRIPTORS_S = 0.5  # how long not to accept when the process has no more of them
_FLUSH_S = 0.002  # records are flushed no more often, and at the latest with the watcher's next look
_SWEEP_S = 1.0
_STREAM_LOOK_S = 0.25
_CUT_S = 1.0  # how long a hijacked request may take to notice that it was ended


class PooledWSGIServer(WSGIServer):
    """Serves an adopted listening socket: never binds, never listens, never closes it by itself.

    Args:
        listener: a listening stream socket.
        application: the WSGI application.
        sink: where it puts what happened.
        limits: what it puts up with.
        threads: how many requests run at once; with 1 always in the same thread.
        allowed_hosts: whether to serve a Host; None serves all.
        trusted_proxies: addresses or networks whose ``Forwarded`` fields are believed.
        RequestHandlerClass: as ``socketserver``'s; its ``handle`` is not used, ``handle_one_request`` is.
        hold: when connections may be answered at the earliest; may be replaced at any time.
        accepting: False begins paused.
    """

    def __init__(
        self,
        listener: socket.socket,
        application: Any,
        *,
        sink: Sink,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        threads: int = 8,
        allowed_hosts: Callable[[str], bool] | None = None,
        trusted_proxies: Iterable[str] = (),
        RequestHandlerClass: type[WSGIRequestHandler] = WSGIRequestHandler,
        hold: Hold | None = None,
        accepting: bool = True,
    ) -> None:
        socketserver.BaseServer.__init__(self, listener.getsockname(), RequestHandlerClass)
        self.socket = listener
        listener.setblocking(False)
        try:  # accepted sockets inherit it, which saves a system call each
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass  # not TCP
        self.name()
        self.set_app(application)
        self.sink = sink
        self.limits = limits
        self._equipment = Equipment(
            base_environ(self),
            sink=sink,
            limits=limits,
            multithread=threads > 1,
            persistent=True,
            allowed_hosts=allowed_hosts,
            proxies=TrustedProxies(tuple(trusted_proxies)),
        )
        self._lock = threading.Lock()
        self._poller = Poller()
        self._lot = Lot(self._poller, limits)
        self._ready: deque[Connection] = deque()
        self._crew = Crew(self._lock, threads=threads, max_streams=limits.max_streams, lead=self._lead, rest=self._rest)
        self._stir = threading.Event()
        self._dozing = False
        self._served = 0
        self._flushed_at = 0.0
        self._hold = hold
        self._accepting = False
        self._blind_until = 0.0  # no descriptors left: when to accept again
        self._passed: Passed | None = None
        self._cut_at = 0.0
        self._stopped = False
        self._full = False  # the bound on streams was told of
        if accepting:
            self.resume()

    # -- what the owner calls, from any thread

    @property
    def busy(self) -> int:
        """Requests in flight."""
        return self._crew.busy

    @property
    def hold(self) -> Hold | None:
        """When connections may be answered at the earliest."""
        return self._hold

    @hold.setter
    def hold(self, hold: Hold | None) -> None:
        with self._lock:
            self._hold = hold
            for connection in self._lot.in_state(HELD):
                connection.deadline = 0.0  # look at it again
        self._stir.set()

    def pause(self) -> None:
        """Accept no more; the listening socket stays open."""
        with self._lock:
            self._locked_accept(accepting=False)

    def resume(self) -> None:
        """Accept again."""
        with self._lock:
            self._locked_accept(accepting=True)

    def take(self, connections: list[tuple[socket.socket, bytes]]) -> None:
        """Adopt connections, each with the bytes that were already read of it."""
        now = monotonic()
        with self._lock:
            for sock, early in connections:
                try:
                    address = sock.getpeername()
                except OSError:
                    address = ("", 0)  # it has gone; its first receive will tell
                self._locked_adopt(sock, address, early, now)
        self._poller.wake()

    def hand_over(self) -> list[tuple[socket.socket, bytes]]:
        """Give up every idle plain connection, with the bytes read of it. They are the caller's to close."""
        with self._lock:
            return self._locked_give_up()

    def drain(self, passed: Passed) -> None:
        """Accept no more, pass on what is idle now and what becomes idle, and let ``serve_forever`` return after that."""
        with self._lock:
            self._locked_accept(accepting=False)
            self._passed = passed
            idle = self._locked_give_up()
            for connection in self._lot.in_state(PARKED):  # those that can't be passed on: TLS
                self._lot.linger(connection, monotonic())
        passed(idle)
        self._cut_at = monotonic()
        self._cut_streams()
        self._stir.set()

    def stop(self) -> None:
        """Let ``serve_forever`` return at once; connections are closed."""
        self._stopped = True
        self._stir.set()

    def shutdown(self) -> None:
        """As ``stop``."""
        self.stop()

    # -- the main thread

    def serve_forever(self, poll_interval: float = 0.5) -> None:  # noqa: ARG002 (socketserver's signature)
        """Serve until drained or stopped."""
        with self._lock:
            self._crew.locked_appoint()
        served = -1
        swept_at = monotonic()
        try:
            while not self._is_over():
                self._doze(progress=served != self._served)
                served = self._served
                now = monotonic()
                self._watch(now)
                if now >= swept_at + _SWEEP_S or self._hold is not None:
                    swept_at = now
                    self._sweep(now)
        finally:
            self._end()

    def _is_over(self) -> bool:
        if self._stopped or self._passed is None:
            return self._stopped
        with self._lock:
            if self._ready or self._lot.in_state(LINGERING):
                return False
            patient = monotonic() < self._cut_at + _CUT_S
            for hand in self._crew.hands:
                exchange = self._exchange_of(hand)
                if hand.busy and (exchange is None or not exchange.endless or (patient and exchange.hijacked)):
                    return False
            return True

    def _doze(self, *, progress: bool) -> None:
        """Sleep until the next look is due, or the leader says that it begins to work."""
        leader = self._crew.leader
        if progress or self._passed is not None or (leader is not None and leader.busy):
            self._stir.wait(self.limits.stuck_after_s)
        else:
            self._dozing = True
            leader = self._crew.leader
            if leader is None or not leader.busy:  # it may have begun before it could see the flag
                if self._crew.busy:
                    seconds: float | None = _STREAM_LOOK_S
                else:
                    seconds = _SWEEP_S if len(self._lot) or self._blind_until else None
                held = self._lot.in_state(HELD) if self._hold is not None else []
                if held:
                    seconds = max(0.0, min(connection.deadline for connection in held) - monotonic())
                self._stir.wait(seconds)
            self._dozing = False
        self._stir.clear()

    def _watch(self, now: float) -> None:
        """Relieve a leader that is stuck; let streams leave the count; flush."""
        limits, crew = self.limits, self._crew
        with self._lock:
            leader = crew.leader
            if leader is not None and leader.busy and now - leader.since > limits.stuck_after_s:
                crew.locked_relieve()
            for hand in crew.hands:
                if hand.busy and not hand.detached and now - hand.since > limits.stream_after_s:
                    exchange = self._exchange_of(hand)
                    work = hand.work
                    waiting = isinstance(work, Connection) and work.wire.waiting
                    if waiting or (exchange is not None and (exchange.streaming or exchange.hijacked)):
                        crew.locked_detach(hand)
                        break  # the set may have grown; the next look takes the next
            crew.locked_appoint()
        if now - self._flushed_at > _FLUSH_S:
            self._flushed_at = now
            self.sink.flush()

    def _sweep(self, now: float) -> None:
        """End what has waited for too long."""
        with self._lock:
            for connection in self._lot.overdue(now):
                if connection.state == LINGERING:
                    self._lot.close(connection)
                elif connection.state == HELD:
                    self._locked_ready(connection)
                elif connection.wire.buffer:
                    connection.handler.refusal = Refused(408, "the head did not come in time (RFC 9110, 15.5.9)")
                    self._locked_ready(connection)
                else:
                    self._lot.linger(connection, now)
            if self._blind_until and now >= self._blind_until:
                self._blind_until = 0.0
                if self._accepting:
                    self._poller.register(self.socket.fileno())

    def _end(self) -> None:
        with self._lock:
            self._locked_accept(accepting=False)
            self._crew.locked_end()
            for connection in self._lot.in_state(PARKED, HELD, LINGERING):
                self._lot.close(connection)
            running = self._lot.in_state(BUSY)
        self._poller.wake()
        for connection in running:
            try:
                connection.wire.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sink.flush()

    def _cut_streams(self) -> None:
        """End what would never end: hijacked sockets and event streams."""
        with self._lock:
            busy = [(hand.work, self._exchange_of(hand)) for hand in self._crew.hands if hand.busy]
        for work, exchange in busy:
            if isinstance(work, Connection) and exchange is not None and exchange.endless:
                cut(work.handler, exchange)

    # -- the crew's threads

    def _lead(self, hand: Hand) -> None:
        """Serve one connection, or wait for some."""
        with self._lock:
            connection = self._locked_next()
            if connection is not None:
                hand.work = connection
                hand.since = connection.handler.started = monotonic()
                hand.busy = True
                if self._crew.eager:
                    self._crew.locked_relieve()
        if connection is None:
            self._wait()
            return
        if self._dozing:
            self._stir.set()
        try:
            self._serve(hand, connection)
        finally:
            hand.busy = False
            hand.work = None
            self._served += 1
            if self._passed is not None:
                self._stir.set()

    def _locked_next(self) -> Connection | None:
        """The next connection that has a request, or something else to be answered."""
        while self._ready:
            connection = self._ready.popleft()
            if self._locked_look(connection):
                return connection
        return None

    def _locked_look(self, connection: Connection) -> bool:
        """Receive what is there; whether it is to be served. If not, it waits somewhere else now."""
        handler, wire, now = connection.handler, connection.wire, monotonic()
        if handler.refusal is not None:
            return True
        if self._hold is not None:
            until = self._hold.answer_at(connection.accepted_at)
            if until > now:
                self._lot.hold(connection, until)
                return False
        try:
            handler.raw = wire.pop_head() if wire.buffer else None
            if handler.raw is None and wire.fill():
                handler.raw = wire.pop_head()
        except Refused as refusal:
            handler.refusal = refusal
            return True
        except OSError:
            self._lot.close(connection)
            return False
        if handler.raw is not None:
            connection.deadline = 0.0
            return True
        if wire.ended:
            self._lot.close(connection)
        else:
            self._lot.park(connection, now)
        return False

    def _wait(self) -> None:
        now = monotonic()
        if now - self._flushed_at > _FLUSH_S:
            self._flushed_at = now
            self.sink.flush()
        told = self._poller.wait()
        with self._lock:
            if self._crew.over:
                return
            for descriptor in told:
                connection = self._lot.told(descriptor)
                if connection is None:
                    if descriptor == self.socket.fileno():
                        self._locked_accept_some()
                elif connection.state == LINGERING:
                    if connection.wire.discard():
                        self._lot.close(connection)
                else:
                    connection.state = BUSY
                    self._ready.append(connection)

    def _serve(self, hand: Hand, connection: Connection) -> None:
        handler = connection.handler
        try:
            handler.handle_one_request()
        except Exception:  # noqa: BLE001 (a fault of ours must not end the thread that leads)
            handler.close_connection = True
            self.handle_error(connection.wire.sock, handler.client_address)
        self._crew.took(monotonic() - hand.since)
        given: list[tuple[socket.socket, bytes]] = []
        with self._lock:
            if handler.hijacked is not None or self._crew.over:
                self._lot.close(connection)
            elif handler.close_connection:
                if handler.is_clean:
                    connection.wire.end()
                    self._lot.close(connection)
                else:
                    self._lot.linger(connection, monotonic())
            elif connection.wire.buffer:
                self._locked_ready(connection)  # behind the others: pipelining must not starve them
            elif self._passed is None:
                self._lot.park(connection, monotonic())
            elif connection.wire.secure:
                self._lot.linger(connection, monotonic())
            else:
                self._lot.give(connection)
                given.append((connection.wire.sock, b""))
        if given and self._passed is not None:
            self._passed(given)

    def _rest(self) -> None:
        self.sink.flush()

    # -- with the lock held

    def _locked_ready(self, connection: Connection) -> None:
        connection.state = BUSY
        self._ready.append(connection)
        self._poller.wake()

    def _locked_accept(self, *, accepting: bool) -> None:
        if accepting and not self._accepting:
            self._poller.register(self.socket.fileno())
        elif self._accepting and not accepting:
            self._poller.unregister(self.socket.fileno())
        self._accepting = accepting

    def _locked_accept_some(self) -> None:
        now = monotonic()
        for _ in range(_ACCEPTED_AT_ONCE if self._accepting else 0):
            try:
                sock, address = self.socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self.sink.event("error", "accept.failed", {"error": str(error)})
                self._poller.unregister(self.socket.fileno())
                self._blind_until = now + _NO_DESCRIPTORS_S
                return
            self._locked_adopt(sock, address, b"", now)

    def _locked_adopt(self, sock: socket.socket, address: Any, early: bytes, now: float) -> None:
        handler_class: Any = self.RequestHandlerClass
        handler: WSGIRequestHandler = handler_class.__new__(handler_class)
        handler.request = handler.connection = sock
        handler.client_address = address
        handler.server = self
        wire = Wire(sock, self.limits, early)
        handler.begin(self.equipment, wire)
        connection = Connection(handler, wire, now)
        self._lot.add(connection)
        self._ready.append(connection)

    def _locked_give_up(self) -> list[tuple[socket.socket, bytes]]:
        given = []
        for connection in [*self._lot.in_state(PARKED, HELD), *self._ready]:
            if not connection.wire.secure and connection.handler.refusal is None:
                self._lot.give(connection)
                given.append((connection.wire.sock, connection.wire.buffer))
        self._ready = deque(connection for connection in self._ready if connection.state == BUSY)
        return given

    # -- what handlers ask

    def stream_begins(self, handler: WSGIRequestHandler) -> bool:
        """A request will go on for long: give it a thread of its own; False if there are too many."""
        with self._lock:
            for hand in self._crew.hands:
                work = hand.work
                if isinstance(work, Connection) and work.handler is handler:
                    if self._crew.locked_detach(hand) or self._crew.locked_has_room():
                        self._full = False
                        return True
                    break
            told, self._full = self._full, True
        if not told:
            self.sink.event("warning", "stream.limit", {"limit": self.limits.max_streams})
        return False

    def connection_taken(self, handler: WSGIRequestHandler) -> None:
        """The application has taken a connection's socket."""
        with self._lock:
            connection = self._lot.of(handler.wire.sock.fileno())
            if connection is not None:
                self._lot.give(connection)

    @staticmethod
    def _exchange_of(hand: Hand) -> Any:
        work = hand.work
        return work.handler.exchange if isinstance(work, Connection) else None
