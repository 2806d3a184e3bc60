"""A step in a table of decisions: the row of the event decides, and an event without a row changes nothing."""

from __future__ import annotations

from appliance.state_table import Row, step_of


class Event:
    """What a table knows."""


class Pressed(Event):
    """A button was pressed."""


class Held(Pressed):
    """A press that goes on: an event of its own."""


ROWS: dict[type[Event], Row[int, str]] = {Pressed: lambda state, _: (state + 1, ("ring",))}


def test_a_listed_event_takes_its_row():
    """The row of the event's own class gives the next state and the actions."""
    event: Event = Pressed()
    assert step_of(ROWS, 1, event) == (2, ("ring",))


def test_an_event_without_a_row_changes_nothing():
    """The state stays, and nothing is done, also for a subclass of a listed event."""
    event: Event = Held()
    assert step_of(ROWS, 1, event) == (1, ())
