"""Find queries that a line of the project repeats: one for each row of another query (N+1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST = 5
ADVICE = "One query for each row of another one (N+1): load the related rows together."
# Text that stays, comments, and values: at each position the first match counts. Every repetition is possessive or
# bounded by the end of the text, so that a text takes linear time. A backslash before a quote escapes it, as in MySQL,
# except in ``ESCAPE '\\'``. A text in double quotes is a value only after an equals sign and before no dot.
_TOKEN = re.compile(
    r"""
      (?P<value> (?:(?<==)|(?<==\ )) "(?:[^"\\]++|""|\\.)*+" (?!\.) )
    | (?P<kept> "[^"]*+"? | `[^`]*+`? | :: | [^\W\d][\w$]*+ )
    | (?P<comment> --[^\n]*+ | /\*(?:[^*]++|\*(?!/))*+(?:\*/)? )
    | '\\'(?!') | '(?:[^'\\]++|''|\\.)*+(?:'|\\?\Z)
    | \$(?P<tag>[^\W\d]\w{0,30})?\$ .*? (?:\$(?(tag)(?P=tag))\$|\Z)
    | (?<![\w)\]])[-+]?0[xX][\da-fA-F]++
    | (?:(?<![\w)\]])[-+])?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?
    | [$:@]\w{1,100} | %s | %\(\w{1,100}\)s | \?
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"\s++")
_LIST = re.compile(r"\( ?\?(?: ?, ?\?)++ ?\)")
_LISTS = re.compile(r"\(\?\)(?: ?, ?\(\?\))++")


def shape(sql: str) -> str:
    """Return a query without its values and comments: two queries that differ in them alone have one shape."""
    text = _SPACE.sub(" ", _TOKEN.sub(_replaced, sql)).strip()
    return _LISTS.sub("(?)", _LIST.sub("(?)", text))


def _replaced(found: re.Match[str]) -> str:
    if found.lastgroup == "kept":
        return found[0]
    return " " if found.lastgroup == "comment" else "?"


def find_repeated(queries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each shape that came ``LEAST`` times or more from the same line, the most frequent first."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    shapes: dict[str, str] = {}
    for each in queries:
        sql = each["sql"]
        if not sql or each.get("kind") == "transaction":
            continue
        if sql not in shapes:
            shapes[sql] = shape(sql)
        key = (shapes[sql], each["place"])
        group = groups.setdefault(key, {"sql": key[0], "place": key[1], "count": 0, "duration_s": 0.0})
        group["count"] += 1
        group["duration_s"] += each["duration_s"]
    found = [each for each in groups.values() if each["count"] >= LEAST]
    return sorted(found, key=lambda each: -each["count"])
