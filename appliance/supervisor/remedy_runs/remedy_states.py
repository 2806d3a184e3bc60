"""Decide which press of a button runs a remedy, and what ends it: a pure table, (state, event) to (state, actions).

At most one remedy runs. If its button is pressed again, in another tab perhaps, nothing starts. If a remedy has helped
already, its button starts nothing either. ``remedy_run`` performs the actions. No process, no clock.
"""

from __future__ import annotations

import enum

from appliance import state_table
from appliance.protocol.record import Record, replace

CANCELLED = "it was cancelled"
BUSY = "another remedy runs: wait for its end, or cancel it"


class Phase(enum.Enum):
    """Whether a remedy runs."""

    IDLE = "idle"
    RUNNING = "running"  # a process runs it
    ACTING = "acting"  # a thread of the supervisor runs it, and can't be ended
    ENDING = "ending"  # the process was asked to end


class State(Record):
    """The present run, and the known facts of earlier runs.

    Attributes:
        run: counts the runs. Events of an earlier one change nothing.
        remedy: the id of the remedy that runs; empty for none.
        reason: why the process was asked to end.
        done: the ids of remedies that have helped.
    """

    phase: Phase = Phase.IDLE
    run: int = 0
    remedy: str = ""
    reason: str = ""
    done: frozenset[str] = frozenset()


# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class Pressed(Event):
    """A person has pressed a remedy's button.

    Attributes:
        refusal: why it may not be run as it was shown; empty if it may.
        in_thread: a thread of ours runs the remedy, not a process.
    """

    remedy: str
    refusal: str = ""
    in_thread: bool = False


class CancelRequested(Event):
    """A person has cancelled this remedy, or the appliance stops."""

    remedy: str


class TimedOut(Event):
    """The run lasts too long; ``limit`` says how long it may."""

    run: int
    limit: str


class Ended(Event):
    """The run has ended, or could not be started.

    Attributes:
        failure: how it has failed; empty for a success.
        offered: the ids of the remedies that pages show now; others need not be remembered.
    """

    run: int
    failure: str = ""
    offered: frozenset[str] = frozenset()


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class Run(Action):
    """Start the remedy that was pressed."""

    run: int


class EndProcess(Action):
    """Ask the process of the run to end."""


class Refuse(Action):
    """Report that this press runs nothing."""

    remedy: str
    reason: str


class ReportDone(Action):
    """Show that this remedy has helped already."""

    remedy: str


class ReportSuccess(Action):
    """Report that the run has succeeded."""


class ReportFailure(Action):
    """Report why the run has failed."""

    reason: str


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _press(state: State, event: Pressed) -> Step:
    if event.remedy in state.done:
        return state, (ReportDone(event.remedy),)
    if event.refusal:
        return state, (Refuse(event.remedy, event.refusal),)
    phase = Phase.ACTING if event.in_thread else Phase.RUNNING
    run = state.run + 1
    return replace(state, phase=phase, run=run, remedy=event.remedy), (Run(run),)


def _press_while_busy(state: State, event: Pressed) -> Step:
    if event.remedy == state.remedy:
        return state, ()  # every page already shows that it runs
    if event.remedy in state.done:
        return state, (ReportDone(event.remedy),)
    return state, (Refuse(event.remedy, event.refusal or BUSY),)


def _cancel(state: State, event: CancelRequested) -> Step:
    return _end(state, CANCELLED) if event.remedy == state.remedy else (state, ())


def _time_out(state: State, event: TimedOut) -> Step:
    return _end(state, f"it took longer than {event.limit}") if event.run == state.run else (state, ())


def _end(state: State, reason: str) -> Step:
    return replace(state, phase=Phase.ENDING, reason=reason), (EndProcess(),)


def _ended(state: State, event: Ended) -> Step:
    if event.run != state.run:
        return state, ()
    failure = state.reason or event.failure
    idle = replace(state, phase=Phase.IDLE, remedy="", reason="")
    if failure:
        return idle, (ReportFailure(failure),)
    return replace(idle, done=(state.done & event.offered) | {state.remedy}), (ReportSuccess(),)


EVENTS: tuple[type[Event], ...] = (Pressed, CancelRequested, TimedOut, Ended)

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.IDLE: {Pressed: _press},
    Phase.RUNNING: {Pressed: _press_while_busy, CancelRequested: _cancel, TimedOut: _time_out, Ended: _ended},
    Phase.ACTING: {Pressed: _press_while_busy, Ended: _ended},
    Phase.ENDING: {Pressed: _press_while_busy, Ended: _ended},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
