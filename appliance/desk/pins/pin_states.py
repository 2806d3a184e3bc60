"""Decide when a pinned request runs: a pure table, (state, event) to (state, actions).

Each pin has a state of its own. A pin has at most one thread, which may have to wait for its turn. After several saves
in a row, the pin runs for the last one only. ``pin_runs`` performs the actions. No request, no thread, no clock.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import NamedTuple

from appliance import state_table
from appliance.protocol.record import Record


class Stage(enum.Enum):
    """The work of a pin's thread."""

    IDLE = enum.auto()  # there is no thread
    WAITING = enum.auto()  # for its turn: few send at a time
    SENDING = enum.auto()
    LEAVING = enum.auto()  # the request was unpinned, and the thread has not noticed yet
    GONE = enum.auto()


class Served(NamedTuple):
    """The served code: the generation, and the revision of its templates."""

    generation: int
    revision: int


@dataclass(frozen=True)
class State:
    """The runs of one pin.

    Attributes:
        serving: what serves; None while nothing does.
        sent_to: what served when the request was sent, while SENDING.
        done: what served at the last run that counts; None before it, and after a broken project.
    """

    stage: Stage = Stage.IDLE
    serving: Served | None = None
    sent_to: Served | None = None
    done: Served | None = None


class Event(Record):
    """Something that happened."""


class Serves(Event):
    """The project serves a save."""

    served: Served


class Broke(Event):
    """The project does not start."""


class TurnCame(Event):
    """The thread may send."""


class Ended(Event):
    """The run has an outcome."""


class Failed(Event):
    """The thread could not be started, or it has failed."""


class Unpinned(Event):
    """A person has unpinned the request."""


class Action(Record):
    """Something to do."""


class StartThread(Action):
    """Start a thread, which waits for its turn."""


class Send(Action):
    """Send the request, and compare the outcome; the thread does it."""


class Keep(Action):
    """The outcome counts: it is of what serves."""

    served: Served


class ShowBroken(Action):
    """Show that the project does not start."""


class ShowFailed(Action):
    """Show that the run has failed."""


Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _start(state: State, event: Serves) -> Step:
    state = replace(state, serving=event.served)
    if state.done == event.served:
        return state, ()
    return replace(state, stage=Stage.WAITING), (StartThread(),)


def _note_served(state: State, event: Serves) -> Step:
    return replace(state, serving=event.served), ()


def _note_broken(state: State, _event: Broke) -> Step:
    return replace(state, serving=None, done=None), (ShowBroken(),)


def _send(state: State, _event: Event) -> Step:
    """Send the request to the serving generation; if there is none, the thread ends."""
    if state.serving is None:
        return replace(state, stage=Stage.IDLE, sent_to=None), ()
    return replace(state, stage=Stage.SENDING, sent_to=state.serving), (Send(),)


def _keep(state: State, event: Ended) -> Step:
    """Keep the outcome of the serving generation; drop that of an earlier save, and send the request again."""
    sent_to = state.sent_to
    if sent_to is None or sent_to != state.serving:
        return _send(state, event)
    return replace(state, stage=Stage.IDLE, sent_to=None, done=sent_to), (Keep(sent_to),)


def _fail(state: State, _event: Failed) -> Step:
    """Wait for the next save; a broken project is the more important message."""
    shown = (ShowFailed(),) if state.serving is not None else ()
    return replace(state, stage=Stage.IDLE, sent_to=None), shown


def _leave(state: State, _event: Unpinned) -> Step:
    return replace(state, stage=Stage.LEAVING), ()


def _go(state: State, _event: Event) -> Step:
    return replace(state, stage=Stage.GONE, sent_to=None), ()


EVENTS: tuple[type[Event], ...] = (Serves, Broke, TurnCame, Ended, Failed, Unpinned)

ROWS: dict[Stage, dict[type[Event], Row]] = {
    Stage.IDLE: {Serves: _start, Broke: _note_broken, Unpinned: _go},
    Stage.WAITING: {Serves: _note_served, Broke: _note_broken, TurnCame: _send, Failed: _fail, Unpinned: _leave},
    Stage.SENDING: {Serves: _note_served, Broke: _note_broken, Ended: _keep, Failed: _fail, Unpinned: _leave},
    Stage.LEAVING: {TurnCame: _go, Ended: _go, Failed: _go},
    Stage.GONE: {},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.stage], state, event)
