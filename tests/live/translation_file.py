"""Write translations as ``msgfmt`` compiles them: GNU's MO format."""

from __future__ import annotations

import struct
from collections.abc import Mapping

HEADER = "Content-Type: text/plain; charset=UTF-8\n"
_MAGIC = 0x950412DE
_START = 28  # bytes before the two tables


def compiled(translations: Mapping[str, str]) -> bytes:
    """A file with these translations."""
    pairs = sorted({"": HEADER, **translations}.items())
    words = [text.encode() for column in zip(*pairs, strict=True) for text in column]
    table, data = b"", b""
    for word in words:
        table += struct.pack("<II", len(word), _START + 8 * len(words) + len(data))
        data += word + b"\0"
    count = len(pairs)
    return struct.pack("<7I", _MAGIC, 0, count, _START, _START + 8 * count, 0, 0) + table + data
