"""Decide when a connection that waits for a worker is answered with the supervisor's page.

The wait itself is ``supervisor/workers/connection_router``'s (``WAIT_S``): this module says when the wait begins.

Decision 5 says why.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from appliance.protocol.channel import Channel
    from appliance.protocol.page_messages import SetStandInPage

# A connection that is accepted so soon after the start had waited in the kernel's queue. A connection that came just
# then is treated as one of these: it may wait a second longer than it should.
_QUEUED_WITHIN_S = 0.003
_READ_MESSAGE_S = 0.02  # for the control thread to read a message
_TCP_INFO = getattr(socket, "TCP_INFO", None)  # Linux: struct tcp_info; tcpi_last_data_recv in milliseconds
_LAST_DATA = struct.Struct("=52xI")


def seconds_without_data(sock: socket.socket) -> float | None:
    """Return the seconds since the last bytes, or since the connection was made; None if they are not known."""
    if _TCP_INFO is None:
        return None
    try:
        milliseconds: int = _LAST_DATA.unpack(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_DATA.size))[0]
    except (OSError, struct.error):
        return None  # of another family
    return milliseconds / 1000


class HoldRule:
    """Decides when a connection is answered: once its client has waited for a while.

    A connection that was queued before the stand-in started has waited since its last bytes arrived. If the kernel does
    not report that time, the connection counts as waiting since the beginning of the wait.

    No connection is answered while a message of the supervisor is unread, or read but not handled yet: a client that
    has seen in the log that a worker serves must not get the old page.

    Args:
        message: the page, and how long connections wait for a worker.
        channel: the supervisor's messages.
        handling: set while a message is read and handled.
        clock: CLOCK_MONOTONIC.
        idle_s: returns how long ago the last bytes of a connection came, if that is known.
    """

    def __init__(
        self,
        message: SetStandInPage,
        channel: Channel,
        handling: threading.Event,
        *,
        clock: Callable[[], float] = time.monotonic,
        idle_s: Callable[[socket.socket], float | None] = seconds_without_data,
    ) -> None:
        self._unread = select.poll()  # the server calls this under its lock: never twice at a time
        self._unread.register(channel.fileno(), select.POLLIN)
        self._handling = handling
        self._wait_s = message.wait_s
        self._since = message.since
        self._clock = clock
        self._idle_s = idle_s
        self._opened = clock()

    def answer_at(self, accepted_at: float, sock: socket.socket) -> float:
        """Return when to answer a connection that was accepted at this time; both in seconds of CLOCK_MONOTONIC."""
        if self._handling.is_set() or self._unread.poll(0):
            return self._clock() + _READ_MESSAGE_S
        queued = accepted_at - self._opened < _QUEUED_WITHIN_S
        return (self._since_queued(sock) if queued else accepted_at) + self._wait_s

    def _since_queued(self, sock: socket.socket) -> float:
        idle_s = self._idle_s(sock)
        return self._since if idle_s is None else max(self._since, self._clock() - idle_s)
