"""Decode recorded content: its chunks, its compression, the charset of its text; and recognise a form.

Runs in the recorder and the stand-in.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from appliance.conventions import URLENCODED_FORM

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})  # RFC 9110, 8.4.1
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_.:-]{1,40})")


def chunks(data: bytes) -> Iterator[bytes]:
    """Yield the content of each chunk (RFC 9112, 7.1), as far as the chunks have come.

    Raises:
        ValueError: the bytes after a chunk are not a chunk.
    """
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].partition(b";")[0], 16)
        if size <= 0:  # the last chunk; less than nothing would be read again and again
            return
        yield data[end + 2 : end + 2 + size]
        at = end + 2 + size + 2


def decompressed(data: bytes, most: int) -> tuple[bytes, bool]:
    """Undo gzip or deflate; return at most so many bytes, and whether these are all.

    Raises:
        zlib.error: the data is not compressed in this way.
    """
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    return decoder.decompress(data, most), not decoder.unconsumed_tail


def charset_of(kind: str) -> str:
    """Return the charset that a Content-Type names; UTF-8 if it names none that Python can use for any text."""
    found = _CHARSET.search(kind)
    if found is None:
        return "utf-8"
    try:
        b"\xff".decode(found[1], "replace"), "\xff".encode(found[1], "replace")
    except (LookupError, UnicodeError):  # no charset; or a codec that takes no "replace": idna, undefined
        return "utf-8"
    return found[1]


def is_form(kind: str, text: str) -> bool:
    """Whether a text is a form. ``kind`` is its Content-Type in lower case; ``curl -d`` names JSON a form too."""
    return kind.startswith(URLENCODED_FORM) and not text.lstrip().startswith(("{", "["))
