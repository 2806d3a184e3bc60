"""Add a script to the responses that are whole HTML documents; change no other byte.

Theory of operation. A browser says of each request what it is for (Fetch Metadata, ``Sec-Fetch-Dest``). Only responses
to navigations are examined, so fragments, downloads and programs' requests never are. First the response's head is
examined (type, encoding, ``no-transform``), then its first bytes: a document begins with a doctype or ``<html>``. After
that the script is certain to go in, and the length and the entity tag are changed too. A compressed body is
decompressed and compressed again as it passes; each piece is flushed, so a stream stays a stream.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Protocol

from . import policy
from .document import DOCUMENT, FOUND, NEVER, DocumentScanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Pair = tuple[str, str]
# Fields that describe the exact bytes: of a part, or a digest or signature of them.
_DIGESTS = frozenset({"content-range", "content-md5", "digest", "content-digest", "repr-digest", "signature"})
_NO_TRANSFORM = re.compile(r"(?:^|[,\s])no-transform(?:$|[,\s])")  # RFC 9111, 5.2.2.6
_WIDE = re.compile(r"utf-?(?:16|32)")  # encodings that are not a superset of ASCII
_GZIP = 16 + zlib.MAX_WBITS
_HEADER = 2  # bytes of zlib's header, which show how a body is wrapped
_PART = 1 << 20  # the most bytes of one decompressed part
_FAST = 1  # the level: most clients are on this machine
_NO_CONTENT = frozenset({204, 205, 206, 304})
_CODINGS = frozenset({"identity", "gzip", "deflate"})


def encoding_of(status: int, fields: Sequence[Pair]) -> str | None:
    """Return the body's encoding ("identity", "gzip", "deflate") if the head allows a script; None if not."""
    known = {name.lower(): value.lower() for name, value in fields}
    kind = known.get("content-type", "")
    if status in _NO_CONTENT or kind.partition(";")[0].strip() != "text/html" or _WIDE.search(kind):
        return None
    if not _DIGESTS.isdisjoint(known) or known.get("content-disposition", "").lstrip().startswith("attachment"):
        return None
    if _NO_TRANSFORM.search(known.get("cache-control", "")):
        return None
    return readable_coding(known.get("content-encoding", "").strip() or "identity")


def readable_coding(name: str) -> str | None:
    """Return the coding of this name (RFC 9110, 8.4.1), if a script can go into it; None if not."""
    coding = name.lower().removeprefix("x-")
    return coding if coding in _CODINGS else None


def changed_fields(fields: Sequence[Pair], added: int | None, nonce: str) -> list[Pair]:
    """Return the fields of a response that gets the script.

    Args:
        fields: as the application gave them.
        added: by how many bytes the content grows; None if that is not known: then there is no Content-Length.
        nonce: of the script's tag.
    """
    changed = []
    for name, value in fields:
        lowered = name.lower()
        if lowered == "content-length":
            if added is not None:
                changed.append((name, str(int(value) + added)))
        elif lowered == "etag" and not value.startswith("W/"):
            changed.append((name, "W/" + value))  # the same page, other bytes (RFC 9110, 8.8.1)
        elif lowered == "accept-ranges":
            changed.append((name, "none"))
        elif lowered in policy.NAMES:
            changed.append((name, policy.admitting(value, nonce)))
        else:
            changed.append((name, value))
    return changed


class _Codec(Protocol):
    """Decodes the bytes of a body, and encodes them again."""

    def decode(self, data: bytes) -> Iterator[bytes]: ...
    def encode(self, data: bytes) -> bytes: ...
    def end(self) -> bytes: ...


class _Identity:
    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data

    def encode(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


class _Deflate:
    """gzip, or "deflate" in either of its two forms: with zlib's wrapping, as RFC 9110 says, or without it."""

    def __init__(self, encoding: str, first: bytes) -> None:
        self._bits = _GZIP if encoding == "gzip" else zlib.MAX_WBITS if _is_wrapped(first) else -zlib.MAX_WBITS
        self._from = zlib.decompressobj(self._bits)
        self._to = zlib.compressobj(_FAST, zlib.DEFLATED, self._bits)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield parts of limited size: a small body may become a large one."""
        while data:
            if self._from.eof:  # gzip has members, one after another (RFC 1952, 2.2)
                self._from = zlib.decompressobj(self._bits)
            yield self._from.decompress(data, _PART)
            data = self._from.unconsumed_tail or self._from.unused_data

    def encode(self, data: bytes) -> bytes:
        return self._to.compress(data) + self._to.flush(zlib.Z_SYNC_FLUSH) if data else b""

    def end(self) -> bytes:
        return self._to.flush()


def _is_wrapped(first: bytes) -> bool:
    """Whether the data begin with zlib's two bytes (RFC 1950, 2.2)."""
    return len(first) > 1 and first[0] & 15 == 8 and (first[0] * 256 + first[1]) % 31 == 0


class Insertion:
    """The body of one response, from its first piece on.

    Args:
        tag: the script's element.
        encoding: as ``encoding_of`` returns it.
        navigated: as for ``DocumentScanner``.
    """

    def __init__(self, tag: bytes, encoding: str, *, navigated: bool = False) -> None:
        self._tag = tag
        self._encoding = encoding
        self._codec: _Codec | None = None if encoding != "identity" else _Identity()
        self._scanner = DocumentScanner(navigated=navigated)
        self._raw = b""  # received and not sent yet: it may turn out not to be a document
        self._text = b""  # the same, decoded, up to the place
        self._passes = False  # everything is sent unchanged

    @property
    def is_certain(self) -> bool | None:
        """True: the script goes in. False: nothing is changed. None: not known yet."""
        if self._passes:
            return False
        return True if self._scanner.state in {DOCUMENT, FOUND} else None

    @property
    def added(self) -> int | None:
        """The number of bytes that the content grows by; None if compression decides."""
        return len(self._tag) if self._encoding == "identity" else None

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the body; return the bytes that may be sent now."""
        if self._passes or not data:
            return data
        if self._codec is None:
            data, self._raw = self._raw + data, b""
            if len(data) < _HEADER:
                self._raw = data
                return b""
            self._codec = _Deflate(self._encoding, data)
        certain = self.is_certain
        if not certain:
            self._raw += data
        sent: list[bytes] = []
        try:
            self._insert(self._codec, data, sent)
        except zlib.error:  # the application made a broken body
            if not (certain or sent):
                return self._as_it_came()
        if self._scanner.state == NEVER:
            return self._as_it_came()
        if self.is_certain:
            self._raw = b""
        return b"".join(sent)

    def _insert(self, codec: _Codec, data: bytes, sent: list[bytes]) -> None:
        for part in codec.decode(data):
            text = self._inserted(part)
            if self._scanner.state == NEVER:
                return
            if self.is_certain:
                sent.append(codec.encode(text))

    def _inserted(self, part: bytes) -> bytes:
        """Return the bytes that may be sent now, of the text that has waited and of this part."""
        if self._scanner.state == FOUND:
            return part
        before, after = self._scanner.feed(part)
        if not self.is_certain:
            self._text += before
            return b""
        text, self._text = self._text + before, b""
        return text + self._tag + after if self._scanner.state == FOUND else text

    def end(self) -> bytes:
        """Return the last bytes: the body has ended."""
        if self._passes:
            return b""
        if self._codec is None:
            return self._as_it_came()
        if self._scanner.state == DOCUMENT:
            return self._codec.encode(self._scanner.end() + self._tag) + self._codec.end()
        if self._scanner.state == FOUND:
            return self._codec.end()
        return self._as_it_came()

    def _as_it_came(self) -> bytes:
        self._passes = True
        raw, self._raw = self._raw, b""
        return raw
