r"""Write harmful characters of a text as their escapes: controls, and those that reorder or hide what is beside them.

A message may hold what a client sent: an ESC sequence acts on a terminal, a bidirectional override reverses the text
that follows, and a tag character hides an instruction. Each becomes a visible ``\x1b`` or ``\u202e``.
"""

from __future__ import annotations

import re

_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """Return the text with each such character escaped; line feeds and tabs stay."""
    return _HARMFUL.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
