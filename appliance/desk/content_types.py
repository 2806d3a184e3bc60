"""Read from a Content-Type how a text is coded, and whether it is a form.

Runs in the recorder and the stand-in.
"""

from __future__ import annotations

import re

from appliance.conventions import URLENCODED_FORM

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


def is_form(kind: str, text: str) -> bool:
    """Whether a text is a form. ``kind`` is its Content-Type in lower case; ``curl -d`` names JSON a form too."""
    return kind.startswith(URLENCODED_FORM) and not text.lstrip().startswith(("{", "["))
