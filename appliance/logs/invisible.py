r"""Invisible characters: which of them are harmful, and where a text needs one.

This module has the table and the few exceptions; it does not escape. Runs in the supervisor, in commands, and in a
process that uses the server as a library.

Harmful are all characters that Unicode calls default-ignorable or format characters (UAX 44,
Default_Ignorable_Code_Point; category Cf): people paste logs into an assistant, and invisible text may be an
instruction to it. Tag characters spell ASCII, variation selectors are 256 values, zero-width ones are bits. Exceptions
are what writing needs, where it needs it: a joiner between two letters (Persian, Hindi, Sinhala), and in an emoji one
joiner between two pictures and one emoji presentation selector after one. Flags of tags (England, Scotland, Wales) and
ideographic variants are escaped as well: they are readable without, and hide as much as any other.
"""

from __future__ import annotations

import re
import unicodedata

# Written as they stand between the brackets of a pattern. ``sanitise`` adds controls and lone surrogates.
BELOW_256 = r"\xad"
WIDE = (
    r"\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
ASTRAL = r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
# The same characters as the hexadecimal digits of their escapes.
DIGITS_OF_WIDE = (
    "034f|060[0-5]|061c|06dd|070f|089[01]|08e2|115f|1160|17b[45]|180[b-f]|200[b-f]|202[a-e]|206[0-9a-f]|3164"
    "|fe0[0-9a-f]|feff|ffa0|fff[0-9ab]"
)
DIGITS_OF_ASTRAL = "000(?:110[bc]d|1343[0-9a-f]|1bca[0-3]|1d17[3-9a]|e0[0-9a-f]{3})"
# Harmful characters that str.isprintable() calls printable: marks, letters and selectors without a visible form.
PRINTABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

_JOINER, _NON_JOINER, _AS_EMOJI, _KEYCAP = "\u200d", "\u200c", "\ufe0f", "\u20e3"
_KEYS = frozenset("0123456789#*")
# Unicode's emoji-data.txt, Emoji and Extended_Pictographic, by the blocks that hold them.
_PICTURE = re.compile(
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u21aa\u2300-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)


def is_needed(text: str, place: int) -> bool:
    """Whether the text needs the harmful character at this place to be read correctly."""
    character = text[place]
    if character not in {_JOINER, _NON_JOINER, _AS_EMOJI} or not place > 0:
        return False
    before, after = text[place - 1], text[place + 1 : place + 2]
    if character == _AS_EMOJI:
        return _is_picture(before) or (before in _KEYS and after == _KEYCAP)
    if _is_letter(before) and _is_letter(after):
        return True
    picture = _is_picture(before) or (before == _AS_EMOJI and place > 1 and _is_picture(text[place - 2]))
    return character == _JOINER and picture and _is_picture(after)


def _is_letter(character: str) -> bool:
    """Whether this is a visible letter, or a visible mark of one."""
    visible = character and character.isprintable() and PRINTABLE.match(character) is None
    return bool(visible) and unicodedata.category(character)[0] in "LM"


def _is_picture(character: str) -> bool:
    return _PICTURE.match(character) is not None
