"""Hold the connections that no thread serves: the queue of those to be looked at, and those that the poller watches.

Performs the actions of ``connection_states``. Knows no threads and no applications. Every method needs the server's
lock.

Theory of operation, of clients that have left. While all threads are busy, clients give up, and their requests stay in
the kernel. So a connection that is looked at late is checked: has the client closed? A client that has closed only its
sending half looks the same, and waits for its answer. It is sent the first bytes of the status line, with which every
answer begins. A client that has closed the whole connection answers that with a reset, at once or within a round trip;
until then the connection waits, without a thread.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from ..http.refusal import HEAD_TIMEOUT, HandshakeFailed, Refused
from .tables import connection_states as states

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ..http.limits import Limits
    from ..io.background.transfer import Incoming
    from ..io.poller import Poller
    from ..io.wire import Wire
    from ..wsgi.handler import WSGIRequestHandler

_FIRST_S = 1.0  # for the first request on a connection whose server goes
_AWAY_S = 0.005  # after nobody has looked for so long, clients may have left meanwhile
_PROBE_S = 0.1  # for a client that may have left


class Hold(Protocol):
    """The earliest time at which a connection may be answered."""

    def answer_at(self, accepted_at: float, sock: socket.socket) -> float:
        """Return seconds of CLOCK_MONOTONIC for a connection that was accepted at this time."""


class ConnectionFailed(Exception):  # noqa: N818 (as Refused)
    """Looking at a connection raised an unexpected exception, which is the cause; the connection is closed.

    Attributes:
        sock, address: the connection's.
    """

    def __init__(self, sock: Any, address: Any) -> None:
        super().__init__("looking at a connection failed")
        self.sock = sock
        self.address = address


class Connection:
    """One connection of the pool.

    Attributes:
        handler, wire: its handler and its bytes.
        state: one of ``connection_states``.
        descriptor: the socket's.
        registered: the poller watches it. This may be so while a thread serves it: that saves two system calls.
        accepted_at: CLOCK_MONOTONIC.
        deadline: when its state has lasted too long.
        begun_at: when the first bytes of a head had come (CLOCK_MONOTONIC); 0.0 without any.
        late: its client may have left before it was looked at.
        gone: its client has left.
        incoming: its request's body, while that is received in the background.
    """

    __slots__ = (
        "__dict__", "accepted_at", "begun_at", "deadline", "descriptor", "handler", "registered", "state", "wire",
    )  # fmt: skip

    # Class attributes and not slots: what is usual costs no assignment.
    late = gone = False
    incoming: Incoming | None = None

    def __init__(self, handler: WSGIRequestHandler, wire: Wire, accepted_at: float) -> None:
        self.handler = handler
        self.wire = wire
        self.accepted_at = accepted_at
        self.deadline = 0.0
        self.begun_at = 0.0
        self.descriptor = wire.sock.fileno()
        self.registered = False
        self.state: int = states.READY


class Connections:
    """The connections of one server.

    Attributes:
        ready: those to be looked at, in their order.
        hold: the earliest time at which each may be answered.
        late: what is looked at now has waited for a thread.
        probed: how many are in that state.
        receiving: how many are in that state.
    """

    def __init__(self, poller: Poller, limits: Limits, on_waiting: Callable[[int], None] | None = None) -> None:
        self._poller = poller
        self._limits = limits
        self._connections: dict[int, Connection] = {}
        self.ready: deque[Connection] = deque()
        self.hold: Hold | None = None
        self.late = False
        self._polled_at = 0.0
        self.probed = 0
        self.receiving = 0
        self._on_waiting = on_waiting
        self._waiting = 0  # the last report: nearly always 0, which costs no call
        self._perform: tuple[Callable[[Connection], None], ...] = (  # by action
            self.ready.append, self._watch, self._unwatch, self._probe_began, self._probe_ended, self._body_began,
            self._body_ended, self._remove, _close,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._connections)

    # -- steps of the table

    def on(self, connection: Connection, event: int) -> None:
        """Change the connection's state as the table says, and perform the actions."""
        connection.state, actions = states.STEPS[connection.state][event]
        for action in actions:
            self._perform[action](connection)

    def _watch(self, connection: Connection) -> None:
        if not connection.registered:
            connection.registered = True
            self._poller.register(connection.descriptor)

    def _unwatch(self, connection: Connection) -> None:
        if connection.registered:
            connection.registered = False
            self._poller.unregister(connection.descriptor)

    def _probe_began(self, _connection: Connection) -> None:
        self.probed += 1

    def _probe_ended(self, _connection: Connection) -> None:
        self.probed -= 1

    def _body_began(self, _connection: Connection) -> None:
        self.receiving += 1

    def _body_ended(self, _connection: Connection) -> None:
        self.receiving -= 1

    def _remove(self, connection: Connection) -> None:
        self._connections.pop(connection.descriptor, None)

    # -- what happens

    def add(self, connection: Connection) -> None:
        """Add a new connection to the queue."""
        self._connections[connection.descriptor] = connection
        self.ready.append(connection)

    def of(self, descriptor: int) -> Connection | None:
        """Return the connection of a descriptor."""
        return self._connections.get(descriptor)

    def readable(self, descriptor: int) -> None:
        """The poller says that a connection is readable.

        Raises:
            ConnectionFailed: looking at it did not work; it is closed.
        """
        connection = self._connections.get(descriptor)
        if connection is None:
            return  # given up since
        if connection.state == states.PARKED:  # SHORTCUTS: READABLE
            connection.state = states.READY
            self.ready.append(connection)
            return
        if connection.state == states.LINGERING:
            try:
                over = connection.wire.discard()
            except Exception as error:
                self.close(connection)
                raise _failed(connection.handler) from error
            if over:
                self.close(connection)
            return
        if connection.state == states.PROBED:
            connection.gone = True
        self.on(connection, states.READABLE)

    def note_wait(self, now: float) -> None:
        """Note that a thread has waited for connections: what comes now has not waited for a thread."""
        self.late = False
        self._polled_at = now

    def is_away(self, now: float) -> bool:
        """Whether no thread has looked for so long that clients may have left meanwhile."""
        return now - self._polled_at > _AWAY_S

    def note_poll(self, now: float) -> None:
        """Note that a thread is about to look."""
        if self.is_away(now):
            self.late = True
        self._polled_at = now

    def next(self) -> Connection | None:
        """Return the next connection with a request, or with a reason to refuse it; the caller's thread serves it.

        Connections that have neither are parked, held or probed.

        Raises:
            ConnectionFailed: looking at one failed; it is closed, and the others are as they were.
        """
        ready = self.ready
        while ready:
            connection = ready.popleft()
            handler, wire = connection.handler, connection.wire
            try:
                # One that was closed since, or is answered later.
                if connection.state != states.READY or (self.hold is not None and self._is_held(connection)):
                    continue
                if handler.refusal is None and handler.raw is None:
                    raw = wire.pop_head() if wire.buffer else wire.receive_head()
                    if raw is None and not self._retry_head(connection):
                        continue
                    handler.raw = raw or handler.raw
                    if (self.late or connection.late) and self._is_in_doubt(connection):
                        continue
            except Refused as refusal:
                handler.refusal = refusal
            except HandshakeFailed as error:
                self.close(connection)
                raise _failed(handler) from error
            except OSError:
                self.close(connection)
                continue
            except Exception as error:
                self.close(connection)
                raise _failed(handler) from error
            connection.state = states.BUSY  # SHORTCUTS: FOUND_REQUEST
            return self._after_report(connection)
        return self._after_report(None)

    def _after_report(self, connection: Connection | None) -> Connection | None:
        if self.ready or self._waiting or self.receiving:
            self._report_waiting()
        return connection

    def _report_waiting(self) -> None:
        """Report how many requests wait for a thread: if the process dies, nothing else can report them."""
        self._waiting = len(self.ready) + self.receiving
        if self._on_waiting is not None:
            self._on_waiting(self._waiting)

    def _retry_head(self, connection: Connection) -> bool:
        """Whether a head has come after all: the first look found none that came alone in one receive."""
        wire = connection.wire
        raw = None
        if wire.ended or wire.buffer:
            raw = wire.pop_head()
            if raw is None and not wire.ended and wire.fill():
                raw = wire.pop_head()
        connection.handler.raw = raw
        if raw is not None:
            return True
        if wire.ended:
            self.close(connection)
        else:
            self.park(connection, monotonic(), states.FOUND_NOTHING)
        return False

    def _is_in_doubt(self, connection: Connection) -> bool:
        """Whether it is unknown if the client has left. If it is known that it has, the connection is ``gone``."""
        wire, raw = connection.wire, connection.handler.raw or b""
        connection.late = False
        try:
            if not (wire.fill() and (wire.ended or wire.fill()) and wire.ended):
                return False
            if wire.lenient or b"upgrade" in raw.lower():  # the answer may begin otherwise
                return False
            wire.probe()
            connection.gone = wire.is_broken
        except BlockingIOError:
            return False
        except OSError:
            connection.gone = True
        if connection.gone:
            return False
        self._unwatch(connection)
        if not self._poller.register_broken(connection.descriptor):
            return False
        connection.registered = True
        connection.deadline = monotonic() + _PROBE_S
        self.on(connection, states.IN_DOUBT)
        return True

    def _is_held(self, connection: Connection) -> bool:
        until = self.hold.answer_at(connection.accepted_at, connection.wire.sock) if self.hold is not None else 0.0
        if until <= monotonic():
            return False
        connection.deadline = until
        self.on(connection, states.PUT_OFF)
        return True

    def park(self, connection: Connection, now: float, event: int = states.KEPT) -> None:
        """Wait for more bytes, after this event."""
        if not connection.wire.buffer:
            connection.deadline = now + self._limits.idle_timeout_s
            connection.begun_at = 0.0
        elif not connection.begun_at:  # a head's time runs from its first byte on
            connection.begun_at = now
            connection.deadline = now + self._limits.header_timeout_s
        if event == states.KEPT and connection.registered:  # SHORTCUTS: KEPT
            connection.state = states.PARKED
        else:
            self.on(connection, event)

    def linger(self, connection: Connection, now: float) -> None:
        """End the server's side, and wait until the client ends its own."""
        connection.wire.end()
        if connection.wire.discard():
            self.close(connection)
            return
        connection.deadline = now + self._limits.linger_s
        self.on(connection, states.ENDED_OUR_SIDE)

    def dismiss(self, connection: Connection, now: float) -> None:
        """End an idle connection that no other server can go on with.

        Before its first request, or in the middle of a head, a connection gets a moment more.
        """
        if connection.wire.buffer:
            return  # its head has a time of its own
        if connection.handler.head is None and connection.deadline > now:
            connection.deadline = min(connection.deadline, now + _FIRST_S)
            return
        self.linger(connection, now)

    def close(self, connection: Connection) -> None:
        """Close it."""
        self.on(connection, states.FINISHED)

    def give_up(self) -> list[tuple[socket.socket, bytes]]:
        """Give up every plain connection that no thread serves, each with the bytes that were read of it."""
        given = []
        for connection in self.in_state(states.PARKED, states.HELD, states.READY):
            handler = connection.handler
            if connection.wire.movable and handler.refusal is None and handler.raw is None:
                self.on(connection, states.HANDED_OVER)
                given.append((connection.wire.sock, connection.wire.buffer))
        left = [connection for connection in self.ready if connection.state == states.READY]
        self.ready.clear()
        self.ready.extend(left)
        self._report_waiting()
        return given

    def in_state(self, *states: int) -> list[Connection]:
        """Return the connections that are in one of these states."""
        return [connection for connection in self._connections.values() if connection.state in states]

    def sweep(self, now: float) -> bool:
        """End what has waited too long; return whether a connection must be looked at."""
        for connection in self.in_state(states.PARKED, states.HELD, states.LINGERING, states.PROBED):
            if connection.deadline > now:
                continue
            if connection.state == states.LINGERING:
                self.close(connection)
            elif connection.state == states.PARKED and not connection.wire.buffer:
                self.linger(connection, now)
            else:
                if connection.state == states.PARKED:
                    connection.handler.refusal = Refused(408, HEAD_TIMEOUT)
                elif connection.state == states.PROBED:
                    connection.gone = _has_left(connection)  # on a busy machine no thread may have looked since
                connection.late = connection.late or connection.state == states.HELD
                self.on(connection, states.DUE)
        return bool(self.ready)


def _has_left(connection: Connection) -> bool:
    try:
        return connection.wire.is_broken
    except OSError:
        return True


def _close(connection: Connection) -> None:
    connection.wire.close()


def _failed(handler: WSGIRequestHandler) -> ConnectionFailed:
    return ConnectionFailed(handler.request, handler.client_address)
