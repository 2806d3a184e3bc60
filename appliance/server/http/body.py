"""``wsgi.input``: a request's body, bounded by its length (the chunked one is in chunked.py).

Owns the file-like methods of PEP 3333, and what happens when a body does not come; must not know the response. Memory
never grows with what a head claims: at most 64 KiB are held beside what the application asks for. Runs in the thread of
its request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .limits import RECEIVE
from .patience import Patience
from .refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .limits import Limits

LEFT = "the client left within its body (RFC 9112, 8)"
LATE = "the body did not come in time (RFC 9110, 15.5.9)"


class Source(Protocol):
    """Where a body's bytes come from: a connection's wire."""

    buffer: bytes

    def take(self, most: int, patience: Patience) -> bytes:
        """The next bytes, at most so many; b"" at the end.

        Raises:
            TimeoutError: the client's time is up.
        """


class BodyError(OSError):
    """The body can't be read to its end. An ``OSError``, as frameworks expect of a client's fault.

    Attributes:
        status: what to answer, if the application does not know better.
        reason: why.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Empty:
    """The body of a request that has none; holds no state, so that all of these share one."""

    __slots__ = ()

    ended = True
    error: BodyError | None = None

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 (PEP 3333's signature)
        """Nothing."""
        return b""

    def read1(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 (as above)
        """Nothing."""
        return b""

    def readline(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 (as above)
        """Nothing."""
        return b""

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:  # noqa: ARG002 (as above)
        """Nothing."""
        return []

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def drainable(self, limits: Limits) -> bool:  # noqa: ARG002 (a body's signature)
        """There is nothing to drain."""
        return True

    def drain(self, limits: Limits) -> bool:  # noqa: ARG002 (a body's signature)
        """There is nothing to drain."""
        return True


EMPTY = Empty()


class Body:
    """What the kinds of bodies share: reading on top of ``_piece``.

    Args:
        wire: where it comes from.
        limits: its bounds.
        greet: what to do before the first wait: 100 (Continue), or nothing.
    """

    __slots__ = ("_at", "_greet", "_limits", "_patience", "_pending", "_wire", "ended", "error", "size")

    def __init__(self, wire: Source, limits: Limits, greet: Callable[[], None] | None = None) -> None:
        self._wire = wire
        self._limits = limits
        self._greet = greet
        self._patience = Patience(limits.body_timeout_s)
        self._pending = b""  # decoded, from _at on not yet read
        self._at = 0
        self.ended = False
        self.error: BodyError | None = None
        self.size = 0

    def _piece(self) -> bytes:
        """The next decoded bytes, b"" at the end, whereupon ``ended`` is true."""
        raise NotImplementedError

    def _next(self) -> bytes:
        if self.ended:
            return b""
        if self.error is not None:
            raise self.error
        if self._greet is not None:
            greet, self._greet = self._greet, None
            greet()
        try:
            piece = self._piece()
        except Refused as refusal:
            self.error = BodyError(refusal.status, refusal.reason)
        except TimeoutError:
            self.error = BodyError(408, LATE)
        except OSError:
            self.error = BodyError(400, LEFT)
        else:
            self.size += len(piece)
            if not 0 < self._limits.max_body_bytes < self.size:
                return piece
            self.error = BodyError(413, f"the body is larger than {self._limits.max_body_bytes} bytes")
        raise self.error from None

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, fewer only at the end; all of them for a negative size or None.

        Raises:
            BodyError: the client sent no such body, or left, or took too long.
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
        """What is there, at most so many bytes; waits for the first of them; b"" at the end.

        Raises:
            BodyError: as ``read``.
        """
        if self._at >= len(self._pending):
            self._pending, self._at = self._next(), 0
        at = self._at
        self._at = len(self._pending) if size is None or size < 0 else min(len(self._pending), at + size)
        return self._pending[at : self._at]

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line with its end, or so many bytes of it.

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
        """The lines that are left; with a positive hint, no more once they hold so many bytes."""
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

    def drainable(self, limits: Limits) -> bool:  # noqa: ARG002 (of use to those that know their length)
        """Whether it is worth trying to read what the application left."""
        # A client that still waits for 100 (Continue) may send the body or not.
        return self.error is None and (self._greet is None or bool(self._wire.buffer))

    def drain(self, limits: Limits) -> bool:
        """Read what the application left, within bounds; whether the next request begins here."""
        self._greet = None
        self._patience = Patience(limits.drain_s)
        most = self.size + limits.drain_bytes
        try:
            while not self.ended and self.size <= most:
                self._next()
        except BodyError:
            return False
        return self.ended


class LengthBody(Body):
    """A body whose head gave its length."""

    __slots__ = ("_left",)

    def __init__(self, wire: Source, limits: Limits, length: int, greet: Callable[[], None] | None = None) -> None:
        super().__init__(wire, limits, greet)
        self._left = length

    def _piece(self) -> bytes:
        piece = self._wire.take(min(self._left, RECEIVE), self._patience)
        if not piece:
            raise Refused(400, LEFT)
        self._left -= len(piece)
        self.ended = not self._left
        return piece

    def drainable(self, limits: Limits) -> bool:
        """As ``Body.drainable``; what is known to be too much is not begun."""
        return self._left <= limits.drain_bytes and super().drainable(limits)
