"""Write a number with its noun, and the first of many names: ``2 files``, ``a, b and 3 more``. Both sides use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return the number and the noun in its right form; ``plural``: if it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def first_names(names: Sequence[str], most: int) -> str:
    """Return at most so many names, separated by commas, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
