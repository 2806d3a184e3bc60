"""Add to an array or a table of a TOML text, and leave every other byte as it is.

The standard library reads TOML and does not write it. These functions find a place in the text; their callers parse
what they return, so that a place that was misread is never offered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.remedies.file_edits import line_break

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = {"[": 1, "]": -1}
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
# Comments after an empty line, at the end of a table: they are about the next one.
_BEFORE_THE_NEXT = re.compile(r"(?:\r?\n[ \t]*(?=\r?\n[ \t]*#)(?:\r?\n[ \t]*(?:#[^\n]*)?)+)\Z")


def array_with(text: str, table: str, key: str, item: str) -> str | None:
    """Return the text with one more string in an array; the array is made if the table has none."""
    span = table_span(text, table)
    if span is None:
        return None
    begin = re.compile(rf"^[ \t]*{re.escape(key)}[ \t]*=[ \t]*\[", re.MULTILINE).search(text, *span)
    if begin is None:
        return table_with(text, table, f'{key} = ["{item}"]')
    end = _closing(text, begin.end())
    if end < 0:
        return None
    inner = text[begin.end() : end]
    return text[: begin.end()] + _with_item(inner, f'"{item}"', line_break(text)) + text[end:]


def _with_item(inner: str, item: str, end: str) -> str:
    """Return the inside of an array with one more item, in the style of the items before it."""
    last = _last_of_items(inner)
    if last < 0:
        return item if not inner.strip() else inner + item
    comma = "" if inner[last] == "," else ","
    if "\n" not in inner:
        return f"{inner[: last + 1]}{comma} {item}{inner[last + 1 :]}"
    line = inner.rfind("\n", 0, last) + 1
    indent = re.match(r"[ \t]*", inner[line:]) if line else None
    after_line = inner.find("\n", last)
    if after_line < 0:  # the bracket follows in the last item's line
        return f"{inner[: last + 1]}{comma}{end}{indent[0] if indent else ''}{item}{inner[last + 1 :]}"
    rest = inner[last + 1 : after_line].rstrip("\r")
    trailing = "," if inner[last] == "," else ""
    new = f"{end}{indent[0] if indent else ''}{item}{trailing}"
    return f"{inner[: last + 1]}{comma}{rest}{new}{inner[last + 1 + len(rest) :]}"


def _outside(text: str, place: int) -> Iterator[tuple[int, str]]:
    """Yield each place outside strings and comments with its character; a string as its last place, with a quote."""
    while place < len(text):
        found = _STRING.match(text, place)
        if found:
            yield found.end() - 1, '"'
            place = found.end()
        elif text[place] == "#":
            line = text.find("\n", place)
            place = len(text) if line < 0 else line
        else:
            yield place, text[place]
            place += 1


def _last_of_items(inner: str) -> int:
    """Return the place of the last character of the items, which may be a comma; -1 if there is none."""
    return max((place for place, mark in _outside(inner, 0) if not mark.isspace()), default=-1)


def _closing(text: str, place: int) -> int:
    """Return the place of the bracket that closes an array; -1 if there is none."""
    depth = 1
    for at, mark in _outside(text, place):
        depth += _DEPTH.get(mark, 0)
        if depth == 0:
            return at
    return -1


def table_with(text: str, table: str, line: str) -> str | None:
    """Return the text with one more line at the end of a table."""
    span = table_span(text, table)
    if span is None:
        return None
    body = text[span[0] : span[1]]
    kept = _BEFORE_THE_NEXT.sub("", body).rstrip()
    end = line_break(text)
    gap = end if not kept.endswith("\n") else ""
    place = span[0] + len(kept)
    return f"{text[:place]}{gap}{line}{text[place:] or end}"


def table_span(text: str, table: str) -> tuple[int, int] | None:
    """Return where a table's header begins and where the next one does."""
    name = r"[ \t]*\.[ \t]*".join(map(re.escape, table.split(".")))
    header = re.compile(rf"^[ \t]*\[[ \t]*{name}[ \t]*\][ \t]*(?:#.*)?\r?$", re.MULTILINE).search(text)
    if header is None:
        return None
    following = re.compile(r"^[ \t]*\[\[?[ \t]*[\w\"']", re.MULTILINE)
    next_one = following.search(text, header.end())
    while next_one and _inside_array(text, header.end(), next_one.start()):
        next_one = following.search(text, next_one.end())
    return header.start(), next_one.start() if next_one else len(text)


def _inside_array(text: str, begin: int, place: int) -> bool:
    """Whether a bracket at this place is an array's: it is within another one, or a string."""
    depth = 0
    for at, mark in _outside(text, begin):
        if at >= place:
            return depth > 0 or mark == '"'
        depth += _DEPTH.get(mark, 0)
    return True
