"""One debugger's client, and the debugger of the worker that it talks to.

Owns both connections, and what is between them. Knows nothing of which worker it is. Runs in the supervisor's loop;
nothing here blocks, and a side that does not read stops the other from being read.

A side that ends has said its last word, and not heard its last: what waits for the other side is sent before that side
is told of the end, and what the other side still says is passed on, for a bounded time.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from appliance.supervisor.debugger.dap import Frames, Session, framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop, Timer

_READ = 65_536
_ENOUGH = 1024 * 1024  # bytes that may wait for a side before the other one is read no more
LINGER_S = 5.0  # from the end of one side until both are closed, whatever waits


class _End:
    """One side: its socket, what was read of it, what waits to be sent to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.frames = Frames()
        self.unsent = bytearray()
        self.over = False  # it sends no more
        self._shut = False  # it was told that nothing more comes

    def receive(self) -> list[bytes]:
        """The messages that are whole now; notes the end of what it sends."""
        messages: list[bytes] = []
        try:
            data = self.socket.recv(_READ)
            self.over = not data
            messages.extend(self.frames.feed(data))
        except BlockingIOError:
            pass
        except (OSError, ValueError):  # it has gone, or speaks another protocol
            self.over = True
        return messages

    def flush(self) -> None:
        """Send what the kernel takes; a side that has gone has nothing waiting for it."""
        while self.unsent:
            try:
                sent = self.socket.send(self.unsent)
            except BlockingIOError:
                return
            except OSError:
                self.over = True
                self.unsent.clear()
                return
            del self.unsent[:sent]

    def shut(self) -> None:
        """Tell it that nothing more comes; once."""
        if not self._shut:
            self._shut = True
            with contextlib.suppress(OSError):  # it has gone
                self.socket.shutdown(socket.SHUT_WR)


class DapProxy:
    """A client that waits for a debugger, then talks to it, until either goes."""

    def __init__(self, loop: Loop, client: socket.socket, ended: Callable[[DapProxy], None]) -> None:
        self._loop = loop
        self._ended = ended
        self._client = _End(client)
        self._debugger: _End | None = None
        self._session = Session()
        self._deadline: Timer | None = None  # once a side has ended
        self._closed = False
        client.setblocking(False)  # noqa: FBT003  the standard library's own signature

    @property
    def waits(self) -> bool:
        """Whether it has no debugger yet."""
        return self._debugger is None

    def connect(self, port: int) -> None:
        """Talk to the debugger that listens on this port of ours."""
        debugger = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        debugger.setblocking(False)  # noqa: FBT003  as above
        debugger.connect_ex(("127.0.0.1", port))  # in progress, or refused: the first send says so
        self._debugger = _End(debugger)
        self._watch()

    def close(self) -> None:
        """End both at once; what the client must know is told first, if it takes that."""
        if self._closed:
            return
        self._closed = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._say_farewell()
        self._client.flush()
        for end in (self._client, self._debugger):
            if end is not None:
                self._loop.unwatch(end.socket)
                end.socket.close()
        self._ended(self)

    def _say_farewell(self) -> None:
        farewell = self._session.cut() if self._debugger is not None else b""
        if farewell:
            self._client.unsent += framed(farewell)

    def _watch(self) -> None:
        client, debugger = self._client, self._debugger
        if debugger is None:
            return
        for end, other, call in (
            (client, debugger, self._client_is_ready),
            (debugger, client, self._debugger_is_ready),
        ):
            reads, writes = not end.over and len(other.unsent) <= _ENOUGH, bool(end.unsent)
            if reads or writes:
                self._loop.watch(end.socket, call, read=reads, write=writes)
            else:
                self._loop.unwatch(end.socket)

    def _client_is_ready(self) -> None:
        if self._debugger is not None:
            self._pass(self._client, self._debugger, self._session.from_client)

    def _debugger_is_ready(self) -> None:
        if self._debugger is not None:
            self._pass(self._debugger, self._client, self._session.from_debugger)

    def _pass(self, source: _End, target: _End, read: Callable[[bytes], bytes]) -> None:
        source.flush()
        if not source.over and len(target.unsent) <= _ENOUGH:
            for message in source.receive():
                target.unsent += framed(read(message))
        if source.over and source is self._debugger:
            self._say_farewell()
        target.flush()
        if source.over or target.over:
            self._end(source, target)
        else:
            self._watch()

    def _end(self, source: _End, target: _End) -> None:
        """One of them has ended: close both when nothing waits that could still be delivered."""
        for end, other in ((source, target), (target, source)):
            if other.over and not end.unsent:
                end.shut()
        debugger = self._debugger
        heard = debugger is not None and debugger.over and not self._client.unsent
        if heard or (source.over and target.over and not source.unsent and not target.unsent):
            self.close()
            return
        if self._deadline is None:
            self._deadline = self._loop.call_later(LINGER_S, self.close)
        self._watch()
