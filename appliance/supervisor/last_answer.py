"""Answer requests in the supervisor itself, if not even a stand-in can be started.

This module reads a request only up to the end of its head. Every client gets the same plain text, and the connection
ends. With HTTPS nothing is answered: connections wait in the queue. Runs in the supervisor's loop.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from appliance.supervisor.loop import FULL_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.workers.acceptor_events import OpenConnection

_MAX_CONNECTIONS = 64  # at a time; more wait in the listening socket's queue
_HEAD_S = 1.0  # a head must arrive in this time
_LINGER_S = 1.0  # a client has this time to read its answer and close
_MAX_HEAD = 65_536


class LastAnswer:
    """Answers from ``start`` to ``stop``."""

    def __init__(self, loop: Loop, listener: socket.socket, *, secure: bool) -> None:
        self._loop = loop
        self._listener = listener
        self._secure = secure
        self._answer = b""
        self._connections: set[_Connection] = set()

    @property
    def active(self) -> bool:
        """Whether requests are answered here."""
        return bool(self._answer)

    def start(self, page: dict[str, Any]) -> None:
        """Answer with this page from now on."""
        if self._secure:
            return
        if not self._answer:
            self._listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
            self._loop.watch(self._listener, self._accept)
        self._answer = _rendered(page)

    def take(self, connections: Sequence[OpenConnection], page: dict[str, Any] | None = None) -> None:
        """Answer connections that another process has accepted: descriptors, and the bytes that were read from each.

        ``page``: answer these connections with this page, and all others as before.
        """
        answer = self._answer if page is None else _rendered(page)
        for each in connections:
            client = socket.socket(fileno=each.descriptor)
            client.setblocking(False)  # noqa: FBT003  as above
            self._connections.add(_Connection(self._loop, client, answer, self._connections, each.early))

    def stop(self) -> None:
        """Stop answering: another process answers from now on."""
        if self._answer:
            self._answer = b""
            self._loop.unwatch(self._listener)
            for connection in list(self._connections):
                connection.answer()  # no other process has this connection

    def _accept(self) -> None:
        if len(self._connections) >= _MAX_CONNECTIONS:
            self._loop.pause(self._listener, FULL_S)
            return
        client = self._loop.accept(self._listener)
        if client is None:
            return
        self._connections.add(_Connection(self._loop, client, self._answer, self._connections))


class _Connection:
    """One connection, from its head to its answer."""

    def __init__(
        self, loop: Loop, connection: socket.socket, answer: bytes, others: set[_Connection], early: str = ""
    ) -> None:
        self._loop = loop
        self._connection = connection
        self._unsent = answer
        self._others = others
        self._head = early.encode("latin-1")
        self._timer: Timer = loop.call_later(_HEAD_S, self.answer)
        loop.watch(connection, self._read)
        if b"\r\n\r\n" in self._head:
            self.answer()

    def _read(self) -> None:
        try:
            part = self._connection.recv(_MAX_HEAD)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        self._head = (self._head + part)[-_MAX_HEAD:]
        if not part:
            self._end()
        elif b"\r\n\r\n" in self._head or len(self._head) >= _MAX_HEAD:
            self.answer()

    def answer(self) -> None:
        """Send the answer, and wait for the client to close: if we closed first, a reset could destroy the answer."""
        self._timer.cancel()
        self._timer = self._loop.call_later(_LINGER_S, self._end)
        with contextlib.suppress(OSError):  # a few hundred bytes fit any socket; the client may have disconnected
            self._connection.send(self._unsent)
            self._connection.shutdown(socket.SHUT_WR)
        self._unsent = b""
        self._loop.watch(self._connection, self._drain)

    def _drain(self) -> None:
        try:
            left = bool(self._connection.recv(_MAX_HEAD))
        except BlockingIOError:
            return
        except OSError:
            left = False
        if not left:
            self._end()

    def _end(self) -> None:
        self._timer.cancel()
        self._loop.unwatch(self._connection)
        self._connection.close()
        self._others.discard(self)


def _rendered(page: dict[str, Any]) -> bytes:
    broken = page.get("status") == 500
    parts = [page.get("title", ""), page.get("lead", ""), page.get("action", "")]
    text = "\n\n".join(str(part) for part in parts if part).encode("utf-8", "replace") + b"\n"
    status = b"500 Internal Server Error" if broken else b"503 Service Unavailable\r\nRetry-After: 1"
    fields = (
        b"HTTP/1.1 " + status,
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(text),
        b"Cache-Control: no-store",
        b"Connection: close",
    )
    return b"\r\n".join(fields) + b"\r\n\r\n" + text
