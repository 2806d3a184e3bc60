"""Find the end of a request's body in its raw bytes, however they are split (RFC 9112, 6 and 7.1).

For bodies that are received before the application reads them. ``chunked`` checks the grammar of the coding, and
refuses a body that is malformed. This module is pure: no socket, no clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .limits import SIZE_LINE_MAX, Limits

if TYPE_CHECKING:
    from .fields import Fields

_SIZE_DIGITS = frozenset(b"0123456789abcdefABCDEF")


class LengthEnd:
    """Finds the end of a body with a Content-Length."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> bool:
        """Take the next raw bytes; return whether the body ends within them."""
        self._left -= len(data)
        return self._left <= 0


class ChunkedEnd:
    """Finds the end of a body in the chunked coding. A malformed or too large body ends where the fault is found.

    Args:
        limits: those of the decoder, for the content and the trailer.
    """

    __slots__ = ("_left", "_limits", "_line", "_size", "_trailer")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._size = 0
        self._left = 0  # bytes left of a chunk and its CRLF
        self._line = b""  # the beginning of a line that is not complete
        self._trailer = -1  # bytes of the trailer so far; -1 before the last chunk

    def feed(self, data: bytes) -> bool:
        """Take the next raw bytes; return whether the body ends within them."""
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
                return len(self._line) > (SIZE_LINE_MAX if self._trailer < 0 else self._limits.max_trailer_bytes)
            at = end + 1
            line, self._line = self._line.removesuffix(b"\r"), b""
            if self._take_line(line):
                return True
        return False

    def _take_line(self, line: bytes) -> bool:
        """Take a line; return whether the body ends with it, or is malformed because of it."""
        if self._trailer >= 0:
            self._trailer += len(line) + 2
            return not line or self._trailer > self._limits.max_trailer_bytes
        digits = line.partition(b";")[0].strip(b" \t")
        if not digits or len(digits) > SIZE_LINE_MAX or not _SIZE_DIGITS.issuperset(digits):
            return True
        length = int(digits, 16)
        self._size += length
        if 0 < self._limits.max_body_bytes < self._size:
            return True
        if length:
            self._left = length + 2
        else:
            self._trailer = 0
        return False


def end_finder(fields: Fields, limits: Limits) -> LengthEnd | ChunkedEnd:
    """Return an object that finds the end of a request's body."""
    return ChunkedEnd(limits) if fields.chunked else LengthEnd(fields.length)
