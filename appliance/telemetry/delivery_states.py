"""Decide the reports about a collector that fails by turns: a pure table, (state, event) to (state, actions).

One event reports that sending fails, one the first loss, and one that data arrives again. Each lost item is in one
report. ``delivery`` performs the actions. No clock: an event says whether trouble was reported a short time ago.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from appliance import state_table
from appliance.protocol.record import Record


class Phase(enum.Enum):
    """The state of the collector, and the last report of it."""

    ARRIVING = enum.auto()  # the last data has arrived, or none was sent yet
    UNREPORTED = enum.auto()  # sending fails, so soon after the last report that this is not reported
    DELAYED = enum.auto()  # it is reported that sending fails
    LOSING = enum.auto()  # it is reported too that data is lost


@dataclass(frozen=True)
class State:
    """One signal: the spans, the log records or the metrics.

    Attributes:
        unreported: items that were lost since a loss was last reported.
        lost: items that were lost since it was last reported that data arrives.
        reason: why the last of them was lost.
        action: what the person can do about that.
    """

    phase: Phase = Phase.ARRIVING
    unreported: int = 0
    lost: int = 0
    reason: str = ""
    action: str = ""


class Event(Record):
    """Something that happened."""


class Delayed(Event):
    """The collector takes nothing now, and the data is kept. ``recent``: trouble was reported a short time ago."""

    reason: str
    action: str
    recent: bool


class Lost(Event):
    """Items were lost: ``count`` of them. ``recent``: trouble was reported a short time ago."""

    count: int
    reason: str
    action: str
    recent: bool


class Arrived(Event):
    """The collector has taken data."""


class Finished(Event):
    """The exporter ends."""


class Action(Record):
    """Something to do."""


class Hold(Action):
    """Let trouble be recent from now on, for a while."""


class ReportDelayed(Action):
    """Report that data is delayed."""

    reason: str
    action: str


class ReportLost(Action):
    """Report that so many items were lost."""

    count: int
    reason: str
    action: str


class ReportSent(Action):
    """Report that data arrives again, and how many items were lost meanwhile."""

    lost: int


Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _delay(state: State, event: Delayed) -> Step:
    if event.recent:
        return replace(state, phase=Phase.UNREPORTED), ()
    return replace(state, phase=Phase.DELAYED), (Hold(), ReportDelayed(event.reason, event.action))


def _count(state: State, event: Lost) -> Step:
    lost, unreported = state.lost + event.count, state.unreported + event.count
    return replace(state, unreported=unreported, lost=lost, reason=event.reason, action=event.action), ()


def _lose(state: State, event: Lost) -> Step:
    state, _ = _count(state, event)
    if event.recent:
        return replace(state, phase=Phase.UNREPORTED), ()
    return _lose_reported(state)


def _lose_first(state: State, event: Lost) -> Step:
    """Report the first loss of a trouble that is reported already, however recent that report is."""
    return _lose_reported(_count(state, event)[0])


def _lose_reported(state: State) -> Step:
    state, reports = _report_loss(replace(state, phase=Phase.LOSING))
    return state, (Hold(), *reports)


def _report_loss(state: State, _event: Event | None = None) -> Step:
    if not state.unreported:
        return state, ()
    return replace(state, unreported=0), (ReportLost(state.unreported, state.reason, state.action),)


def _arrive(state: State, _event: Arrived) -> Step:
    """Keep the counts: nothing was reported of this trouble, so its losses are in the next report."""
    return replace(state, phase=Phase.ARRIVING), ()


def _arrive_reported(state: State, _event: Arrived) -> Step:
    state, reports = _report_loss(state)
    return replace(state, phase=Phase.ARRIVING, lost=0), (*reports, ReportSent(state.lost))


EVENTS: tuple[type[Event], ...] = (Delayed, Lost, Arrived, Finished)

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.ARRIVING: {Delayed: _delay, Lost: _lose, Finished: _report_loss},
    Phase.UNREPORTED: {Delayed: _delay, Lost: _lose, Arrived: _arrive, Finished: _report_loss},
    Phase.DELAYED: {Lost: _lose_first, Arrived: _arrive_reported, Finished: _report_loss},
    Phase.LOSING: {Lost: _count, Arrived: _arrive_reported, Finished: _report_loss},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
