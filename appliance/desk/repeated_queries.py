"""Find queries that a line of the project repeats: one for each row of another query (N+1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST = 5
_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|%s|%\(\w{1,100}\)s|\?|:\w{1,100}")
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")


def shape(sql: str) -> str:
    """Return a query without its values: two queries that differ in them alone have one shape."""
    return _LIST.sub("(?)", _LITERAL.sub("?", sql))


def repeated(queries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each shape that came ``LEAST`` times or more from the same line, the most frequent first."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for each in queries:
        key = (shape(each["sql"]), each["place"])
        group = groups.setdefault(key, {"sql": key[0], "place": key[1], "count": 0, "duration_s": 0.0})
        group["count"] += 1
        group["duration_s"] += each["duration_s"]
    found = [each for each in groups.values() if each["count"] >= LEAST]
    return sorted(found, key=lambda each: -each["count"])
