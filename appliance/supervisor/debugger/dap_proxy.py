"""Connect one debugger client with the debugger of its worker.

A proxy holds both connections and the data between them, and does not know which worker it is. Runs in the supervisor's
loop; nothing here blocks, and a side that does not read stops the reading of the other side.

When a side ends, the proxy first sends everything that waits for the other side, and then closes that side. Until then
it forwards the messages that the other side still sends, for a limited time.

Decision 13 says why.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

from appliance.supervisor.debugger.dap import Frames, Session, framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop, Timer

CHUNK = 65_536
MAX_UNSENT = 1024 * 1024  # if this many bytes wait for a side, the other side is not read
_LEFT = getattr(select, "POLLRDHUP", 0)  # elsewhere than on Linux, only a reset connection is noticed
LINGER_S = 5.0  # from the end of one side until both are closed, whatever still waits


class _Side:
    """One side: its socket, the bytes read from it, the bytes to send to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.frames = Frames()
        self.unsent = bytearray()
        self.ended = False  # this side has stopped sending
        self.gone = False  # this side can't be written to; its messages can still be read
        self._shut = False  # our sending side is shut

    def receive(self) -> list[bytes]:
        """Return the messages that are complete now; note when this side stops sending."""
        messages: list[bytes] = []
        try:
            data = self.socket.recv(CHUNK)
            self.ended = not data
            messages.extend(self.frames.feed(data))
        except BlockingIOError:
            pass
        except (OSError, ValueError):  # it has disconnected, or speaks another protocol
            self.ended = True
        return messages

    def flush(self) -> None:
        """Send as many bytes as the kernel takes; drop everything for a side that has disconnected."""
        while self.unsent:
            try:
                sent = self.socket.send(self.unsent)
            except BlockingIOError:
                return
            except OSError:
                self.gone = True
                self.unsent.clear()
                return
            del self.unsent[:sent]

    def shut(self) -> None:
        """Shut our sending side, once."""
        if not self._shut:
            self._shut = True
            with contextlib.suppress(OSError):  # it has disconnected
                self.socket.shutdown(socket.SHUT_WR)


class DapProxy:
    """Connects a client with a debugger, once there is one, until either ends."""

    def __init__(self, loop: Loop, client: socket.socket, ended: Callable[[DapProxy], None]) -> None:
        self._loop = loop
        self._ended = ended
        self._client = _Side(client)
        self._debugger: _Side | None = None
        self._session = Session()
        self._deadline: Timer | None = None  # set once a side has ended
        self._closed = False
        client.setblocking(False)  # noqa: FBT003  the standard library's own signature

    @property
    def waits(self) -> bool:
        """Whether the client has no debugger yet."""
        return self._debugger is None

    @property
    def is_left(self) -> bool:
        """Whether the client has disconnected; what it has said before that is not read."""
        poll = select.poll()
        poll.register(self._client.socket, _LEFT)
        return bool(poll.poll(0))

    def connect(self, port: int) -> None:
        """Connect to the debugger that listens on this local port."""
        debugger = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        debugger.setblocking(False)  # noqa: FBT003  as above
        debugger.connect_ex(("127.0.0.1", port))  # in progress, or refused: the first send shows it
        self._debugger = _Side(debugger)
        self._watch()

    def close(self) -> None:
        """Close both sides at once; first tell the client that the debugger has ended, if possible."""
        if self._closed:
            return
        self._closed = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._queue_termination()
        self._client.flush()
        for end in (self._client, self._debugger):
            if end is not None:
                self._loop.unwatch(end.socket)
                end.socket.close()
        self._ended(self)

    def _queue_termination(self) -> None:
        message = self._session.termination() if self._debugger is not None else b""
        if message:
            self._client.unsent += framed(message)

    def _watch(self) -> None:
        client, debugger = self._client, self._debugger
        if debugger is None:
            return
        for end, other, call in (
            (client, debugger, self._client_is_ready),
            (debugger, client, self._debugger_is_ready),
        ):
            reads, writes = not end.ended and len(other.unsent) <= MAX_UNSENT, bool(end.unsent)
            if reads or writes:
                self._loop.watch(end.socket, call, read=reads, write=writes)
            else:
                self._loop.unwatch(end.socket)

    def _client_is_ready(self) -> None:
        if self._debugger is not None:
            self._forward(self._client, self._debugger, self._session.from_client)

    def _debugger_is_ready(self) -> None:
        if self._debugger is not None:
            self._forward(self._debugger, self._client, self._session.from_debugger)

    def _forward(self, source: _Side, target: _Side, read: Callable[[bytes], bytes]) -> None:
        source.flush()
        if not source.ended and len(target.unsent) <= MAX_UNSENT:
            for message in source.receive():
                target.unsent += framed(read(message))
        if source.ended and source is self._debugger:
            self._queue_termination()
        target.flush()
        if source.ended or target.ended or source.gone or target.gone:
            self._end(source, target)
        else:
            self._watch()

    def _end(self, source: _Side, target: _Side) -> None:
        """Close both sides when nothing is left to deliver: one side has ended, or can't be written to."""
        for end, other in ((source, target), (target, source)):
            if other.ended and not end.unsent:
                end.shut()
        debugger = self._debugger
        delivered = debugger is not None and debugger.ended and not self._client.unsent
        if delivered or (source.ended and target.ended and not source.unsent and not target.unsent):
            self.close()
            return
        if self._deadline is None:
            self._deadline = self._loop.call_later(LINGER_S, self.close)
        self._watch()
