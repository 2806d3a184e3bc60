"""Where connections wait: idle, held, or until their client has ended.

Owns each connection's state, and its place in the poller; must not know threads or HTTP. Every method wants the server's lock
to be held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .limits import Limits
from .poller import Poller

if TYPE_CHECKING:
    from .handler import WSGIRequestHandler
    from .wire import Wire

PARKED = 0  # idle, or a part of a head is there; the poller tells when more comes
BUSY = 1  # a thread has it, or it is about to
HELD = 2  # it may not be answered yet; not looked at
LINGERING = 3  # answered for the last time; until its client has ended too
GONE = 4


class Hold(Protocol):
    """When a connection may be answered at the earliest."""

    def answer_at(self, accepted_at: float) -> float:
        """Seconds of CLOCK_MONOTONIC, for a connection that was accepted then."""


class Connection:
    """One connection of the pool.

    Attributes:
        handler, wire: what serves it.
        state: one of the above.
        descriptor: the socket's.
        registered: the poller knows it. It may also while a thread has it: a system call less, both ways.
        accepted_at, deadline: CLOCK_MONOTONIC.
    """

    __slots__ = ("accepted_at", "deadline", "descriptor", "handler", "registered", "state", "wire")

    def __init__(self, handler: WSGIRequestHandler, wire: Wire, accepted_at: float) -> None:
        self.handler = handler
        self.wire = wire
        self.accepted_at = accepted_at
        self.deadline = 0.0
        self.descriptor = wire.sock.fileno()
        self.registered = False
        self.state = BUSY


class Lot:
    """The connections of one server."""

    def __init__(self, poller: Poller, limits: Limits) -> None:
        self._poller = poller
        self._limits = limits
        self._connections: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        """A new one; a thread has it."""
        self._connections[connection.descriptor] = connection

    def of(self, descriptor: int) -> Connection | None:
        """The one of a descriptor."""
        return self._connections.get(descriptor)

    def told(self, descriptor: int) -> Connection | None:
        """The poller says that it is readable: the connection, if nobody has it."""
        connection = self._connections.get(descriptor)
        if connection is None:
            return None  # given up since
        if connection.state in {PARKED, LINGERING}:
            return connection
        self._forget(connection)  # a thread has it, and will look itself
        return None

    def park(self, connection: Connection, now: float) -> None:
        """Nobody has it: wait for more."""
        connection.state = PARKED
        limits = self._limits
        if not connection.wire.buffer:
            connection.deadline = now + limits.idle_timeout_s
        elif not connection.deadline:
            connection.deadline = now + limits.header_timeout_s
        self._remember(connection)

    def hold(self, connection: Connection, until: float) -> None:
        """It may not be answered before then."""
        connection.state = HELD
        connection.deadline = until
        self._forget(connection)

    def linger(self, connection: Connection, now: float) -> None:
        """Say that nothing follows, and wait until the client says so too."""
        connection.wire.end()
        if connection.wire.discard():
            self.close(connection)
            return
        connection.state = LINGERING
        connection.deadline = now + self._limits.linger_s
        self._remember(connection)

    def close(self, connection: Connection) -> None:
        """Close it."""
        self.give(connection)
        connection.wire.close()

    def give(self, connection: Connection) -> None:
        """It is another's from now on."""
        self._forget(connection)
        connection.state = GONE
        self._connections.pop(connection.descriptor, None)

    def in_state(self, *states: int) -> list[Connection]:
        """Those in one of these."""
        return [connection for connection in self._connections.values() if connection.state in states]

    def overdue(self, now: float) -> list[Connection]:
        """Those that wait for longer than they may."""
        return [
            connection
            for connection in self._connections.values()
            if connection.state != BUSY and connection.deadline <= now
        ]

    def _remember(self, connection: Connection) -> None:
        if not connection.registered:
            connection.registered = True
            self._poller.register(connection.descriptor)

    def _forget(self, connection: Connection) -> None:
        if connection.registered:
            connection.registered = False
            self._poller.unregister(connection.descriptor)
