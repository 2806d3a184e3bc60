"""Take a step in a table of decisions: look up the row of an event, which gives the next state and the actions. Pure.

A table's module ends in ``_states``. It has its ``State``, ``EVENTS`` and ``ROWS``, and a function ``step``; another
module holds the state and performs the actions (``perform``). The server's pool has tables of its own, of integers
(``server/pool/tables``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


def perform(performers: Mapping[type[Action], Callable[[Any], object]], actions: Iterable[Action]) -> None:
    """Perform the actions of a step, in their order.

    If a performer takes another step, the actions of that step are performed at once, before the rest of these. So an
    action that causes an event is the last of its step, or the order does not matter, or its performer posts the event.

    Raises:
        Exception: the error of a performer. The rest of the actions is not performed. The loop reports the error.
    """
    for action in actions:
        performers[type(action)](action)
