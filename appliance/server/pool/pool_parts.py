"""The objects that the parts of a pool share: its lock, its limits, its sink, and each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..io.gevent_safe_event import GeventSafeEvent

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable

    from ..http.limits import Limits
    from ..io.poller import Poller
    from ..io.wire import Wire
    from ..wsgi.access_log.sink import FlushSchedule, Sink
    from ..wsgi.handler import WSGIRequestHandler
    from ..wsgi.server_context import ServerContext
    from .acceptor import Acceptor
    from .connections import Connections
    from .thread_pool import ThreadPool


class WakeUp:
    """Wakes the watchdog; any thread may set it.

    Attributes:
        sleeping: the watchdog sleeps longer than a leader may be busy, and must be woken when one begins to work.
    """

    __slots__ = ("_event", "sleeping")

    def __init__(self) -> None:
        self._event = GeventSafeEvent()
        self.sleeping = False

    def set(self) -> None:
        """Let the watchdog look now."""
        self._event.set()

    def wait(self, seconds: float | None) -> None:
        """Wait for ``set``, at most ``seconds``."""
        self._event.wait(seconds)

    def sleep(self, is_needed: Callable[[], bool], seconds: Callable[[], float | None]) -> None:
        """Sleep until ``set`` is called, at most for so long; not at all if the watchdog is needed meanwhile."""
        self.sleeping = True
        if not is_needed():  # asked again: a leader may have begun to work before it could see that the watchdog sleeps
            self.wait(seconds())
        self.sleeping = False


class Server(Protocol):
    """The parts of a server that the threads of its pool use.

    Attributes:
        hand_over: takes connections that have become idle; None while this server keeps them.
        make_wire: makes the wire of a new connection.
    """

    sink: Sink
    hand_over: Callable[[list[tuple[socket.socket, bytes]]], None] | None
    make_wire: Callable[..., Wire]
    RequestHandlerClass: Any

    @property
    def server_context(self) -> ServerContext:
        """The objects with which its handlers work."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the exception that is being handled."""

    def hand_over_idle(self) -> None:
        """Hand over connections that have become idle while the server drains."""

    def begin_stream(self, handler: WSGIRequestHandler) -> bool:
        """Give a long request a thread of its own; False if there are too many such requests."""


@dataclass(frozen=True)
class PoolParts:
    """The parts of one server.

    Attributes:
        lock: held for what concerns connections that no thread serves, and for which thread leads.
        threads: how many requests may run at once.
    """

    lock: threading.Lock
    threads: int
    limits: Limits
    sink: Sink
    poller: Poller
    flushing: FlushSchedule
    wake_up: WakeUp
    connections: Connections
    acceptor: Acceptor
    thread_pool: ThreadPool
