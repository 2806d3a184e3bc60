"""Read the charset of a text from its Content-Type.

Runs in the recorder and the stand-in.
"""

from __future__ import annotations

import re

_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_.:-]{1,40})")


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
