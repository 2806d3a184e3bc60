"""Where a request's body ends, seen from its raw bytes alone, in whatever pieces they come (RFC 9112, 6 and 7.1).

Owns that one question, for bodies that are received before anybody reads them; ``chunked`` owns the coding's grammar,
and judges what is found wrong here. Pure: no socket, no clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fields import Fields

_LINE_MAX = 4096  # a size line that is longer is refused by the decoder
_TRAILER_MAX = 65_536  # as above
_SIZE_DIGITS = frozenset(b"0123456789abcdefABCDEF")


class LengthEnd:
    """The end of a body whose head gave its length."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> bool:
        """Take the next raw bytes; whether the end is among them."""
        self._left -= len(data)
        return self._left <= 0


class ChunkedEnd:
    """The end of a body in the chunked coding. What is no such coding, or too much, has its end where that shows.

    Args:
        most: bytes of content that are accepted; 0: no bound.
    """

    __slots__ = ("_left", "_line", "_most", "_size", "_trailer")

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._size = 0
        self._left = 0  # of a chunk and its CRLF
        self._line = b""  # the part of a line that has come
        self._trailer = -1  # bytes of it so far; -1 before the last chunk

    def feed(self, data: bytes) -> bool:
        """Take the next raw bytes; whether the end is among them."""
        at, size = 0, len(data)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                continue
            end = data.find(b"\n", at)
            self._line += data[at : end if end >= 0 else size]
            if end < 0:
                return len(self._line) > _LINE_MAX
            at = end + 1
            line, self._line = self._line.removesuffix(b"\r"), b""
            if self._is_last(line):
                return True
        return False

    def _is_last(self, line: bytes) -> bool:
        """Whether the body ends with this line, or is none."""
        if self._trailer >= 0:
            self._trailer += len(line) + 2
            return not line or self._trailer > _TRAILER_MAX
        digits = line.partition(b";")[0].strip(b" \t")
        if not digits or len(digits) > _LINE_MAX or not _SIZE_DIGITS.issuperset(digits):
            return True
        length = int(digits, 16)
        self._size += length
        if 0 < self._most < self._size:
            return True
        if length:
            self._left = length + 2
        else:
            self._trailer = 0
        return False


def end_of(said: Fields, most: int) -> LengthEnd | ChunkedEnd:
    """What finds the end of the body that a head announces, ``most`` bytes of content at the most (0: no bound)."""
    return ChunkedEnd(most) if said.chunked else LengthEnd(said.length)
