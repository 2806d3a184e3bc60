"""What the table of events says of one event."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One event. ``level`` is the usual level, or several if it depends on the case."""

    level: str
    meaning: str
    fields: tuple[str, ...] = ()
    by: frozenset[str] = frozenset({"supervisor"})  # "worker" means every child process


CHILD = frozenset({"worker"})
