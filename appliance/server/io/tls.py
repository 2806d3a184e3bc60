"""A TLS wire: the standard library's ``ssl`` on the non-blocking socket of a ``Wire``.

Makes the handshake, ends the connection, and answers clients that speak plain HTTP. Runs in the thread that looks at
the connection. Imported only where a certificate is set: ``ssl`` costs 10 ms.

Before its first byte, a connection is like any plain one, and may move to another process.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from ..http.limits import RECEIVE
from ..http.refusal import HandshakeFailed, RequestRefused
from .ssl_calls import WANTED, call_ssl, forget_errors
from .tls_duplex import DuplexSocket
from .wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..http.limits import Limits

_SEND = 65_536
_HANDSHAKE = b"\x16"  # the content type of a ClientHello's record (RFC 8446, 5.1)


def context_of(certificate: str, key: str | None) -> ssl.SSLContext:
    """Return a server's context for files in PEM."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def context_of_texts(chain: str, key: str) -> ssl.SSLContext:
    """Return a context for the texts of such files, in Latin-1; they reach no disk where the kernel can avoid it."""
    with contextlib.ExitStack() as stack:
        return context_of(*(stack.enter_context(_as_file(text.encode("latin-1"))) for text in (chain, key)))


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Return a path that leads to these bytes: ``ssl`` reads keys from paths alone."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("pem")
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    import tempfile  # noqa: PLC0415  if there is no memfd (macOS)

    with tempfile.NamedTemporaryFile() as file:  # only its owner may read it
        file.write(data)
        file.flush()
        yield file.name


class TlsWire(Wire):
    """A wire whose bytes are encrypted on the way."""

    __slots__ = ("_context", "_handshake_done", "_has_received", "_lock")

    secure = True

    def __init__(self, context: ssl.SSLContext | None, sock: socket.socket, limits: Limits, early: bytes = b"") -> None:
        super().__init__(sock, limits, early)
        self._context = context
        self._lock = threading.Lock()  # an application may read in one thread, and write in another
        self._handshake_done = False
        self._has_received = False  # bytes other than the handshake's
        if isinstance(sock, ssl.SSLSocket):  # a listening socket of ssl has wrapped it
            self._begin(sock)
        else:
            self._receive = self._usual_receive = self._receive_first

    @property
    def movable(self) -> bool:
        """Whether another process could go on with it: nothing was read yet."""
        return not isinstance(self.sock, ssl.SSLSocket)

    def _begin(self, wrapped: ssl.SSLSocket) -> None:
        self.sock = wrapped
        self._receive = self._usual_receive = self._decrypted
        self._send = self._usual_send = self._encrypted

    def _receive_first(self, most: int) -> bytes:
        first = self.sock.recv(1, socket.MSG_PEEK)
        if not first:
            return b""
        if first != _HANDSHAKE or self._context is None:
            self._receive = self._usual_receive = self.sock.recv
            self.fill()  # for the record's request line
            raise RequestRefused(
                400, "this is plain HTTP, on a port that only speaks HTTPS: the URL begins with https://"
            )
        options: Any = {"server_side": True, "do_handshake_on_connect": False, "suppress_ragged_eofs": False}
        self._begin(self._context.wrap_socket(self.sock, **options))
        return self._decrypted(most)

    def _decrypted(self, most: int) -> bytes:
        with self._lock:
            return self._locked_decrypted(most)

    def _locked_decrypted(self, most: int) -> bytes:
        sock: Any = self.sock
        try:
            if not self._handshake_done:
                call_ssl(sock.do_handshake)
                self._handshake_done = True
            data: bytes = call_ssl(sock.recv, most)
            while sock.pending():  # the poller sees the kernel's buffer, not OpenSSL's
                data += sock.recv(RECEIVE)
        except WANTED:
            raise BlockingIOError from None
        except ssl.SSLEOFError:
            return b""  # the end, without close_notify: not even all browsers send it
        except ssl.SSLError as error:
            # With TLS 1.3 a client may reject the certificate after our part of the handshake is over.
            if self._has_received:
                raise
            raise HandshakeFailed(_words_of(error)) from None
        self._has_received = True
        return data

    def _encrypted(self, data: Any) -> int:
        try:
            # After a failed send, OpenSSL needs the same bytes again, and counts none of them before it has sent all of
            # them: a slow reader of a large body would seem to take nothing for minutes.
            with self._lock:
                sent: int = call_ssl(self.sock.send, data[:_SEND])
        except WANTED:
            raise BlockingIOError from None
        return sent

    def _send_from(self, descriptor: int, offset: int, most: int) -> int:
        data = os.pread(descriptor, min(most, _SEND), offset)
        return self._send(data) if data else 0

    def send_parts(self, parts: list[bytes]) -> None:
        """Send all parts, joined."""
        if self._send is not self._usual_send:
            super().send_parts(parts)
        else:
            self.send(b"".join(parts))

    def release_socket(self) -> Any:
        """Return a socket that may be read in one thread and written in another."""
        if isinstance(self.sock, ssl.SSLSocket):
            duplex: Any = DuplexSocket(self.sock)
            self.sock = duplex
        return self.sock

    def abort(self) -> None:
        """End the connection at once."""
        if isinstance(self.sock, ssl.SSLSocket):
            # Not ssl's: it ends the encryption first, so another thread's bytes could be sent unencrypted.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        else:
            super().abort()

    def end(self) -> None:
        """Send close_notify (RFC 8446, 6.1) and end this side."""
        if self.is_reset:
            return
        if isinstance(self.sock, ssl.SSLSocket) and self._handshake_done:
            with contextlib.suppress(OSError, ValueError):  # it would also wait for the client's close_notify
                self.sock.unwrap()
            forget_errors()
        self._receive = self._usual_receive = self._undecrypted
        super().end()

    def _undecrypted(self, most: int) -> bytes:
        """Receive bytes only to drop them: after the end, ssl has no connection."""
        return socket.socket.recv(self.sock, most)


def _words_of(error: ssl.SSLError) -> str:
    """``TLSV1_ALERT_UNKNOWN_CA`` as "tlsv1 alert unknown ca"; OpenSSL's names are all that there is."""
    return (error.reason or error.strerror or str(error)).lower().replace("_", " ")
