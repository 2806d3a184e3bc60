"""One connection's bytes, both ways; ``outbound`` and ``sendfile`` have the sending half.

Owns the receive buffer, and every wait for what the client sends. Knows nothing of what the bytes mean, except for the
blank line that ends a head. Runs in the thread that serves the connection, one at a time.

Theory of operation. The socket never blocks: a receive or a send is tried at once. The thread waits, with poll and a
bound, only if the kernel has nothing (or takes nothing). Python's own socket time-outs would poll before every call
(0.7 µs each). A receive asks for 64 KiB: asking for 256 KiB costs 17 µs more, for the allocation.
"""

from __future__ import annotations

import contextlib
import select
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..http import lenient
from ..http.field_grammar import check_controls
from ..http.limits import RECEIVE
from ..http.refusal import LONG_METHOD, TLS_REASON, RequestRefused, long_fields
from .sendfile import FileOutbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.limits import Limits
    from ..http.transfer_budget import TransferBudget
    from .background.byte_queue import ByteQueue

# A smaller head is measured only if a limit is below this size.
_PLAIN_HEAD = 4096
_DISCARDS_MAX = 64  # receptions, of 16 KiB each with TLS
# RFC 9112, 2.2, asks to skip one before a request; a client that sends more than a few sends no request at all.
_EMPTY_LINES_MAX = 8
# The parts of its blank line in which an incomplete head may end.
_BLANK_LINE_PARTS = (b"\r\n\r", b"\r\n", b"\r")
_LAST_CONTROL = 0x20
_TLS_HANDSHAKE = b"\x16"


class Wire(FileOutbound):
    """A connected, non-blocking stream socket.

    Attributes:
        sock: the socket.
        buffer: bytes received and not yet taken.
        ended: the client has sent its last byte.
        waiting: since when a thread waits for the client (CLOCK_MONOTONIC); 0.0 while none does.
        background: what sends to a client that is slow; None: a thread waits for it.
        outgoing: what is sent in the background now, or was last.
        early: what was received in the background, and comes before what the socket has.
        unsent: bytes of the failed send that the kernel did not take.
        lenient: heads may be as http.server accepts them (``loosen``).
        secure: it is encrypted, so that the kernel can't send files by itself.
    """

    __slots__ = (
        "_empty_lines", "_plain", "_receive", "_scanned", "_usual_receive", "buffer", "ended", "lenient",
    )  # fmt: skip

    secure = False
    early: ByteQueue | None = None

    def __init__(self, sock: socket.socket, limits: Limits, early: bytes = b"") -> None:
        sock.settimeout(0)
        super().__init__(sock, limits)
        self.buffer = early
        self.ended = False
        self.lenient = False
        self._plain = min(_PLAIN_HEAD, limits.max_line_bytes, limits.max_header_bytes)
        self._scanned = 0
        self._empty_lines = 0
        self._receive: Callable[[int], bytes] = sock.recv
        self._usual_receive: Callable[[int], bytes] = self._receive

    def loosen(self) -> None:
        """Accept the leniencies that ``lenient`` describes; no head is plain then."""
        self.lenient = True
        self._plain = 0

    @property
    def movable(self) -> bool:
        """Whether another process could go on with the connection."""
        return True

    # -- receiving

    def receive_now(self) -> bytes | None:
        """Return the bytes that the kernel has; None for nothing yet, b"" at the end of the stream.

        Raises:
            OSError: the connection is broken.
        """
        try:
            data = self._receive(RECEIVE)
        except BlockingIOError:
            return None
        if not data:
            self.ended = True
        return data

    def fill(self) -> bool:
        """Buffer the bytes that the kernel has, without waiting; return whether bytes, or the end, came."""
        data = self.receive_now()
        if data is None:
            return False
        self.buffer = self.buffer + data if self.buffer else data
        return True

    def take(self, most: int, budget: TransferBudget) -> bytes:
        """Return the next bytes, at most so many, waiting for the first; b"" at the end.

        Raises:
            TimeoutError: the client's time is up.
        """
        buffer = self.buffer
        if not buffer:
            buffer = self.receive(budget)
        if len(buffer) <= most:
            self.buffer = b""
            return buffer
        self.buffer = buffer[most:]
        return buffer[:most]

    def receive_head(self) -> bytes | None:
        """For an empty buffer: receive once; return the head, if one came and nothing else. The rest is buffered.

        Raises:
            OSError: the connection is broken.
        """
        try:
            data = self._receive(RECEIVE)
        except BlockingIOError:
            return None
        size = len(data)
        if 4 < size < self._plain and data.find(b"\r\n\r\n") == size - 4 and data[0] > _LAST_CONTROL:
            self._empty_lines = 0
            return data[:-4]
        self.buffer = data
        self.ended = not data
        return None

    def push(self, data: bytes) -> None:
        """Put bytes back before those that are buffered."""
        self.buffer = data + self.buffer
        self._scanned = 0

    def take_now(self, most: int) -> bytes:
        """Return buffered bytes, at most so many."""
        data, self.buffer = self.buffer[:most], self.buffer[most:]
        return data

    def receive(self, budget: TransferBudget) -> bytes:
        """Wait for the next bytes of the socket, even if others are buffered; return b"" at the end.

        Raises:
            TimeoutError: the client's time is up.
        """
        while True:
            data = self.receive_now()
            if data is not None:
                budget.extend_by(len(data))
                return data
            before = monotonic()
            self.wait(select.POLLIN, budget.left)
            budget.left -= monotonic() - before

    def pop_head(self) -> bytes | None:
        """Take a whole head from the buffer, without its blank line; None if there is none.

        Raises:
            RequestRefused: it is too large, or cut off, or no HTTP at all.
        """
        if self.lenient and (found := lenient.take_head(self.buffer)) is not None:
            self._measure(found[0])
            self._scanned = self._empty_lines = 0
            raw, self.buffer = found
            return raw
        if self.buffer[:2] == b"\r\n":
            self._skip_empty_lines()
        buffer = self.buffer
        end = buffer.find(b"\r\n\r\n", self._scanned)
        if end < 0:
            self._scanned = max(0, len(buffer) - 3)
            self._check_partial(buffer)
            return None
        raw = buffer[:end]
        if end > self._plain:
            self._measure(raw)  # before it leaves the buffer: a refusal describes the head from there
        self._scanned = self._empty_lines = 0
        self.buffer = buffer[end + 4 :]
        return raw

    def _skip_empty_lines(self) -> None:
        """Skip empty lines before a request (RFC 9112, 2.2): only a few for each request, however its bytes arrive."""
        buffer = self.buffer
        start = 0
        while buffer.startswith(b"\r\n", start):
            self._empty_lines += 1
            if self._empty_lines > _EMPTY_LINES_MAX:
                raise RequestRefused(400, f"more than {_EMPTY_LINES_MAX} empty lines before a request (RFC 9112, 2.2)")
            start += 2
        self.buffer = buffer[start:]
        self._scanned = 0

    def _check_partial(self, buffer: bytes) -> None:
        self._check_start(buffer)
        if self.ended and buffer.strip(b"\r\n"):
            raise RequestRefused(400, "the head is cut off (RFC 9112, 8)")
        # Without them, as a whole head is measured: the refusal must not depend on how the bytes arrive.
        part = next((part for part in _BLANK_LINE_PARTS if buffer.endswith(part)), b"")
        self._measure(buffer.removesuffix(part))

    def _measure(self, raw: bytes) -> None:
        limits = self._limits
        self._check_start(raw)  # before its size: a long ClientHello is TLS, and not a long line
        line_end = raw.find(b"\r\n")
        if (len(raw) if line_end < 0 else line_end) > limits.max_line_bytes:
            if b" " not in raw[: limits.max_line_bytes]:  # the method is too long: the target has not begun
                raise RequestRefused(501, LONG_METHOD)
            raise RequestRefused(414, f"the request line is longer than {limits.max_line_bytes} bytes (RFC 9112, 3)")
        if line_end >= 0 and len(raw) - line_end > limits.max_header_bytes:
            raise RequestRefused(431, long_fields(limits.max_header_bytes))

    def _check_start(self, raw: bytes) -> None:
        """Refuse bytes that can't begin a request, before the rest has come."""
        if raw[:1] == _TLS_HANDSHAKE:
            raise RequestRefused(400, TLS_REASON)
        # A person who types a request into nc would wait for an answer: their blank line ends no head. An LF alone that
        # follows a request, as echo sends it, is left: to refuse it would be a second answer to that request.
        end = raw.find(b"\n")
        if end > 0 and raw[end - 1 : end] != b"\r" and not self.lenient:
            check_controls(raw[: end + 1].decode("latin-1"))

    @property
    def is_broken(self) -> bool:
        """Whether the client has reset the connection."""
        return bool(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    # -- bytes that came early

    def receive_first(self, early: ByteQueue) -> None:
        """Receive these bytes before those of the socket."""
        self.early = early
        self._receive = self._receive_early

    def _receive_early(self, most: int) -> bytes:
        data = self.early.take(most) if self.early is not None else b""
        if data:
            return data
        self._receive = self._usual_receive
        return self._receive(most)

    def absorb(self) -> None:
        """Buffer the bytes that came early, now that the body has ended."""
        if self.early is not None:
            self.buffer += self.early.take(self.early.size)
            self.early.close()
            self.early = None
            self._receive = self._usual_receive

    # -- ending

    def end(self) -> None:
        """End this side; the client may still send.

        A forked child may hold the descriptor too, so that closing ours alone would not end the connection.
        """
        if self.is_reset:
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.ended = True  # it has gone already

    def discard(self) -> bool:
        """Throw away bytes that came; return whether the client has ended too, so that closing resets nothing.

        If a client sends as fast as it is read, some bytes are left for the next call: the caller may hold a lock.
        """
        self.buffer = b""
        try:
            for _ in range(_DISCARDS_MAX):
                if self.ended or self.receive_now() is None:
                    break
        except OSError:
            return True
        return self.ended

    def linger(self, seconds: float) -> None:
        """End this side, and wait in this thread, no longer than this, until the client has ended too."""
        self.end()
        deadline = monotonic() + seconds
        try:
            while not self.discard():
                self.wait(select.POLLIN, deadline - monotonic())
        except TimeoutError:
            pass

    def release_socket(self) -> Any:
        """Return the socket, blocking, for an application that speaks another protocol on it."""
        self.sock.settimeout(None)
        return self.sock

    def abort(self) -> None:
        """End both sides at once, from any thread: a thread that waits for the client wakes up."""
        with contextlib.suppress(OSError):  # it has gone already
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the descriptor."""
        if self.early is not None:
            self.early.close()
        with contextlib.suppress(OSError):  # the application may have closed it
            self.sock.close()
