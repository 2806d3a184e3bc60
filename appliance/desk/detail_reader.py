"""Read the details of requests from the workers' socket, in a thread of its own.

The recorder's own thread has a low priority, so on a busy machine it comes late. A person waits for a request that is
sent again, and its details say how many queries it has run: this thread is started before the priority is lowered.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from appliance.desk.replay.raw_requests import RawRequests

_CHUNK = 1 << 20
_AT_ONCE = 1_000
MOST_BYTES = 32 * 1024 * 1024  # that wait to be stored

Detail = tuple[bytes, int | None]  # a message, and the number of the request that it repeats


class DetailReader:
    """Takes messages as they come.

    Args:
        details: the recorder's end of the socket.
        raw: keeps each request as it was received.

    Attributes:
        wake: a descriptor that becomes readable when something has come.
        thread: reads, once it is started.
    """

    def __init__(self, details: socket.socket, raw: RawRequests) -> None:
        self._details = details
        self._raw = raw
        self._lock = threading.Lock()
        self._came: deque[Detail] = deque()
        self._bytes = 0
        self.wake, self._wakes = os.pipe()
        for each in (self.wake, self._wakes):
            os.set_blocking(each, False)
        details.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self.thread = threading.Thread(target=self._read, name="details", daemon=True)

    def take(self) -> list[Detail]:
        """Return the messages that have arrived, those that can be read now included."""
        with self._lock:
            self._take_all()
            came, self._came = self._came, deque()
            self._bytes = 0
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake, _CHUNK)
        return list(came)

    def _read(self) -> None:
        ready = select.poll()
        ready.register(self._details, select.POLLIN)
        while True:
            ready.poll()
            with self._lock:
                if not self._take_all():
                    return
            try:
                os.write(self._wakes, b"\0")
            except BlockingIOError:
                continue  # it is readable already

    def _take_all(self) -> bool:
        """Take all readable messages; return False at the end."""
        for _ in range(_AT_ONCE):
            try:
                message = self._details.recv(_CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not message:
                return False
            self._came.append((message, self._raw.add(message)))
            self._bytes += len(message)
            while self._bytes > MOST_BYTES:
                self._bytes -= len(self._came.popleft()[0])
        return True
