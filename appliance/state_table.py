"""Take a step in a table of decisions: look up the row of an event, which gives the next state and the actions. Pure.

A table's module ends in ``_states``. It has its ``State``, ``EVENTS`` and ``ROWS``, and a function ``step``; another
module holds the state and performs the actions. The server's pool has tables of its own, of integers
(``server/pool/tables``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

State = TypeVar("State")
Event = TypeVar("Event")
Action = TypeVar("Action")

Step = tuple[State, tuple[Action, ...]]  # the next state, and the actions to perform
Row = Callable[[State, Any], Step[State, Action]]


def step_of(rows: Mapping[type[Event], Row[State, Action]], state: State, event: Event) -> Step[State, Action]:
    """Return the next state and the actions for this event. An event that is not listed changes nothing."""
    row = rows.get(type(event))
    return row(state, event) if row is not None else (state, ())
