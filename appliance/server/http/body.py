"""Read a request's body as ``wsgi.input`` (PEP 3333).

Memory does not grow with the length that a head declares: a body holds at most 64 KiB, in addition to what the
application asks for. ``chunked`` decodes the bodies in the chunked coding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .limits import RECEIVE
from .refusal import RequestRefused, too_large
from .transfer_budget import TransferBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .limits import Limits

CLIENT_LEFT = "the client left before the end of its body (RFC 9112, 8)"
BODY_TIMEOUT = "the body did not come in time (RFC 9110, 15.5.9); APPLIANCE_BODY_TIMEOUT_S sets the time"


class Source(Protocol):
    """The source of a body's bytes: a connection's wire."""

    buffer: bytes

    def take(self, most: int, budget: TransferBudget) -> bytes:
        """Return the next bytes, at most ``most``; b"" at the end.

        Raises:
            TimeoutError: the client's time is up.
        """


class BodyError(OSError):
    """The body can't be read to its end. An ``OSError``, because frameworks expect that for an error of the client.

    Attributes:
        status: the response's status, unless the application chooses another.
        reason: the cause.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Empty:
    """The body of a request without content. It has no state, so all such requests share one object."""

    __slots__ = ()

    ended = True
    error: BodyError | None = None

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 (PEP 3333's signature)
        """Return nothing."""
        return b""

    def read1(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 (as above)
        """Return nothing."""
        return b""

    def readline(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 (as above)
        """Return nothing."""
        return b""

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:  # noqa: ARG002 (as above)
        """Return nothing."""
        return []

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def drainable(self, limits: Limits) -> bool:  # noqa: ARG002  same signature as Body
        """Return True: there is nothing to drain."""
        return True

    def drain(self, limits: Limits) -> bool:  # noqa: ARG002  same signature as Body
        """Return True: there is nothing to drain."""
        return True

    def release(self) -> None:
        """Do nothing: nothing is kept."""


EMPTY = Empty()


class Body:
    """The base class of bodies: the methods of PEP 3333 on top of ``_piece``.

    Args:
        wire: the source of the bytes.
        limits: the body's limits.
        send_continue: called before the first wait for bytes; sends 100 (Continue). None: nothing to send.
    """

    __slots__ = ("_at", "_budget", "_limits", "_pending", "_send_continue", "_wire", "copy", "ended", "error", "size")

    def __init__(self, wire: Source, limits: Limits, send_continue: Callable[[], None] | None = None) -> None:
        self._wire = wire
        self._limits = limits
        self._send_continue = send_continue
        self._budget = TransferBudget(limits.body_timeout_s)
        self._pending = b""  # decoded bytes; the application has read those before _at
        self._at = 0
        self.ended = False
        self.error: BodyError | None = None
        self.size = 0
        self.copy: Callable[[bytes], None] | None = None  # gets each piece that the application reads

    def _piece(self) -> bytes:
        """Return the next decoded bytes; at the end b"", and ``ended`` is true."""
        raise NotImplementedError

    def _next(self) -> bytes:
        if self.ended:
            return b""
        if self.error is not None:
            raise self.error
        if self._send_continue is not None:
            send_continue, self._send_continue = self._send_continue, None
            send_continue()
        try:
            piece = self._piece()
        except RequestRefused as refusal:
            self.error = BodyError(refusal.status, refusal.reason)
        except TimeoutError:
            self.error = BodyError(408, BODY_TIMEOUT)
        except OSError:
            self.error = BodyError(400, CLIENT_LEFT)
        else:
            self.size += len(piece)
            if not 0 < self._limits.max_body_bytes < self.size:
                if self.copy is not None and piece:
                    self.copy(piece)
                return piece
            self.error = BodyError(413, too_large(self._limits.max_body_bytes))
        raise self.error from None

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, fewer only at the end of the body; all of them if ``size`` is negative or None.

        Raises:
            BodyError: the body is malformed, the client left, or the body came too slowly.
        """
        pending, at = self._pending, self._at
        if size is not None and 0 <= size <= len(pending) - at:
            self._at = at + size
            return pending[at : at + size]
        parts = [pending[at:] if at else pending]
        self._pending, self._at = b"", 0
        have = len(parts[0])
        while size is None or size < 0 or have < size:
            piece = self._next()
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        if size is not None and 0 <= size < have:
            self._pending = parts[-1]
            self._at = len(parts[-1]) - (have - size)
            parts[-1] = parts[-1][: self._at]
        return b"".join(parts)

    def read1(self, size: int | None = -1, /) -> bytes:
        """Read available bytes, at most ``size``; wait for the first ones; return b"" at the end.

        Raises:
            BodyError: as ``read``.
        """
        if self._at >= len(self._pending):
            self._pending, self._at = self._next(), 0
        at = self._at
        self._at = len(self._pending) if size is None or size < 0 else min(len(self._pending), at + size)
        return self._pending[at : self._at]

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read the next line with its line end, but at most ``size`` bytes.

        Raises:
            BodyError: as ``read``.
        """
        most = -1 if size is None or size < 0 else size
        parts: list[bytes] = []
        have = 0
        while most < 0 or have < most:
            if self._at >= len(self._pending):
                self._pending, self._at = self._next(), 0
                if not self._pending:
                    break
            end = self._pending.find(b"\n", self._at) + 1
            stop = end or len(self._pending)
            if most >= 0:
                stop = min(stop, self._at + most - have)
            parts.append(self._pending[self._at : stop])
            have += stop - self._at
            self._at = stop
            if stop == end:
                break
        return b"".join(parts)

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        """Read the remaining lines; with a positive hint, stop when the lines have ``hint`` bytes or more."""
        lines: list[bytes] = []
        have = 0
        for line in self:
            lines.append(line)
            have += len(line)
            if hint is not None and 0 < hint <= have:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def drainable(self, limits: Limits) -> bool:  # noqa: ARG002  LengthBody uses the argument
        """Whether to try to read the rest that the application left unread."""
        # A client that still waits for 100 (Continue) may send the body or not.
        return self.error is None and (self._send_continue is None or bool(self._wire.buffer))

    def drain(self, limits: Limits) -> bool:
        """Read the rest that the application left unread, within limits; return whether the body ended."""
        self._send_continue = None
        self._budget = TransferBudget(limits.drain_s)
        most = self.size + limits.drain_bytes
        try:
            while not self.ended and self.size <= most:
                self._next()
        except BodyError:
            return False
        return self.ended

    def release(self) -> None:
        """Release the content of a body that nobody reads any more; most kinds keep none."""


class LengthBody(Body):
    """A body with a Content-Length."""

    __slots__ = ("_left",)

    def __init__(
        self, wire: Source, limits: Limits, length: int, send_continue: Callable[[], None] | None = None
    ) -> None:
        super().__init__(wire, limits, send_continue)
        self._left = length

    def _piece(self) -> bytes:
        piece = self._wire.take(min(self._left, RECEIVE), self._budget)
        if not piece:
            raise RequestRefused(400, CLIENT_LEFT)
        self._left -= len(piece)
        self.ended = not self._left
        return piece

    def drainable(self, limits: Limits) -> bool:
        """Whether the rest can be drained; False if it is larger than the limit."""
        return self._left <= limits.drain_bytes and super().drainable(limits)
