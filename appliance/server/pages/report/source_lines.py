"""Show the source around a place: the lines, and the columns of the expression that raised (PEP 657).

Runs in the worker, after an exception. ``linecache`` has the lines, as it has for Python's own tracebacks: it asks the
project's loaders, and knows the templates of Jinja2 that have no file.
"""

from __future__ import annotations

import linecache
from itertools import islice
from typing import TYPE_CHECKING, Any

from ....conventions import LINES_AROUND
from ..tracebacks import shorten

if TYPE_CHECKING:
    from types import TracebackType

MAX_WIDTH = 600  # characters of a shown line
Marks = list[list[int]]  # for each marked line: its number, the first column, the column after the last


def excerpt(file: str, line: int, namespace: dict[str, Any] | None = None, text: str = "") -> list[list[Any]]:
    """Return number and text of seven lines around a place; ``text``: the line, if the file can't be read."""
    try:
        lines = linecache.getlines(file, namespace)
    except Exception:  # noqa: BLE001  it calls the project's loaders
        lines = []
    if not 0 < line <= len(lines):
        return [[line, _shown(text)]] if text and line > 0 else []
    first = max(1, line - LINES_AROUND)
    return [[number, _shown(each)] for number, each in enumerate(lines[first - 1 : line + LINES_AROUND], first)]


def _shown(line: str) -> str:
    return shorten(line.rstrip("\r\n"), MAX_WIDTH)


def columns(place: TracebackType, lines: list[list[Any]]) -> Marks:
    """Return the columns of the expression that raised, in characters; empty on Python 3.10, or if it is unknown."""
    positions = getattr(place.tb_frame.f_code, "co_positions", None)
    if positions is None or place.tb_lasti < 0:
        return []
    start, end, first, last = next(islice(positions(), place.tb_lasti // 2, None), (None,) * 4)
    if start is None or end is None or first is None or last is None or start != place.tb_lineno:
        return []
    return marks(lines, start, end, first, last)


def marks(lines: list[list[Any]], start: int, end: int, first: int, last: int) -> Marks:
    """Return the marked part of each line from ``start`` to ``end``; ``first`` and ``last`` are offsets in UTF-8."""
    found = []
    for number, text in lines:
        if start <= number <= end:
            begins = _characters(text, first) if number == start else len(text) - len(text.lstrip())
            ends = _characters(text, last) if number == end else len(text.rstrip())
            if begins < ends:
                found.append([number, begins, ends])
    return found


def _characters(text: str, offset: int) -> int:
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace"))
