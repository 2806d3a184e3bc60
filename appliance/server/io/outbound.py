"""The sending half of a connection.

Every send goes through here, as does the wait for a client that does not read; after a short wait the rest is sent in
the background. Runs in the thread that serves the connection, one at a time; ``send_now`` runs in the background
sender's thread.

Theory of operation. A send is tried at once. The thread waits for the client only if the kernel takes nothing. A pool's
wire waits for a moment only; then the rest is sent in the background, and so is what follows, until the client has
caught up. ``_send`` is how: it is the socket's own method as long as nothing is special, so that the usual case costs
nothing.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from .send_progress import Pace, is_ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.limits import Limits

# A thread waits so long for a client that reads more slowly than this many bytes a second; then the background sends.
BRIEF_S = 0.02
_BRIEF_RATE = 67_108_864.0
_STEP_S = 0.002  # after this time of a wait, other requests that wait for a thread come first
CHECK_INTERVAL_S = 1.0  # between two checks of a client for which a thread waits
_STATUS_LINE = b"HTTP/1.1 "  # the beginning of every answer
_AT_ONCE = struct.pack("ii", 1, 0)  # of SO_LINGER: close() resets


class BackgroundTransfer(Protocol):
    """A transfer in the background, as a wire needs it: ``transfer.Outgoing``."""

    def afterwards(self, call: Callable[[Any], None]) -> bool:
        """Call a function when all was sent, or sending failed; return False if that is so already."""


class Background(Protocol):
    """The background sender, as a wire needs it: ``background_sender.BackgroundSender``."""

    is_pressed: Callable[[], bool]

    def send(self, wire: Outbound, rest: memoryview) -> bool:
        """Send the rest in the background; False if the thread has to wait for the client."""

    def send_file(self, wire: Outbound, descriptor: int, offset: int, count: int) -> bool:
        """Send a part of a file in the background; False as ``send``."""

    def put(self, outgoing: Any, data: bytes | memoryview) -> bool:
        """Append to a transfer that has begun; False if it has ended, and bytes can be sent directly."""

    def put_file(self, outgoing: Any, descriptor: int, offset: int, count: int) -> bool:
        """Append a part of a file; False as ``put``."""


class Outbound:
    """The sending half of a wire; see ``wire.Wire``."""

    __slots__ = ("__dict__", "_limits", "_send", "_usual_send", "background", "sock")

    # Class attributes and not slots: what is usual costs no assignment.
    waiting = 0.0
    outgoing: BackgroundTransfer | None = None
    unsent = _ahead = 0
    is_reset = False  # closing it will reset the connection

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.sock = sock
        self.background: Background | None = None
        self._limits = limits
        self._send: Callable[[Any], int] = sock.send
        self._usual_send: Callable[[Any], int] = self._send

    def send(self, data: bytes) -> None:
        """Send all bytes, now or in the background.

        Raises:
            OSError: the client has gone.
            TimeoutError: the client does not read.
        """
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.unsent += len(data)
            raise
        if sent != len(data):
            self._send_rest(memoryview(data)[sent:])

    def send_parts(self, parts: list[bytes]) -> None:
        """Send all parts, uncopied, with one system call where the kernel has room."""
        if self._send is not self._usual_send:
            for part in parts:  # large parts are held, not copied
                self.send(part)
            return
        left = sum(map(len, parts))
        try:
            sent = self.sock.sendmsg(parts)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.unsent += left
            raise
        for part in parts:
            left -= len(part)
            if sent < len(part):
                try:
                    self._send_rest(memoryview(part)[sent:])
                except OSError:
                    self.unsent += left
                    raise
            sent = max(0, sent - len(part))

    def _send_rest(self, rest: memoryview) -> None:
        pace: Pace | None = None
        try:
            while rest:
                try:
                    sent = self._send(rest)
                except BlockingIOError:
                    pace = pace or self._pace()
                    if self._is_slow(pace) and self.background is not None and self.background.send(self, rest):
                        return
                    self._wait_for(pace)
                else:
                    if pace is not None:
                        pace.took(sent)
                    rest = rest[sent:]
        except OSError:
            self.unsent += len(rest)
            raise

    def _pace(self) -> Pace:
        return Pace(self.sock, self._limits.send_timeout_s, BRIEF_S, _BRIEF_RATE)

    def _is_slow(self, pace: Pace) -> bool:
        """Whether the client is slow enough to be served in the background."""
        if self.background is None:
            return False
        return not pace.is_brief or (pace.waits > 0 and self.background.is_pressed())

    def _wait_for(self, pace: Pace) -> None:
        brief = pace.is_brief and self.background is not None
        self._comes(select.POLLOUT, min(pace.left, _STEP_S if brief else CHECK_INTERVAL_S))
        pace.waited()

    def send_in_background(self, outgoing: BackgroundTransfer) -> None:
        """Append all further bytes to this transfer."""
        self.outgoing = outgoing
        self._send = self._send_behind

    def _send_behind(self, data: bytes | memoryview) -> int:
        background, outgoing = self.background, self.outgoing
        if background is not None and outgoing is not None and background.put(outgoing, data):
            return len(data)
        self.caught_up()
        return self._send(data)

    def call_when_sent(self, late: Callable[[Any], None]) -> bool:
        """Call a function when the response was sent; return False if nothing is being sent in the background."""
        outgoing = self.outgoing
        if outgoing is None or outgoing.afterwards(late):
            return outgoing is not None
        late(outgoing)  # it failed, or has just been sent
        return True

    def caught_up(self) -> None:
        """Send directly again: the client has received all that was sent."""
        self.outgoing = None
        self._send = self._usual_send

    def send_now(self, data: memoryview) -> int:
        """Send as the socket does, for the background sender.

        Raises:
            BlockingIOError: the kernel takes nothing now.
        """
        return self._usual_send(data)

    def reset(self) -> None:
        """Let the close drop the bytes that the kernel has not sent: the client must not take a part for the whole.

        Until then nothing ends this side either: an end of the stream would say that the response is whole.
        """
        self.is_reset = True
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)

    def probe(self) -> None:
        """Send the beginning of the answer: a client that has closed the connection resets it then.

        One that has only closed its own half gets the rest later, and sees no difference.

        Raises:
            OSError: the client has gone; ``BlockingIOError`` where the kernel takes nothing.
        """
        self._ahead = self._usual_send(_STATUS_LINE)
        self._send = self._send_but_probe

    def _send_but_probe(self, data: bytes | memoryview) -> int:
        sent = min(self._ahead, len(data))
        self._ahead -= sent
        if not self._ahead:
            self._send = self._usual_send
        try:
            return sent + (self._usual_send(memoryview(data)[sent:]) if sent < len(data) else 0)
        except BlockingIOError:
            return sent

    def wait(self, events: int, seconds: float) -> None:
        """Wait for the socket.

        Raises:
            TimeoutError: nothing came.
        """
        if seconds <= 0 or not self._comes(events, seconds):
            raise TimeoutError("the client keeps us waiting")

    def _comes(self, events: int, seconds: float) -> bool:
        self.waiting = monotonic()
        try:
            return is_ready(self.sock, events, seconds)
        finally:
            self.waiting = 0.0
