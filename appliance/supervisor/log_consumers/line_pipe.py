"""Write a copy of the log to a process of ours through a pipe, and never wait for it. Runs in the supervisor's loop.

Workers write to such a process through a socket, past the supervisor.

Lines are collected for ``COLLECT_S`` and written at once. Lines that the process has not read are held, up to a limit.
Beyond the limit the newest lines are left out and counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop

COLLECT_S = 0.03  # a process is woken for all lines of this time at once
HELD_BYTES = 8 * 1024 * 1024
_PIPE_BYTES = 1024 * 1024
_MESSAGES_BYTES = 4 * 1024 * 1024  # the kernel allows less


class LinePipe:
    """The supervisor's end of a pipe, which may be opened again and again.

    Args:
        loop: the supervisor's.
        incomplete: called with the number of lines that were left out, as soon as lines are taken again.
    """

    def __init__(self, loop: Loop, incomplete: Callable[[int], object]) -> None:
        self._loop = loop
        self._incomplete = incomplete
        self._held: deque[bytes] = deque()
        self._size = 0
        self._left_out = 0
        self._flush_planned = False
        self._pipe = -1

    @property
    def is_open(self) -> bool:
        """Whether somebody may read."""
        return self._pipe >= 0

    def open(self) -> int:
        """Open a pipe, and return its end for the reader, which the caller closes.

        Raises:
            OSError: no descriptor is left.
        """
        read, write = os.pipe()
        with contextlib.suppress(OSError, AttributeError):  # more than a pipe of this user may hold; not Linux
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(write, False)
        self._pipe = write
        return read

    def close(self) -> None:
        """Close the pipe: its reader reads what is in it, and then its end."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def write(self, data: bytes, _requests: int = 0) -> None:
        """Take whole lines."""
        if self._size + len(data) > HELD_BYTES:
            self._left_out += data.count(b"\n")
        else:
            self.write_always(data)

    def write_always(self, data: bytes) -> None:
        """Take whole lines that must not be left out, beyond the limit too."""
        self._held.append(data)
        self._size += len(data)
        if not self._flush_planned and self._pipe >= 0:
            self._flush_planned = True
            self._loop.call_later(COLLECT_S, self.flush)

    def forget(self) -> int:
        """Drop the held lines: nobody will read them. Return how many there were."""
        count = sum(data.count(b"\n") for data in self._held)
        self._held.clear()
        self._size = 0
        return count

    def flush(self) -> None:
        """Write the held lines, as far as the pipe takes them."""
        self._flush_planned = False
        while self._held and self._pipe >= 0:
            data = self._take_first()
            try:
                written = os.write(self._pipe, data)
            except BlockingIOError:
                written = 0
            except OSError:  # the reader has ended; its end comes as an event
                self._held.appendleft(data)
                return
            self._size -= written
            if written < len(data):
                self._held.appendleft(data[written:])
                self._flush_planned = True
                self._loop.call_later(COLLECT_S, self.flush)
                return
        if self._left_out and not self._held:
            count, self._left_out = self._left_out, 0
            self._incomplete(count)

    def _take_first(self) -> bytes:
        """Take as much as the pipe can hold: to join all of it for a process that reads nothing takes 3 to 15 ms."""
        parts = [self._held.popleft()]
        size = len(parts[0])
        while self._held and (size := size + len(self._held[0])) <= _PIPE_BYTES:
            parts.append(self._held.popleft())
        return b"".join(parts)


def message_pair() -> tuple[socket.socket, socket.socket] | None:
    """Return a pair of sockets that keep messages whole; None where the system has none."""
    try:
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except (OSError, AttributeError):  # no descriptor is left; macOS
        return None
    with contextlib.suppress(OSError):
        pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MESSAGES_BYTES)
    return pair
