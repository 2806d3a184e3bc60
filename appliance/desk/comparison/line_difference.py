"""The difference of two texts by lines, in linear time whatever the texts are.

Theory of operation. Equal lines at the beginning and at the end are left aside. Between, lines that occur once in
both are anchors, in the longest order that both share (the patience difference). A gap between two anchors is compared
cell by cell if it is small, and replaced as a whole if it is not, or if all gaps together were too large. Line by line
is enough for people; the smallest difference would cost the square of the lines.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

_GAP_CELLS = 2_500  # of one gap
_CELLS = 100_000  # of all gaps
_BETWEEN_TAGS = re.compile(r"(?<=>)(?=<)")
_SHORT = 160  # characters of a line that are shown


class Line(NamedTuple):
    """A line of a difference: ``kind`` is " ", "-" or "+"."""

    kind: str
    text: str


def lines_of(text: str, kind: str = "") -> list[str]:
    """Return the lines of a text; an HTML document is divided between its tags too."""
    lines = text.splitlines()
    if "html" not in kind and "xml" not in kind:
        return lines
    return [part for line in lines for part in _BETWEEN_TAGS.split(line)]


def difference(before: list[str], after: list[str]) -> list[Line]:
    """Return all lines of both texts; a line that both contain appears once."""
    begin = _shared(before, after)
    end = _shared(before[begin:][::-1], after[begin:][::-1])
    middle = _between(before[begin : len(before) - end], after[begin : len(after) - end])
    same = [Line(" ", each) for each in before[len(before) - end :]] if end else []
    return [*(Line(" ", each) for each in before[:begin]), *middle, *same]


def with_context(lines: list[Line], around: int = 2, most: int = 200) -> list[Line]:
    """Return the changed lines with some around them; "..." stands for lines between them, and for cut lines."""
    near: set[int] = set()
    for index, line in enumerate(lines):
        if line.kind != " ":
            near.update(range(max(0, index - around), min(len(lines), index + around + 1)))
            if len(near) > most:
                break
    found: list[Line] = []
    last = -1
    for index in sorted(near):
        if index != last + 1:
            found.append(Line(" ", "..."))
        found.append(lines[index])
        last = index
    return [*found, Line(" ", "...")] if near and last + 1 < len(lines) else found


def _shared(before: list[str], after: list[str]) -> int:
    """Return how many lines both begin with."""
    for index, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return index
    return min(len(before), len(after))


def _between(before: list[str], after: list[str]) -> list[Line]:
    budget = _CELLS
    found: list[Line] = []
    at, at_after = 0, 0
    for index, index_after in [*_anchors(before, after), (len(before), len(after))]:
        gap, gap_after = before[at:index], after[at_after:index_after]
        cells = len(gap) * len(gap_after)
        if cells <= min(budget, _GAP_CELLS):
            budget -= cells
            found += _small(gap, gap_after)
        else:
            found += _replaced(gap, gap_after)
        if index < len(before):
            found.append(Line(" ", before[index]))
        at, at_after = index + 1, index_after + 1
    return found


def _anchors(before: list[str], after: list[str]) -> list[tuple[int, int]]:
    """Return the places of lines that occur once in both, in the longest order that both share."""
    counts, counts_after = Counter(before), Counter(after)
    place = {line: index for index, line in enumerate(after) if counts_after[line] == 1}
    pairs = [(index, place[line]) for index, line in enumerate(before) if counts[line] == 1 and line in place]
    tops: list[int] = []  # the smallest last place of an order of each length
    ends: list[int] = []  # which pair that is
    previous: list[int] = []
    for number, (_, other) in enumerate(pairs):
        length = bisect_left(tops, other)
        previous.append(ends[length - 1] if length else -1)
        tops[length : length + 1], ends[length : length + 1] = [other], [number]
    chosen = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chosen.append(pairs[at])
        at = previous[at]
    return chosen[::-1]


def _small(before: list[str], after: list[str]) -> list[Line]:
    """Compare two short lists cell by cell (the longest common subsequence)."""
    longest = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for row in range(len(before) - 1, -1, -1):
        for column in range(len(after) - 1, -1, -1):
            longest[row][column] = (
                longest[row + 1][column + 1] + 1
                if before[row] == after[column]
                else max(longest[row + 1][column], longest[row][column + 1])
            )
    found: list[Line] = []
    row = column = 0
    while row < len(before) and column < len(after):
        if before[row] == after[column]:
            found.append(Line(" ", before[row]))
            row, column = row + 1, column + 1
        elif longest[row + 1][column] >= longest[row][column + 1]:
            found.append(Line("-", before[row]))
            row += 1
        else:
            found.append(Line("+", after[column]))
            column += 1
    return found + _replaced(before[row:], after[column:])


def _replaced(before: list[str], after: list[str]) -> list[Line]:
    return [*(Line("-", each) for each in before), *(Line("+", each) for each in after)]


def shortened(lines: list[Line]) -> list[Line]:
    """Shorten long lines; of a pair of long lines, show the part where they begin to differ."""
    found = []
    for index, line in enumerate(lines):
        start = 0
        if len(line.text) > _SHORT and line.kind != " ":
            other = _partner(lines, index)
            start = max(0, _shared_characters(line.text, other) - _SHORT // 4) if other else 0
        part = line.text[start : start + _SHORT]
        more = "..." if start + _SHORT < len(line.text) else ""
        found.append(Line(line.kind, f"{'...' if start else ''}{part}{more}"))
    return found


def _partner(lines: list[Line], index: int) -> str:
    """Return the next or last line of the other kind; "" if there is none beside it."""
    wanted, beside = ("+", index + 1) if lines[index].kind == "-" else ("-", index - 1)
    return lines[beside].text if 0 <= beside < len(lines) and lines[beside].kind == wanted else ""


def _shared_characters(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
