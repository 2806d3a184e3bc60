"""Format the values of fields for people: as words, pairs and aligned rows, never as JSON or Python would write them.

The values are sanitised already. Runs in the supervisor, and in a process that uses the server as a library, if the log
is for people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_WIDEST = 40  # characters of a column; a longer text moves the rest of its row
_LONG_LIST = 60  # characters of a list that stays in its event's line
_LIST_MAX = 160  # characters of a list in a line; the JSON has the rest


def value_text(value: object, *, quoted: bool = True) -> str:
    """Return a value of JSON's types in one line; ``quoted``: a text with blanks gets quotes."""
    if isinstance(value, str):
        # Quoted by JSON's rules, which also escape newlines and tabs: one event, one line.
        spaced = quoted and (not value or " " in value or '"' in value)
        return json.dumps(value, ensure_ascii=False) if spaced or "\n" in value or "\t" in value else value
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, Mapping):
        return f"({' '.join(f'{name}={value_text(each)}' for name, each in flattened(value))})"
    if isinstance(value, list | tuple):
        return _listed([value_text(each) for each in value]) or "none"
    return str(value)


def _listed(texts: Sequence[str]) -> str:
    """Return the texts in one line; of a long list its beginning, and how many more there are."""
    shown = max(1, sum(end <= _LIST_MAX for end in accumulate(len(text) + 1 for text in texts)))
    more = f" and {len(texts) - shown} more" if len(texts) > shown else ""
    return ",".join(texts[:shown]) + more


def flattened(fields: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield each value with its name; the values of a nested object have its name before theirs: ``user.id``."""
    for name, value in fields.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def needs_rows(value: object) -> bool:
    """Whether a list is easier to read as one row for each item."""
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(each, Mapping) for each in value):
        return True
    return any(isinstance(each, str) and " " in each for each in value) and sum(map(len, map(str, value))) > _LONG_LIST


def rows(items: Sequence[object]) -> list[str]:
    """Return one line for each item; the values of objects stand in aligned columns, without their names."""
    if not all(isinstance(each, Mapping) for each in items):
        return [value_text(each, quoted=False) for each in items]
    objects = [each for each in items if isinstance(each, Mapping)]
    names = list(dict.fromkeys(name for each in objects for name in each))
    return aligned([[value_text(each.get(name, ""), quoted=False) for name in names] for each in objects])


def aligned(table: Iterable[Sequence[str]]) -> list[str]:
    """Return the rows of a table of texts, each column as wide as its widest text, within a limit."""
    lines = [list(row) for row in table]
    if not lines:
        return []
    count = max(len(row) for row in lines)
    widths = [min(_WIDEST, max(len(row[n]) if n < len(row) else 0 for row in lines)) for n in range(count)]
    return ["  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=False)).rstrip() for row in lines]
