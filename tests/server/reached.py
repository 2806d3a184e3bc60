"""All that a model of a table can become."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

M = TypeVar("M", bound=Hashable)


def reached(first: M, after: Callable[[M], Iterable[M]]) -> Iterator[M]:
    """Each model that steps can make of the first, once; the caller has each before any that follows from it."""
    seen, new = {first}, [first]
    while new:
        model = new.pop()
        yield model
        more = set(after(model)) - seen
        seen |= more
        new += more
