r"""Make text and values safe to print, by rules that can be undone.

This module knows which characters harm a log or a terminal, and how to escape them; it knows no events or formats. Runs
once, before any rendering; a second run would escape the escapes.

The rules, from left to right:

- A harmful character becomes ``\xhh`` (below U+0100), ``\uhhhh``, or ``\Uhhhhhhhh`` (above U+FFFF), with lower-case
  digits. These are harmful: C0, DEL and C1; the line and paragraph separators U+2028 and U+2029, because JavaScript and
  some terminals break lines there; lone surrogates, because UTF-8 can't encode them; and invisible characters, unless
  the text needs them (``invisible``), because bidirectional controls make a line look like another one. A byte that is
  not UTF-8 arrives as a lone surrogate U+DC80 to U+DCFF, Python's surrogateescape, and so differs from a C1 control.
- A backslash is doubled only where it would otherwise be read as the start of such an escape: before another backslash,
  before a harmful character, and before the text of an escape of a harmful character. ``C:\Users`` and ``\u00e9`` stay.
- Everything else stays: every language, emoji, the joiners within words and emoji.
- In a text of several lines (a traceback), newline and tab stay; JSON escapes them itself.

To undo the escapes, replace each ``\\`` by one backslash and each escape of a harmful character by that character, in
one pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import TYPE_CHECKING

from appliance.logs import invisible
from appliance.plural import counted

if TYPE_CHECKING:
    from collections.abc import Container

MAX_DEPTH = 32  # of nested values; deeper values become "..."
MAX_TEXT = 262_144  # characters of one text; the rest is left out, and its length is written

_ABOVE = r"\x7f-\x9f\u2028\u2029\ud800-\udfff" + invisible.BELOW_256 + invisible.WIDE + invisible.ASTRAL
_HARMFUL = r"\x00-\x1f" + _ABOVE
_HARMFUL_IN_LINES = r"\x00-\x08\x0b-\x1f" + _ABOVE
ESCAPES = (  # without the backslash: two, four or eight digits
    "[01][0-9a-f]|7f|[89][0-9a-f]|ad",
    f"2028|2029|d[89a-f][0-9a-f]{{2}}|{invisible.DIGITS_OF_WIDE}",
    invisible.DIGITS_OF_ASTRAL,
)
_ESCAPED = "x(?:{})|u(?:{})|U(?:{})".format(*ESCAPES)
_TEXT = re.compile(rf"[{_HARMFUL}]|\\(?=\\|[{_HARMFUL}]|{_ESCAPED})")
_LINES = re.compile(rf"[{_HARMFUL_IN_LINES}]|\\(?=\\|[{_HARMFUL_IN_LINES}]|{_ESCAPED})")
_SCALARS = (str, int, float, type(None))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character == "\\":
        return "\\\\"
    if invisible.is_needed(match.string, match.start()):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sanitise(text: str, *, lines: bool = False) -> str:
    """Return the text with harmful characters as visible escapes; with ``lines``, newline and tab stay."""
    # isprintable is false for every harmful character of ASCII and nearly every other one, and takes 20 ns for a line
    # where the pattern takes 400.
    if text.isprintable() and "\\" not in text and (text.isascii() or invisible.PRINTABLE.search(text) is None):
        return text
    return (_LINES if lines else _TEXT).sub(_escape, text)


def sanitised(value: object, *, lines: bool = False, depth: int = 0) -> object:
    """Return the value as JSON's own types, with every text in it sanitised, keys included; never raises.

    Integers beyond 64 bits and objects of other types become text, sets become lists, NaN and the infinities become
    null, because JSON has none of them. Values nested deeper than MAX_DEPTH become "...".
    """
    # The frequent types first: asking an abstract class costs 0.5 µs.
    if isinstance(value, _SCALARS) or not isinstance(value, Mapping | list | tuple | AbstractSet):
        return _scalar(value, lines=lines)
    if depth >= MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return _mapping(value, lines=lines, depth=depth + 1)
    return [sanitised(item, lines=lines, depth=depth + 1) for item in value]


def sanitised_entry(entry: Mapping[str, object], *, with_lines: Container[str]) -> dict[str, object]:
    """Return an event's fields, sanitised; those named in ``with_lines`` keep newline and tab."""
    result: dict[str, object] = {}
    for name, value in entry.items():
        # The frequent case without a call: a call costs more than the test.
        clean = (
            type(value) is str
            and value.isascii()
            and value.isprintable()
            and "\\" not in value
            and len(value) <= MAX_TEXT
        )
        result[sanitise(name)] = value if clean else sanitised(value, lines=name in with_lines)
    return result


def _mapping(value: Mapping[object, object], *, lines: bool, depth: int) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, item in value.items():
        name = _bounded(key, lines=False) if isinstance(key, str) else sanitise(_text_of(_scalar(key, lines=False)))
        while name in result:  # 1 and "1" are two keys in Python and one in JSON
            name += "'"
        result[name] = sanitised(item, lines=lines, depth=depth)
    return result


def _scalar(value: object, *, lines: bool) -> str | float | None:
    if type(value) is str:
        return _bounded(value, lines=lines)
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return _bounded(value, lines=lines)
    if isinstance(value, int):  # bool too
        return value if -(2**63) <= value < 2**64 else _digits(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes | bytearray):
        return _bounded(value.decode("utf-8", "surrogateescape"), lines=lines)
    return None if value is None else _bounded(_text_of(value), lines=lines)


def _bounded(text: str, *, lines: bool) -> str:
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}... ({counted(len(text) - MAX_TEXT, 'more character')})"
    return sanitise(text, lines=lines)


def _digits(number: int) -> str:
    # str() of an integer refuses more than 4,300 digits since CPython 3.10.7; hexadecimal has no such limit.
    return str(number) if number.bit_length() <= 4096 else _bounded(hex(number), lines=False)


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - an object's own __str__ may raise anything
        return f"<{type(value).__name__} whose str() failed: {type(error).__name__}>"
