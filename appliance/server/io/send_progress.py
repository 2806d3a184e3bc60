"""Wait for a client that reads slowly: measure how many of the sent bytes have left, and decide when to give up.

Runs in the thread that waits for the client.
"""

from __future__ import annotations

import select
import struct
import time
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..http.transfer_budget import TransferBudget
from .gevent_safe_event import STEP_S

try:  # some builds of Python lack either of them, for example with another C library
    import fcntl
    import termios
except ImportError:
    _CAN_ASK = False
else:
    _CAN_ASK = True

if TYPE_CHECKING:
    import socket

_INT = struct.Struct("i")


class Delivery:
    """The number of sent bytes that have reached the client's machine.

    The kernel takes up to 4 MiB for a connection, and asks for more once a third of that has gone: a client of 10 KB a
    second would seem to stand still for two minutes.
    """

    __slots__ = ("_queued", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._queued = _queued(sock)

    def since(self, sent: int) -> int:
        """Return how many bytes have left since the last call; ``sent`` were given to the kernel meanwhile."""
        before, self._queued = self._queued, _queued(self._sock)
        return max(0, before + sent - self._queued)


def _queued(sock: socket.socket) -> int:
    """Return how many bytes of a socket its peer has not acknowledged; 0 where the platform can't tell."""
    if not _CAN_ASK:
        return 0
    try:
        found: int = _INT.unpack(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size)))[0]
    except (OSError, ValueError):
        return 0
    return found


def is_ready(sock: Any, events: int, seconds: float | None) -> bool:
    """Wait for a socket, for so long (None: no limit); return whether an event of ``select.poll`` may have come.

    eventlet removes ``poll`` where it patches a process, and lets no two greenlets wait for one descriptor: there the
    caller tries again and again, and other greenlets run meanwhile.
    """
    if has_poll():
        poller = select.poll()
        poller.register(sock, events)
        return bool(poller.poll(None if seconds is None else seconds * 1000))
    time.sleep(STEP_S if seconds is None else min(STEP_S, seconds))  # noqa: TID251  eventlet's: no thread sleeps here
    return True


def has_poll() -> bool:
    """Whether more than one thread can wait for a socket."""
    return hasattr(select, "poll")


class Pace:
    """One wait of a thread for a client that reads more slowly than the server sends.

    Args:
        sock: the client's.
        seconds: how long it may take nothing.
        brief_s: for how long the wait counts as brief.
        rate: bytes that add one second to ``brief_s``.
    """

    __slots__ = ("_brief", "_budget", "_checked_at", "_delivery", "_sent", "waits")

    def __init__(self, sock: socket.socket, seconds: float, brief_s: float, rate: float) -> None:
        self._budget = TransferBudget(seconds)
        self._brief = TransferBudget(brief_s, rate)
        self._delivery = Delivery(sock)
        self._checked_at = monotonic()
        self._sent = 0
        self.waits = 0  # how many waits have ended

    @property
    def left(self) -> float:
        """Seconds that the client has left."""
        return self._budget.left

    @property
    def is_brief(self) -> bool:
        """Whether the client nearly keeps up."""
        return self._brief.left > 0

    def took(self, amount: int) -> None:
        """Note that the kernel took this many bytes."""
        self._sent += amount
        self._brief.extend_by(amount)

    def waited(self) -> None:
        """Note that a wait has ended.

        Raises:
            TimeoutError: the client's time is up.
        """
        now = monotonic()
        spent, self._checked_at = now - self._checked_at, now
        self.waits += 1
        self._brief.left -= spent
        self._budget.extend_by(self._delivery.since(self._sent))
        self._sent = 0
        self._budget.left -= spent
        if self._budget.left <= 0:
            raise TimeoutError("the client does not read")
