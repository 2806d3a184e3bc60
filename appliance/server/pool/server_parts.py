"""What the parts of one server share: its lock, its limits, its sink, and each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..io.gevent_safe_event import GeventSafeEvent

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ..http.limits import Limits
    from ..io.poller import Poller
    from ..wsgi.recording.sink import FlushSchedule, Sink
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
        """Wait until it is set, at most ``seconds``."""
        self._event.wait(seconds)

    def sleep(self, is_needed: Callable[[], bool], seconds: Callable[[], float | None]) -> None:
        """Sleep until it is set, at most for so long; not at all if the watchdog has become needed meanwhile."""
        self.sleeping = True
        if not is_needed():  # asked again: a leader may have begun to work before it could see that the watchdog sleeps
            self.wait(seconds())
        self.sleeping = False


@dataclass(frozen=True)
class ServerParts:
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
