"""Hold the connections that no thread serves: the queue of those to be looked at, and those that the poller watches.

Performs the actions of ``connection_states``. Knows no threads and no applications. Methods whose name begins with
``locked_``, and the private ones, need the server's lock. The others read one value, and any thread may call them.

Theory of operation, of clients that have left. While all threads are busy, clients give up, and their requests stay in
the kernel. So a connection that had to wait for a thread is checked: has the client closed? A client that has closed
only its sending half looks the same, and waits for its answer. Therefore the server sends it the first bytes of the
status line, with which every answer begins. A client that has closed the whole connection answers these with a reset,
at once or within a round trip; until then the connection waits, without a thread.

Decision 25 says why.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from ..http.refusal import HEAD_TIMEOUT, HandshakeFailed, RequestRefused
from .tables import connection_states as states

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ..http.limits import Limits
    from ..io.poller import Poller
    from ..wsgi.handler import WSGIRequestHandler
    from .connection import Connection

_FIRST_S = 1.0  # while the server ends: how long a new connection may take to send its first request
_AWAY_S = 0.005  # if no thread has looked for so long, clients may have left
PROBE_S = 0.1  # how long to wait for the reaction of a client that may have left


class Hold(Protocol):
    """The earliest time at which a connection may be answered."""

    def answer_at(self, accepted_at: float, sock: socket.socket) -> float:
        """Return seconds of CLOCK_MONOTONIC for a connection that was accepted at this time."""


class ConnectionFailed(Exception):  # noqa: N818 (as RequestRefused)
    """Looking at a connection raised an unexpected exception, which is the cause; the connection is closed.

    Attributes:
        sock, address: the connection's.
    """

    def __init__(self, sock: Any, address: Any) -> None:
        super().__init__("looking at a connection failed")
        self.sock = sock
        self.address = address


class Connections:
    """The connections of one server.

    Attributes:
        ready: those to be looked at, in their order.
        hold: the earliest time at which each may be answered.
        probed: how many are in that state.
        receiving: how many are in that state.
    """

    def __init__(
        self,
        poller: Poller,
        limits: Limits,
        on_waiting: Callable[[int], None] | None = None,
    ) -> None:
        self._poller = poller
        self._limits = limits
        self._connections: dict[int, Connection] = {}
        self.ready: deque[Connection] = deque()
        self.hold: Hold | None = None
        self._have_waited = False  # the connections that are ready have waited for a thread
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

    def locked_on(self, connection: Connection, event: int) -> None:
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

    def locked_add(self, connection: Connection) -> None:
        """Add a new connection to the queue."""
        self._connections[connection.descriptor] = connection
        self.ready.append(connection)

    def of(self, descriptor: int) -> Connection | None:
        """Return the connection of a descriptor."""
        return self._connections.get(descriptor)

    @property
    def has_delayed(self) -> bool:
        """Whether connections may be held or probed, so that a deadline may be near."""
        return self.hold is not None or self.probed > 0

    def locked_set_hold(self, hold: Hold | None) -> None:
        """Replace the rule, and let it be asked about the connections that are held."""
        self.hold = hold
        for connection in self.locked_in_state(states.HELD):
            self._end_wait(connection)

    def locked_readable(self, descriptor: int) -> None:
        """The poller says that a connection is readable.

        Raises:
            ConnectionFailed: looking at it did not work; it is closed.
        """
        connection = self._connections.get(descriptor)
        if connection is None:
            return  # the connection was given up since
        if connection.state == states.PARKED:  # SHORTCUTS: READABLE
            connection.state = states.READY
            self.ready.append(connection)
            return
        if connection.state == states.LINGERING:
            try:
                over = connection.wire.discard()
            except Exception as error:
                self.locked_close(connection)
                raise _failed(connection.handler) from error
            if over:
                self.locked_close(connection)
            return
        if connection.state == states.PROBED:
            connection.gone = True
        self.locked_on(connection, states.READABLE)

    def locked_note_wait(self, now: float) -> None:
        """Note that a thread has waited for connections: a request that comes now has not waited for a thread."""
        self._have_waited = False
        self._polled_at = now

    def is_away(self, now: float) -> bool:
        """Whether no thread has looked for so long that clients may have left meanwhile."""
        return now - self._polled_at > _AWAY_S

    def locked_next(self, now: float) -> Connection | None:
        """Return the next connection with a request, or with a reason to refuse it; the caller's thread serves it.

        Connections that have neither are parked, held or probed.

        Raises:
            ConnectionFailed: looking at one failed; it is closed, and the others are as they were.
        """
        self._have_waited = self._have_waited or now - self._polled_at > _AWAY_S
        self._polled_at = now
        ready = self.ready
        while ready:
            connection = ready.popleft()
            wire = connection.wire
            try:
                # The connection was closed since, or is answered later.
                if connection.state != states.READY or (self.hold is not None and self._put_off(connection)):
                    continue
                if connection.refusal is None and connection.raw is None:
                    raw = wire.pop_head() if wire.buffer else wire.receive_head()
                    if raw is None and not self._retry_head(connection):
                        continue
                    connection.raw = raw or connection.raw
                    if (self._have_waited or connection.may_have_left) and self._probe(connection):
                        continue
            except RequestRefused as refusal:
                connection.refusal = refusal
            except HandshakeFailed as error:
                self.locked_close(connection)
                raise _failed(connection.handler) from error
            except OSError:
                self.locked_close(connection)
                continue
            except Exception as error:
                self.locked_close(connection)
                raise _failed(connection.handler) from error
            connection.state = states.BUSY  # SHORTCUTS: FOUND_REQUEST
            connection.begun_at = connection.begun_at or now
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
        """Look for a head once more; park or close the connection if there is none. Return whether there is one.

        The first look finds only a head that comes alone in one receive.
        """
        wire = connection.wire
        raw = None
        if wire.ended or wire.buffer:
            raw = wire.pop_head()
            if raw is None and not wire.ended and wire.fill():
                raw = wire.pop_head()
        connection.raw = raw
        if raw is not None:
            return True
        if wire.ended:
            self.locked_close(connection)
        else:
            self.locked_park(connection, monotonic(), states.FOUND_NOTHING)
        return False

    def _probe(self, connection: Connection) -> bool:
        """Find out whether the client has left; True if its reaction must be waited for.

        If it has left, the connection is ``gone``.
        """
        wire, raw = connection.wire, connection.raw or b""
        connection.may_have_left = False
        try:
            if not (wire.fill() and (wire.ended or wire.fill()) and wire.ended):
                return False
            if wire.lenient or b"upgrade" in raw.lower():  # the answer may not begin with a usual status line
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
        connection.deadline = monotonic() + PROBE_S
        self.locked_on(connection, states.IN_DOUBT)
        return True

    def _put_off(self, connection: Connection) -> bool:
        """Hold a connection that may not be answered yet; False if it may."""
        until = self.hold.answer_at(connection.accepted_at, connection.wire.sock) if self.hold is not None else 0.0
        if until <= monotonic():
            return False
        connection.deadline = until
        self.locked_on(connection, states.PUT_OFF)
        return True

    def locked_park(self, connection: Connection, now: float, event: int = states.KEPT) -> None:
        """Wait for more bytes, after this event."""
        if not connection.wire.buffer:
            # Nothing that can be read gives no more time: over TLS, a part of a record comes without any of its bytes.
            if event == states.KEPT or not connection.deadline:
                connection.deadline = now + self._limits.idle_timeout_s
            connection.begun_at = 0.0
        else:  # a head's time runs from its first byte on
            connection.begun_at = connection.begun_at or now
            connection.deadline = connection.begun_at + self._limits.header_timeout_s
        if event == states.KEPT and connection.registered:  # SHORTCUTS: KEPT
            connection.state = states.PARKED
        else:
            self.locked_on(connection, event)

    def locked_linger(self, connection: Connection, now: float) -> None:
        """End the server's side, and wait until the client ends its own."""
        connection.wire.end()
        if connection.wire.discard():
            self.locked_close(connection)
            return
        connection.deadline = now + self._limits.linger_s
        self.locked_on(connection, states.ENDED_OUR_SIDE)

    def locked_dismiss(self, connection: Connection, now: float) -> None:
        """End an idle connection that no other server can go on with.

        Before its first request, or in the middle of a head, a connection gets a moment more.
        """
        if connection.wire.buffer:
            return  # the head has a time of its own
        if connection.handler.head is None and connection.deadline > now:
            connection.deadline = min(connection.deadline, now + _FIRST_S)
            return
        self.locked_linger(connection, now)

    def locked_close(self, connection: Connection) -> None:
        """Close a connection."""
        self.locked_on(connection, states.FINISHED)

    def locked_give_up(self) -> list[tuple[socket.socket, bytes]]:
        """Give up every plain connection that no thread serves, each with the bytes that were read of it."""
        given = []
        for connection in self.locked_in_state(states.PARKED, states.HELD, states.READY):
            if connection.wire.movable and connection.refusal is None and connection.raw is None:
                self.locked_on(connection, states.HANDED_OVER)
                given.append((connection.wire.sock, connection.wire.buffer))
        left = [connection for connection in self.ready if connection.state == states.READY]
        self.ready.clear()
        self.ready.extend(left)
        self._report_waiting()
        return given

    def locked_in_state(self, *states: int) -> list[Connection]:
        """Return the connections that are in one of these states."""
        return [connection for connection in self._connections.values() if connection.state in states]

    def locked_sweep(self, now: float) -> bool:
        """End connections that have waited too long; return whether a connection must be looked at."""
        for connection in self.locked_in_state(states.PARKED, states.HELD, states.LINGERING, states.PROBED):
            if connection.deadline > now:
                continue
            if connection.state == states.LINGERING:
                self.locked_close(connection)
            elif connection.state == states.PARKED and not connection.wire.buffer:
                self.locked_linger(connection, now)
            else:
                if connection.state == states.PARKED:
                    connection.refusal = RequestRefused(408, HEAD_TIMEOUT)
                elif connection.state == states.PROBED:
                    connection.gone = _has_left(connection)  # on a busy machine no thread may have looked since
                connection.may_have_left = connection.may_have_left or connection.state == states.HELD
                self._end_wait(connection)
        return bool(self.ready)

    def _end_wait(self, connection: Connection) -> None:
        """Let a thread look at a connection that has waited; what it waits for next has a time of its own."""
        connection.deadline = 0.0
        self.locked_on(connection, states.DUE)


def _has_left(connection: Connection) -> bool:
    try:
        return connection.wire.is_broken
    except OSError:
        return True


def _close(connection: Connection) -> None:
    connection.wire.close()


def _failed(handler: WSGIRequestHandler) -> ConnectionFailed:
    return ConnectionFailed(handler.request, handler.client_address)
