"""Decide when the commands of BEFORE_START run: a pure table, (state, event) to (state, actions).

At most one run at a time. A run with other inputs (commands, environment, variables) ends the run before it, and begins
when no process of that run is left: two migrations at once are worse than a wait. ``before_start`` performs the
actions. No process, no clock.
"""

from __future__ import annotations

import enum

from appliance import state_table
from appliance.protocol.record import Record, replace


class Phase(enum.Enum):
    """Whether the commands run."""

    IDLE = "idle"
    WAITING = "waiting"  # until no process of an earlier run is left
    RUNNING = "running"


class State(Record):
    """The requested or present run, and the known facts of earlier runs.

    Attributes:
        job: the lifecycle's number of the request; of the newest one if the run was requested again.
        inputs: a digest of what the run depends on.
        done: the inputs of the last successful run; empty if there was none.
        wait_reported: the log says that the run waits.
    """

    phase: Phase = Phase.IDLE
    job: int = 0
    inputs: str = ""
    done: str = ""
    wait_reported: bool = False


# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class RunRequested(Event):
    """The lifecycle asks for the commands to run with these inputs."""

    job: int
    inputs: str


class CancelRequested(Event):
    """No run is wanted any more."""


class EarlierRunsGone(Event):
    """No process is left of earlier runs."""


class EarlierRunLives(Event):
    """A process of an earlier run is left; ``pid`` is its process group."""

    pid: int


class StartFailed(Event):
    """There is no process for the run; the caller that performed the start reports why."""

    error: Exception


class RunEnded(Event):
    """The shell of the run has ended; ``how`` says how."""

    succeeded: bool
    how: str = ""


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class EndRun(Action):
    """Ask the run that is under way to end."""


class CheckEarlierRuns(Action):
    """Report whether a process is left of earlier runs: now, or in a moment."""

    later: bool = False


class ReportWait(Action):
    """Log that the run waits for this process group."""

    pid: int


class Run(Action):
    """Start the commands."""

    job: int


class ReportNotStarted(Action):
    """Report to the lifecycle that there is no process for the run."""

    job: int
    error: Exception


class ReportEnd(Action):
    """Report to the lifecycle how the run has ended."""

    job: int
    succeeded: bool
    how: str


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _request(state: State, event: RunRequested) -> Step:
    return (
        replace(state, phase=Phase.WAITING, job=event.job, inputs=event.inputs, wait_reported=False),
        (CheckEarlierRuns(),),
    )


def _request_again(state: State, event: RunRequested) -> Step:
    """Let a run with the same inputs go on, for the newer request."""
    if event.inputs == state.inputs:
        return replace(state, job=event.job), ()
    state, before = _cancel(state, CancelRequested())
    state, actions = _request(state, event)
    return state, (*before, *actions)


def _cancel(state: State, _event: CancelRequested) -> Step:
    return replace(state, phase=Phase.IDLE), (EndRun(),) if state.phase is Phase.RUNNING else ()


def _wait(state: State, event: EarlierRunLives) -> Step:
    report = () if state.wait_reported else (ReportWait(event.pid),)
    return replace(state, wait_reported=True), (*report, CheckEarlierRuns(later=True))


def _run(state: State, _event: EarlierRunsGone) -> Step:
    return replace(state, phase=Phase.RUNNING), (Run(state.job),)


def _not_started(state: State, event: StartFailed) -> Step:
    return replace(state, phase=Phase.IDLE), (ReportNotStarted(state.job, event.error),)


def _ended(state: State, event: RunEnded) -> Step:
    done = state.inputs if event.succeeded else state.done
    return replace(state, phase=Phase.IDLE, done=done), (ReportEnd(state.job, event.succeeded, event.how),)


EVENTS: tuple[type[Event], ...] = (
    RunRequested, CancelRequested, EarlierRunsGone, EarlierRunLives, StartFailed, RunEnded,
)  # fmt: skip

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.IDLE: {RunRequested: _request},
    Phase.WAITING: {
        RunRequested: _request_again,
        CancelRequested: _cancel,
        EarlierRunsGone: _run,
        EarlierRunLives: _wait,
    },
    Phase.RUNNING: {
        RunRequested: _request_again,
        CancelRequested: _cancel,
        StartFailed: _not_started,
        RunEnded: _ended,
    },
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
