"""One TLS connection that an application reads in one thread while it writes in another, as WebSocket libraries do.

Runs in the threads of the application that took the socket.

OpenSSL's connection may not be used by two threads at once, and CPython does not keep them apart: before 3.13
it has no lock, and 3.13.6 held one during a blocking read, so that no write was possible until the peer sent something.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from time import monotonic
from typing import Any

from .send_progress import is_ready
from .ssl_calls import WANTED, call_ssl, forget_errors

_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class DuplexSocket:
    """A socket that blocks, on a connection that never does.

    Attributes that are not defined here are the socket's own.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._timeout: float | None = None
        self._lock = threading.Lock()

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive bytes; return b"" at the end, also at one without close_notify."""
        deadline = self._deadline()
        while True:
            with self._lock:
                try:
                    data: bytes = call_ssl(self._sock.recv, size, flags)
                except ssl.SSLEOFError:
                    return b""
                except WANTED as wanted:
                    events = _events(wanted)
                else:
                    return data
            self._wait(events, deadline)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send some of the bytes; return how many. MSG_DONTWAIT is respected here; ssl refuses all flags."""
        deadline = monotonic() if flags & _DONT_WAIT else self._deadline()
        while True:
            with self._lock:
                try:
                    sent: int = call_ssl(self._sock.send, data, flags & ~_DONT_WAIT)
                except WANTED as wanted:
                    events = _events(wanted)
                else:
                    return sent
            self._wait(events, deadline)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all bytes."""
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self.send(rest[:65_536], flags) :]

    def settimeout(self, seconds: float | None, /) -> None:
        """Set how long one call may wait; None: no limit."""
        self._timeout = seconds

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001  a socket's own signature
        """Set the time-out to None or to 0."""
        self._timeout = None if flag else 0.0

    def gettimeout(self) -> float | None:
        """Return the time-out in seconds; None for no limit."""
        return self._timeout

    def shutdown(self, how: int, /) -> None:
        """Send close_notify, then shut the socket down."""
        if how != socket.SHUT_RD and self._lock.acquire(timeout=0.1):
            try:
                with contextlib.suppress(OSError, ValueError):  # it would also wait for the peer's close_notify
                    self._sock.unwrap()
                forget_errors()
            finally:
                self._lock.release()
        socket.socket.shutdown(self._sock, how)  # ssl's ends the encryption first, while another thread may write

    def _deadline(self) -> float | None:
        return None if self._timeout is None else monotonic() + self._timeout

    def _wait(self, events: int, deadline: float | None) -> None:
        left = None if deadline is None else deadline - monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("timed out") if self._timeout else BlockingIOError
        if not is_ready(self._sock, events, left):
            raise TimeoutError("timed out")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def _events(wanted: ssl.SSLError) -> int:
    return select.POLLIN if isinstance(wanted, ssl.SSLWantReadError) else select.POLLOUT
