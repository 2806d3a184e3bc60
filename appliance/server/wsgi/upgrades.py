"""Give an application the connection's socket, to upgrade to another protocol (RFC 9110, 7.8): ``werkzeug.socket``.

simple-websocket and python-engineio look for this key, and rebuild the handshake from the environ themselves. Knows
nothing of WebSockets, except for the one closing frame. Runs in the thread of its request.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from ..http.refusal import TOO_MANY_STREAMS, RequestRefused
from .failure_events import close_quietly

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.head import Head
    from ..io.wire import Wire
    from .access_log.exchange import Exchange

_CLOSE_FRAME_S = 0.1  # how long a library's thread may take to send its last frame
_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3})")
# An unmasked close frame with code 1012, Service Restart (RFC 6455, 5.5.1; IANA's registry of close codes).
_RESTART = b"\x88\x02\x03\xf4"


class UpgradingHandler(Protocol):
    """The handler of a connection, as far as an upgrade needs it: ``WSGIRequestHandler``."""

    server: Any
    wire: Wire
    exchange: Exchange | None
    hijacked: RawSocket | None
    close_connection: bool


def check_upgrade(server: Any, head: Head) -> None:
    """Look whether the server has room for a WebSocket, if a client offers that protocol.

    Few clients that offer another one need it: curl and Java's client offer h2c with every request.

    Raises:
        RequestRefused: too many streams are open.
    """
    if "websocket" in head.values["HTTP_UPGRADE"].lower():
        check_room = getattr(server, "check_room_for_stream", None)  # OptionalServerMethods
        if check_room is not None and not check_room():
            raise RequestRefused(503, TOO_MANY_STREAMS)


def offer_socket(handler: UpgradingHandler, exchange: Exchange, environ: dict[str, Any], application: Any) -> Any:
    """Put the socket into the environ; return the application, wrapped."""

    def take() -> bool:
        release = getattr(handler.server, "release_connection", None)  # OptionalServerMethods
        return release is None or bool(release(handler))

    handler.hijacked = environ["werkzeug.socket"] = hijacked = RawSocket(handler.wire, exchange, take)
    return hijacked.offered_to(application)


def end_upgrade(handler: UpgradingHandler) -> bool:
    """End the connection, if the application has taken the socket; False if it has not."""
    hijacked, exchange = handler.hijacked, handler.exchange
    if hijacked is None or exchange is None or not exchange.hijacked:
        handler.hijacked = None
        return False
    handler.close_connection = True
    hijacked.finish()
    return True


class RawSocket:
    """A socket that becomes the application's with its first use; until then the server owns it.

    ``recv`` returns first what was received early. Attributes that are not defined here are the socket's own.

    Args:
        wire, exchange: the request's.
        take: called before the first use; False if too many sockets are taken.
    """

    def __init__(self, wire: Wire, exchange: Exchange, take: Callable[[], bool]) -> None:
        self._wire = wire
        self._exchange = exchange
        self._may_take = take
        self._refusal: RequestRefused | None = None
        self._lock = threading.Lock()  # between the application's frames and our last one
        self._thread = threading.current_thread()
        self._reader: threading.Thread | None = None  # a thread of the library, beside that of the application

    def offered_to(self, application: Any) -> Any:
        """Wrap the application, so that its request is refused if it could not have the socket."""

        def application_that_may_take(environ: dict[str, Any], start_response: Any) -> Any:
            try:
                result = application(environ, start_response)
            except Exception:
                if self._refusal is not None:
                    raise self._refusal from None
                raise
            if self._refusal is not None:
                close_quietly(result)
                raise self._refusal
            return result

        return application_that_may_take

    def _take(self) -> socket.socket:
        exchange = self._exchange
        if not exchange.hijacked:
            if self._refusal is not None or not self._may_take():
                self._refusal = RequestRefused(503, TOO_MANY_STREAMS)
                raise self._refusal
            exchange.hijacked = exchange.endless = True
            exchange.event = "websocket.closed"
            self._wire.absorb()  # the bytes of a body that the application has not read
            self._wire.release_socket()
        return self._wire.sock

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive the bytes that came early, then those of the socket."""
        sock = self._take()
        if self._reader is None and (thread := threading.current_thread()) is not self._thread:
            self._reader = thread
        if self._wire.buffer and not flags & socket.MSG_PEEK:
            return self._wire.take_now(size)
        return sock.recv(size, flags)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0, /) -> int:
        """Receive into a buffer."""
        data = self.recv(size or len(buffer), flags)
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send all bytes: libraries ignore how much ``send`` took."""
        self.sendall(data, flags)
        return len(data)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all the data; the first bytes are the answer to the request, and have its status."""
        sock = self._take()
        exchange = self._exchange
        if not exchange.status:
            found = _STATUS.match(bytes(data[:16]))
            exchange.status = int(found[1]) if found else 101
            exchange.answered = monotonic()
        with self._lock:
            sock.sendall(data, flags)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._take().fileno()

    def close(self) -> None:
        """End the connection. The descriptor itself is closed by the server, once the application has returned."""
        self._take()
        with contextlib.suppress(OSError):  # the client has gone already
            self._wire.sock.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """End the connection after the application has returned.

        A thread of its library may still be receiving, and closing the descriptor would not wake it; or it has received
        the client's close frame, has told the application, and is about to send its own.
        """
        if self._reader is not None:
            if not self._wire.secure:  # ssl would end its encryption, and later bytes would be sent unencrypted
                with contextlib.suppress(OSError):  # as in close
                    self._wire.sock.shutdown(socket.SHUT_RD)
            self._reader.join(_CLOSE_FRAME_S)
        self.close()

    def restart(self) -> None:
        """End the connection because the server stops: send a WebSocket's close frame, and wake a thread that reads."""
        if self._exchange.status == 101 and self._lock.acquire(timeout=0.1):
            try:
                self._wire.sock.send(_RESTART, getattr(socket, "MSG_DONTWAIT", 0))
            except OSError:
                pass
            finally:
                self._lock.release()
        self._wire.abort()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a copy, or a text in a page, does not use the socket
            raise AttributeError(name)
        return getattr(self._take(), name)
