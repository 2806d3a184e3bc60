"""Send messages to another process of the appliance, and never wait for it."""

from __future__ import annotations

import contextlib
import select
import socket
from collections import deque
from time import monotonic

_KEPT_BYTES = 4 * 1024 * 1024
_LOST = (BlockingIOError, InterruptedError)


class MessageSocket:
    """The worker's end of a socket that keeps messages whole; those that it does not take are kept, up to a limit.

    Args:
        descriptor: that end; this object owns it.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.settimeout(None)  # else a send may wait: the project can have set a default timeout
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0

    def send(self, message: bytes) -> None:
        """Send a message, or keep it; one that finds no room is left out."""
        if self._kept_bytes + len(message) <= _KEPT_BYTES:
            self._kept.append(message)
            self._kept_bytes += len(message)
        self.flush()

    def flush(self) -> None:
        """Send the waiting messages, as far as they are taken."""
        with contextlib.suppress(IndexError):  # another thread has taken the last one
            while self._kept:
                message = self._kept.popleft()
                self._kept_bytes -= len(message)
                try:
                    self._socket.send(message, socket.MSG_DONTWAIT)
                except _LOST:
                    self._kept.appendleft(message)
                    self._kept_bytes += len(message)
                    return
                except OSError:  # too large for the socket, or nobody reads: the access record reports it anyway
                    return

    def finish(self, within_s: float) -> None:
        """Send the waiting messages, before this process ends."""
        until = monotonic() + within_s
        waiting = select.poll()
        waiting.register(self._socket, select.POLLOUT)
        self.flush()
        while self._kept and (left_s := until - monotonic()) > 0:
            waiting.poll(left_s * 1000)
            self.flush()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def leave(self) -> None:
        """Stop: this is a process that the project has forked."""
        self._kept.clear()
