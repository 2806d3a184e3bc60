"""The parts of a response that differ between two responses of the same code: the next comparison leaves them out.

Such parts are a token in a form, the time of day, a random id. If a response seems changed after a save, the request is
sent once more: the save has not caused what differs between these two responses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.desk.comparison.line_difference import Line

_INDEX = re.compile(r"\[\d+\]")
_PATTERNS_MAX = 50
_LEAST = 3  # characters that a line must share, so that not every line matches
ANY = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Volatile:
    """Places that differ without a save.

    Attributes:
        fields: names, in lower case.
        paths: of JSON, with ``[*]`` for each index.
        patterns: beginning and end of lines.
    """

    fields: frozenset[str] = field(default_factory=frozenset)
    paths: frozenset[str] = field(default_factory=frozenset)
    patterns: tuple[tuple[str, str], ...] = ()

    def __or__(self, other: Volatile) -> Volatile:
        patterns = tuple(dict.fromkeys((*self.patterns, *other.patterns)))[:_PATTERNS_MAX]
        return Volatile(self.fields | other.fields, self.paths | other.paths, patterns)

    def has_path(self, path: str) -> bool:
        """Whether this place of JSON differs anyway."""
        return _INDEX.sub("[*]", path) in self.paths

    def line(self, text: str) -> str:
        """Return a line with an ellipsis for what differs anyway."""
        for begin, end in self.patterns:
            if len(text) >= len(begin) + len(end) and text.startswith(begin) and text.endswith(end):
                return f"{begin}{ANY}{end}"
        return text

    def names(self) -> list[str]:
        """Return the names of the parts that are left out, for people."""
        lines = [f"{begin}{ANY}{end}"[:120] for begin, end in self.patterns]
        return [*(f"field {name}" for name in sorted(self.fields)), *sorted(self.paths), *lines]


def of_paths(paths: Iterable[str]) -> frozenset[str]:
    """Return paths with ``[*]`` for each index."""
    return frozenset(_INDEX.sub("[*]", path) for path in paths)


def of_lines(lines: Iterable[Line]) -> tuple[tuple[str, str], ...]:
    """Return the common beginnings and ends of changed lines and their replacements."""
    found: list[tuple[str, str]] = []
    removed: list[str] = []
    added: list[str] = []
    for kind, text in [*((each.kind, each.text) for each in lines), (" ", "")]:
        if kind == "-":
            removed.append(text)
        elif kind == "+":
            added.append(text)
        else:
            if len(removed) == len(added):
                found += [_shared(one, other) for one, other in zip(removed, added, strict=True)]
            removed, added = [], []
    return tuple(each for each in dict.fromkeys(found) if len("".join(each).strip()) >= _LEAST)[:_PATTERNS_MAX]


def _shared(one: str, other: str) -> tuple[str, str]:
    least, begin = min(len(one), len(other)), 0
    while begin < least and one[begin] == other[begin]:
        begin += 1
    end = 0
    while end < least - begin and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[:begin], one[len(one) - end :] if end else ""
