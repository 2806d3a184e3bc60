"""Accept connections on the listening socket.

The socket is adopted: it is never bound, never closed here, and ``listen`` is not called again, since that would shrink
its queue. Methods whose name begins with ``locked_`` need the server's lock.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..io.poller import Poller

_AT_ONCE = 64
_STANDARD = 2  # the last of the standard streams' descriptors
_PAUSE_S = 0.5
# Failures of the one connection that was next, and has ended (accept(2)).
_OF_ONE_CONNECTION = {
    getattr(errno, name)
    for name in (
        "ECONNABORTED", "EPROTO", "ENOPROTOOPT", "EHOSTDOWN", "ENONET", "EHOSTUNREACH", "EOPNOTSUPP", "ENETDOWN",
        "ENETUNREACH", "EPERM",
    )
    if hasattr(errno, name)
}  # fmt: skip
_PERMANENT = {errno.EBADF, errno.EINVAL, errno.ENOTSOCK}  # the socket does not listen any more


class Acceptor:
    """Accepts the connections of one listening socket.

    Attributes:
        descriptor: the socket's.
        problem: why ``accept`` failed; None once it was taken, to be logged.
        retry_at: when to accept again after the process ran out of descriptors (CLOCK_MONOTONIC); 0.0 normally.
    """

    def __init__(self, listener: socket.socket, poller: Poller) -> None:
        self._listener = listener
        self._poller = poller
        self._open = False
        self.descriptor = listener.fileno()
        self.retry_at = 0.0
        self.problem: str | None = None
        self._logged = False  # a problem is logged once for as long as it lasts
        listener.settimeout(0)
        with contextlib.suppress(OSError):  # a UNIX socket has none
            # An accepted socket inherits the option, which saves a system call for each.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def locked_start(self) -> None:
        """Accept from now on."""
        if not self._open:
            self._open = True
            self._poller.register(self.descriptor)

    def locked_stop(self) -> None:
        """Stop accepting."""
        if self._open:
            self._open = False
            self.retry_at = 0.0
            self._poller.unregister(self.descriptor)

    def locked_accept(self, now: float) -> Iterator[tuple[socket.socket, Any]]:
        """Accept some of the connections that wait, as pairs of socket and address."""
        for _ in range(_AT_ONCE if self._open else 0):
            try:
                sock, address = self._listener.accept()
                if sock.fileno() <= _STANDARD:
                    sock = _lifted(sock)
            except BlockingIOError:
                self._logged = False
                return  # another process was faster, or none is left
            except OSError as error:  # EMFILE, ENFILE, ENOBUFS: it stays readable, so it must not be looked at
                if error.errno in _OF_ONE_CONNECTION:
                    continue
                if error.errno in _PERMANENT:
                    raise
                if not self._logged:
                    self._logged, self.problem = True, str(error)
                self.retry_at = now + _PAUSE_S
                self._poller.unregister(self.descriptor)
                return
            else:
                yield sock, address

    def locked_take_problem(self) -> str | None:
        """Take the reason why ``accept`` failed: it is returned once, then None."""
        problem, self.problem = self.problem, None
        return problem

    def locked_retry(self, now: float) -> None:
        """Accept again, once the time without descriptors is over."""
        if self.retry_at and now >= self.retry_at:
            self.retry_at = 0.0
            if self._open:
                try:
                    self._poller.register(self.descriptor)
                except OSError:  # the kernel has no room for another descriptor
                    self.retry_at = now + _PAUSE_S


def _lifted(sock: socket.socket) -> socket.socket:
    """Return the connection with a descriptor above the standard streams', to which the project may write."""
    taken = [sock]
    try:
        while (sock := taken[-1].dup()).fileno() <= _STANDARD:
            taken.append(sock)
    finally:
        for each in taken:
            each.close()
    return sock
