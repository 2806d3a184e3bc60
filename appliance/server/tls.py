"""A wire that is encrypted: TLS by the standard library's ``ssl``, on the non-blocking socket of a ``Wire``.

Owns the handshake, the end, and what a client gets that speaks plain HTTP here; must not know what the bytes mean. Runs
in the thread that looks at the connection. Imported only where a certificate is set: ``ssl`` costs 10 ms.

Until its first byte is there, a connection is as plain as any, and may move to another process.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

from .refusal import Refused
from .wire import RECEIVE, Wire

if TYPE_CHECKING:
    from .limits import Limits

_HANDSHAKE = b"\x16"  # the content type of a ClientHello's record (RFC 8446, 5.1)


def context_of(certificate: str, key: str | None) -> ssl.SSLContext:
    """A server's context for files in PEM.

    Raises:
        OSError: a file can't be read, or is none; ``ssl.SSLError`` is one.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsWire(Wire):
    """A wire whose bytes are encrypted on the way."""

    __slots__ = ("_context", "_shaken")

    secure = True

    def __init__(self, context: ssl.SSLContext | None, sock: socket.socket, limits: Limits, early: bytes = b"") -> None:
        super().__init__(sock, limits, early)
        self._context = context
        self._shaken = False
        if isinstance(sock, ssl.SSLSocket):  # wrapped by a listening socket that is
            self._begin(sock)
        else:
            self._receive = self._receive_first

    @property
    def movable(self) -> bool:
        """Another process could go on with it: nothing was read yet."""
        return not isinstance(self.sock, ssl.SSLSocket)

    def _begin(self, wrapped: ssl.SSLSocket) -> None:
        self.sock = wrapped
        self._receive = self._decrypted
        self._send = self._encrypted

    def _receive_first(self, most: int) -> bytes:
        first = self.sock.recv(1, socket.MSG_PEEK)
        if not first:
            return b""
        if first != _HANDSHAKE or self._context is None:
            self._receive = self.sock.recv
            raise Refused(400, "this is plain HTTP, on a port that only speaks HTTPS: the URL begins with https://")
        options: Any = {"server_side": True, "do_handshake_on_connect": False}
        self._begin(self._context.wrap_socket(self.sock, **options))
        return self._decrypted(most)

    def _decrypted(self, most: int) -> bytes:
        sock: Any = self.sock
        try:
            if not self._shaken:
                sock.do_handshake()
                self._shaken = True
            data: bytes = sock.recv(most)
            while sock.pending():  # the poller sees the kernel's buffer, not OpenSSL's
                data += sock.recv(RECEIVE)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        return data

    def _encrypted(self, data: Any) -> int:
        try:
            return self.sock.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def send_parts(self, parts: list[bytes]) -> None:
        """Send them all."""
        self.send(b"".join(parts))

    def end(self) -> None:
        """Say close_notify (RFC 8446, 6.1), and that nothing follows."""
        if isinstance(self.sock, ssl.SSLSocket) and self._shaken:
            with contextlib.suppress(OSError, ValueError):  # it would wait for the client's, which we do not
                self.sock.unwrap()
        super().end()
