"""The answer of last resort: the supervisor's own, where not even a stand-in can be started.

Owns the connections that it answers. Knows nothing of HTTP but the end of a head: whoever asks gets the same plain
text, and the connection ends. Under HTTPS there is none: connections wait in the queue. Runs in the supervisor's loop.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appliance.supervisor.loop import Loop, Timer

_MOST = 64  # connections at a time; more wait in the queue
_HEAD_S = 1.0  # for a head to arrive
_LINGER_S = 1.0  # for a client to read its answer and close
_FULL_S = 0.5  # with no descriptor free: until the next look
_LONGEST_HEAD = 65_536


class LastAnswer:
    """Speaks from ``say`` to ``rest``."""

    def __init__(self, loop: Loop, listener: socket.socket, *, secure: bool) -> None:
        self._loop = loop
        self._listener = listener
        self._secure = secure
        self._answer = b""
        self._visits: set[_Visit] = set()

    @property
    def speaks(self) -> bool:
        """Whether it answers."""
        return bool(self._answer)

    def say(self, page: dict[str, Any]) -> None:
        """Answer with this page from now on."""
        if self._secure:
            return
        if not self._answer:
            self._listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
            self._loop.watch(self._listener, self._accept)
        self._answer = _rendered(page)

    def rest(self) -> None:
        """Somebody else answers."""
        if self._answer:
            self._answer = b""
            self._loop.unwatch(self._listener)
            for visit in list(self._visits):
                visit.answer()  # it has nobody else

    def _accept(self) -> None:
        if len(self._visits) >= _MOST:
            self._loop.rest(self._listener, _FULL_S)
            return
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            self._loop.rest(self._listener, _FULL_S)
            return
        connection.setblocking(False)  # noqa: FBT003  as above
        self._visits.add(_Visit(self._loop, connection, self._answer, self._visits))


class _Visit:
    """One connection."""

    def __init__(self, loop: Loop, connection: socket.socket, answer: bytes, others: set[_Visit]) -> None:
        self._loop = loop
        self._connection = connection
        self._unsent = answer
        self._others = others
        self._head = b""
        self._timer: Timer = loop.call_later(_HEAD_S, self.answer)
        loop.watch(connection, self._read)

    def _read(self) -> None:
        try:
            part = self._connection.recv(_LONGEST_HEAD)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        self._head = (self._head + part)[-_LONGEST_HEAD:]
        if not part:
            self._end()
        elif b"\r\n\r\n" in self._head or len(self._head) >= _LONGEST_HEAD:
            self.answer()

    def answer(self) -> None:
        """Send it, and wait for the client to close, lest the answer be reset away."""
        self._timer.cancel()
        self._timer = self._loop.call_later(_LINGER_S, self._end)
        with contextlib.suppress(OSError):  # a few hundred bytes fit any socket; who has left has left
            self._connection.send(self._unsent)
            self._connection.shutdown(socket.SHUT_WR)
        self._unsent = b""
        self._loop.watch(self._connection, self._drain)

    def _drain(self) -> None:
        try:
            left = bool(self._connection.recv(_LONGEST_HEAD))
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
