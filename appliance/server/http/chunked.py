"""Decode a body in the chunked coding (RFC 9112, 7.1).

Extensions are checked and ignored. Trailer fields are checked and dropped. Both have a size limit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .body import CLIENT_LEFT, Body
from .field_grammar import CONTROLS, TOKEN
from .limits import RECEIVE, SIZE_LINE_MAX
from .refusal import RequestRefused, too_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from .body import Source
    from .limits import Limits

# At most 15 significant digits: no chunk has more than 2**59 bytes. The line's length limits the leading zeros.
_SIZE = re.compile(rb"0*[0-9A-Fa-f]{1,15}")
# These fields have no meaning after a body, but are dangerous if a reader merges them into the head (RFC 9110, 6.5.1):
# framing, routing, authentication, the content's format, the request's modifiers.
_NO_TRAILERS = frozenset(
    b"authorization cache-control connection content-encoding content-length content-range content-type cookie expect "
    b"forwarded host keep-alive max-forwards pragma proxy-authorization proxy-connection range te trailer "
    b"transfer-encoding upgrade x-real-ip".split()
)
_NO_TRAILER_STARTS = (b"if-", b"x-forwarded-")
_LONG_CHUNK = "a chunk is longer than its size says (RFC 9112, 7.1)"
_LONG_SIZE_LINE = f"a chunk's size and extensions are longer than {SIZE_LINE_MAX} bytes (RFC 9112, 7.1)"
_TOKEN = TOKEN.pattern.encode()
# chunk-ext (7.1.1): a recipient must accept this "bad" white space. No two parts match the same text, so the expression
# does not backtrack.
_EXTENSIONS = re.compile(
    rb"(?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b"
    rb"|\"(?:[^\"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*\"))?)*" % (_TOKEN, _TOKEN)
)


class ChunkedBody(Body):
    """The decoder. It takes from the wire's buffer until the body ends, and then puts the rest back."""

    __slots__ = ("_extensions", "_left", "_raw", "_raw_at")

    def __init__(self, wire: Source, limits: Limits, send_continue: Callable[[], None] | None = None) -> None:
        super().__init__(wire, limits, send_continue)
        self._left = 0  # bytes left of the current chunk
        self._extensions = 0  # bytes of extensions in all chunks together
        self._raw = b""
        self._raw_at = 0

    def _piece(self) -> bytes:
        if not self._left:
            self._left = self._size_line()
            if not self._left:
                self._trailer()
                # More may wait there than was taken: requests that the client has sent ahead.
                self._wire.buffer = self._raw[self._raw_at :] + self._wire.buffer
                self.ended = True
                return b""
        if self._raw_at >= len(self._raw):
            self._more()
        stop = min(self._raw_at + min(self._left, RECEIVE), len(self._raw))
        piece = self._raw[self._raw_at : stop]
        self._raw_at = stop
        self._left -= len(piece)
        if not self._left:
            self._line(0, _LONG_CHUNK)
        return piece

    def _more(self) -> None:
        """Receive more raw bytes, and append them to those that are not decoded yet."""
        data = self._wire.take(RECEIVE, self._budget)
        if not data:
            raise RequestRefused(400, CLIENT_LEFT)
        self._raw = self._raw[self._raw_at :] + data
        self._raw_at = 0

    def _line(self, most: int, too_long: str) -> bytes:
        """Return the next line without its CRLF; refuse one of more than ``most`` bytes."""
        while True:
            end = self._raw.find(b"\n", self._raw_at)
            length = (len(self._raw) if end < 0 else end) - self._raw_at
            if length > most + 1:
                raise RequestRefused(400, too_long)
            if end >= 0:
                line = self._raw[self._raw_at : end]
                self._raw_at = end + 1
                if line[-1:] != b"\r" or b"\r" in line[:-1]:
                    raise RequestRefused(400, "a line of the chunked coding does not end in CRLF (RFC 9112, 7.1)")
                return line[:-1]
            self._more()

    def _size_line(self) -> int:
        line = self._line(SIZE_LINE_MAX, _LONG_SIZE_LINE)
        size = _SIZE.match(line)
        if size is None:
            raise RequestRefused(400, "a chunk's size is not a hexadecimal number (RFC 9112, 7.1)")
        if size.end() != len(line):
            if _EXTENSIONS.fullmatch(line, size.end()) is None:
                raise RequestRefused(400, "a chunk's size or extension is malformed (RFC 9112, 7.1.1)")
            self._extensions += len(line) - size.end()
            if self._extensions > self._limits.max_extension_bytes:
                raise RequestRefused(400, f"chunk extensions of more than {self._limits.max_extension_bytes} bytes")
        length = int(size[0], 16)
        if 0 < self._limits.max_body_bytes < self.size + length:  # before the chunk has come, as with Content-Length
            raise RequestRefused(413, too_large(self._limits.max_body_bytes))
        return length

    def _trailer(self) -> None:
        left = self._limits.max_trailer_bytes
        too_long = f"the trailer fields are longer than {left} bytes (RFC 9112, 7.1.2)"
        while True:
            line = self._line(left, too_long)
            if not line:
                return
            left = max(0, left - len(line) - 2)
            name, colon, _ = line.partition(b":")
            control = len(line.translate(None, CONTROLS)) + line.count(b"\t") != len(line)
            if not colon or control or TOKEN.fullmatch(name.decode("latin-1")) is None:
                raise RequestRefused(400, "a trailer field is malformed (RFC 9112, 7.1.2)")
            lower = name.lower()
            if lower in _NO_TRAILERS or lower.startswith(_NO_TRAILER_STARTS):
                raise RequestRefused(400, f"{name[:40].decode()} can't be a trailer field (RFC 9110, 6.5.1)")
