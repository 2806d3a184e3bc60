"""One debugger's client, and the debugger of the worker that it talks to.

Owns both connections, and what is between them. Knows nothing of which worker it is. Runs in the supervisor's loop;
nothing here blocks, and a side that does not read stops the other from being read.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from appliance.supervisor.dap import Frames, Session, framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop

_READ = 65_536
_ENOUGH = 1024 * 1024  # bytes that may wait for a side before the other one is read no more


class _End:
    """One side: its socket, what was read of it, what waits to be sent to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.frames = Frames()
        self.unsent = bytearray()

    def flush(self) -> None:
        """Send what the kernel takes.

        Raises:
            OSError: it has gone.
        """
        while self.unsent:
            try:
                sent = self.socket.send(self.unsent)
            except BlockingIOError:
                return
            del self.unsent[:sent]


class Relay:
    """A client that waits for a debugger, then talks to it, until either goes."""

    def __init__(self, loop: Loop, client: socket.socket, ended: Callable[[Relay], None]) -> None:
        self._loop = loop
        self._ended = ended
        self._client = _End(client)
        self._debugger: _End | None = None
        self._session = Session()
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
        """End both; what the client must know is told first."""
        farewell = self._session.cut()
        if farewell and self._debugger is not None:
            self._client.unsent += framed(farewell)
            with contextlib.suppress(OSError):  # it has gone itself
                self._client.flush()
        for end in (self._client, self._debugger):
            if end is not None:
                self._loop.unwatch(end.socket)
                end.socket.close()
        self._ended(self)

    def _watch(self) -> None:
        client, debugger = self._client, self._debugger
        if debugger is None:
            return
        for end, other, call in (
            (client, debugger, self._client_is_ready),
            (debugger, client, self._debugger_is_ready),
        ):
            if len(other.unsent) > _ENOUGH and not end.unsent:
                self._loop.unwatch(end.socket)
            else:
                self._loop.watch(end.socket, call, write=bool(end.unsent))

    def _client_is_ready(self) -> None:
        if self._debugger is not None:
            self._pass(self._client, self._debugger, self._session.from_client)

    def _debugger_is_ready(self) -> None:
        if self._debugger is not None:
            self._pass(self._debugger, self._client, self._session.from_debugger)

    def _pass(self, source: _End, target: _End, read: Callable[[bytes], bytes]) -> None:
        try:
            source.flush()
            over = False
            if len(target.unsent) <= _ENOUGH:
                try:
                    data = source.socket.recv(_READ)
                except BlockingIOError:
                    data = None
                over = data == b""
                for message in source.frames.feed(data or b""):
                    target.unsent += framed(read(message))
            target.flush()
        except (OSError, ValueError):
            over = True
        if over:
            self.close()
        else:
            self._watch()
