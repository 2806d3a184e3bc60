"""Decide when a companion is started, ended and started again: a pure table, (state, event) to (state, actions).

One state for each companion. A companion never has two runs at once: the next run begins when no process of the last
run is left. ``companion`` performs the actions. No process, no clock.
"""

from __future__ import annotations

import enum

from appliance import state_table
from appliance.pauses import nth_pause_s
from appliance.protocol.record import Record, replace

# The wait before the n-th start in a row after an early end; after that the last of them.
WAITS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
CRASH_LOOP = 5  # this many early ends in a row are a crash loop


class Phase(enum.Enum):
    """The stage of a companion; the status shows the value."""

    STOPPED = "stopped"
    RUNNING = "running"
    ENDING = "ending"  # the program was asked to end
    CLEARING = "clearing"  # the program has ended, and may have left a process behind
    WAITING = "waiting"  # the program has ended, and starts again after a time
    FINISHED = "finished"  # the program has ended by itself, with success


class Next(enum.Enum):
    """The next step when nothing is left of a run."""

    START = enum.auto()
    RETRY = enum.auto()
    FINISH = enum.auto()
    FORGET = enum.auto()


class Outcome(enum.Enum):
    """The end of a run."""

    SUCCESS = enum.auto()
    FAILURE = enum.auto()
    MISSING = enum.auto()  # there is no such program


class State(Record):
    """One companion.

    Attributes:
        next: what follows the run that ends, in the phases ENDING and CLEARING.
        runs: counts the starts.
        failures: early ends in a row, each a failure.
        missing: the last end was that of a program that does not exist.
    """

    phase: Phase = Phase.STOPPED
    next: Next = Next.START
    runs: int = 0
    failures: int = 0
    missing: bool = False


# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class Declared(Event):
    """The companion is new, or its command, folder or variables have changed."""


class Removed(Event):
    """The companion is not declared any more, or the appliance stops."""


class Reloaded(Event):
    """A new generation of the code serves, and the companion is one of those that follow."""


class StartFailed(Event):
    """There is no process for the run."""

    reason: str
    action: str


class Ended(Event):
    """The process has ended; ``early``: so soon after its start that it may do so again."""

    outcome: Outcome
    how: str
    early: bool = True


class Cleared(Event):
    """No process is left of the run that has ended."""


class RetryDue(Event):
    """The wait after the n-th run is over."""

    runs: int


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class Start(Action):
    """Start the process; ``loud``: the log has not been told before that it fails."""

    loud: bool


class End(Action):
    """Ask the process to end."""


class Clear(Action):
    """End the remaining processes of the run, and report when there are none."""


class RetryLater(Action):
    """Report RetryDue after ``after_s`` seconds."""

    runs: int
    after_s: float


class ReportEnd(Action):
    """Log an end without a failure; ``loud``: nothing follows it."""

    how: str
    loud: bool


class ReportFailure(Action):
    """Log a failure; ``count`` is that of a crash loop, 0 for the first failure of a row.

    Attributes:
        missing: there is no such program.
        action: what to do, if it is known.
    """

    how: str
    after_s: float
    count: int = 0
    missing: bool = False
    action: str = ""


class Forget(Action):
    """Nothing is left of the companion."""


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _start(state: State, _event: Event) -> Step:
    return replace(state, phase=Phase.RUNNING, runs=state.runs + 1), (Start(loud=not state.failures),)


def _start_again(state: State, event: Event) -> Step:
    """Start an ended companion without a wait: the reason of its failures may be gone."""
    return _start(replace(state, failures=0, missing=False), event)


def _restart(state: State, _event: Event) -> Step:
    return replace(state, phase=Phase.ENDING, next=Next.START, failures=0, missing=False), (End(),)


def _end(state: State, _event: Removed) -> Step:
    return replace(state, phase=Phase.ENDING, next=Next.FORGET), (End(),)


def _start_next(state: State, _event: Event) -> Step:
    return replace(state, next=Next.START, failures=0, missing=False), ()


def _start_next_unless_removed(state: State, event: Reloaded) -> Step:
    return (state, ()) if state.next is Next.FORGET else _start_next(state, event)


def _forget_next(state: State, _event: Removed) -> Step:
    return replace(state, next=Next.FORGET), ()


def _forget(state: State, _event: Removed) -> Step:
    return replace(state, phase=Phase.STOPPED), (Forget(),)


def _ended(state: State, event: Ended) -> Step:
    if event.outcome is Outcome.SUCCESS:
        state = replace(state, phase=Phase.CLEARING, next=Next.FINISH, failures=0, missing=False)
        return state, (ReportEnd(event.how, loud=True), Clear())
    state, reports = _failed(state, event)
    return replace(state, phase=Phase.CLEARING, next=Next.RETRY), (*reports, Clear())


def _failed(state: State, event: Ended, action: str = "") -> Step:
    """Count a failure; report the first of a row, and the one that makes the row a crash loop."""
    missing = event.outcome is Outcome.MISSING
    again = event.early and missing == state.missing
    failures = state.failures + 1 if again else 1
    state = replace(state, failures=len(WAITS_S) if missing else failures, missing=missing)
    report = ReportFailure(event.how, _wait_s(state), missing=missing, action=action)
    if failures == 1:
        return state, (report,)
    if failures == CRASH_LOOP and not missing:
        return state, (ReportFailure(event.how, _wait_s(state), failures, action=action),)
    return state, ()


def _wait_s(state: State) -> float:
    return nth_pause_s(WAITS_S, state.failures)


def _not_started(state: State, event: StartFailed) -> Step:
    state, reports = _failed(state, Ended(Outcome.FAILURE, event.reason), event.action)
    return replace(state, phase=Phase.WAITING), (*reports, RetryLater(state.runs, _wait_s(state)))


def _asked_end(state: State, event: Ended) -> Step:
    return replace(state, phase=Phase.CLEARING), (ReportEnd(event.how, loud=state.next is Next.FORGET), Clear())


def _cleared(state: State, event: Cleared) -> Step:
    match state.next:
        case Next.START:
            return _start(state, event)
        case Next.RETRY:
            return replace(state, phase=Phase.WAITING), (RetryLater(state.runs, _wait_s(state)),)
        case Next.FINISH:
            return replace(state, phase=Phase.FINISHED), ()
        case Next.FORGET:
            return replace(state, phase=Phase.STOPPED), (Forget(),)


def _retry(state: State, event: RetryDue) -> Step:
    return _start(state, event) if event.runs == state.runs else (state, ())


EVENTS: tuple[type[Event], ...] = (Declared, Removed, Reloaded, StartFailed, Ended, Cleared, RetryDue)

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.STOPPED: {Declared: _start_again},
    Phase.RUNNING: {
        Declared: _restart,
        Removed: _end,
        Reloaded: _restart,
        StartFailed: _not_started,
        Ended: _ended,
    },
    Phase.ENDING: {
        Declared: _start_next,
        Removed: _forget_next,
        Reloaded: _start_next_unless_removed,
        StartFailed: lambda state, _: (replace(state, phase=Phase.CLEARING), (Clear(),)),
        Ended: _asked_end,
    },
    Phase.CLEARING: {
        Declared: _start_next,
        Removed: _forget_next,
        Reloaded: _start_next_unless_removed,
        Cleared: _cleared,
    },
    Phase.WAITING: {Declared: _start_again, Removed: _forget, Reloaded: _start_again, RetryDue: _retry},
    Phase.FINISHED: {Declared: _start_again, Removed: _forget, Reloaded: _start_again},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
