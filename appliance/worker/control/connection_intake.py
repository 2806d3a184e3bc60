"""Take connections for the worker's server, even before the server exists, and give them back when the worker drains.

Runs in the control thread; the main thread hands over the server once it has made it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NoReturn

from ...protocol.messages import StoppedAccepting
from ...server.io.gevent_safe_event import GeventSafeEvent
from ..serving_process import hand_over, received_connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...protocol.channel import Channel
    from ...protocol.messages import Drain, TakeConnections
    from ...server.pool.pool import PooledWSGIServer
    from ..serving_process import Connections


class ConnectionIntake:
    """The worker's server, and the connections that came before it.

    Attributes:
        server: None until the application is imported.
        may_serve: set when the server may serve, or drain what it has received.
        streams_s: how long aborted streams may take to notice that.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._early: list[tuple[Connections, list[str]]] = []  # with their peers (TakeConnections)
        self._grace_end = 0.0  # CLOCK_MONOTONIC: the end of the grace period while draining
        self.server: PooledWSGIServer | None = None
        self.may_serve = GeventSafeEvent()
        self.streams_s = 0.0

    @property
    def grace_s(self) -> float:
        """The rest of the grace period."""
        return self._grace_end - time.monotonic()

    def open(self, server: PooledWSGIServer) -> None:
        """Give connections to this server, those that have come already first."""
        with self._lock:
            self.server = server
            for connections, peers in self._early:
                server.take(connections, peers)
            self._early = []

    def take(self, message: TakeConnections, descriptors: list[int]) -> None:
        """Take connections that another process gave up."""
        received = received_connections(message, descriptors)
        with self._lock:
            if self.server is None:
                self._early.append((received, message.peers))
            else:
                self.server.take(received, message.peers)

    def drain(self, message: Drain, superseded: Callable[[], NoReturn]) -> None:
        """Leave the listening socket, and give back idle connections; call ``superseded`` if there is no server yet."""
        self._grace_end = time.monotonic() + message.grace_s
        with self._lock:
            if self.server is None:
                for connections, peers in self._early:
                    hand_over(self._channel, connections, peers)
                superseded()
            self.streams_s = message.streams_s
            self.server.drain(lambda connections: hand_over(self._channel, connections))
            self._channel.send(StoppedAccepting())
        self.may_serve.set()
