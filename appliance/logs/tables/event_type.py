"""The form of one row in the table of events."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One event.

    Attributes:
        level: the usual level, or several if it depends on the case.
        meaning: when the event is logged.
        fields: what it can have beyond the fields of every line.
        by: who may log it; "worker" means every child process.
        action: what to do about it, where that is always the same. The log adds it to warnings and errors.
    """

    level: str
    meaning: str
    fields: tuple[str, ...] = ()
    by: frozenset[str] = frozenset({"supervisor"})
    action: str = ""


CHILD = frozenset({"worker"})
