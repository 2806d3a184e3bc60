"""Decide when ``appliance run --watch`` starts its command again: a pure table, (state, event) to (state, actions).

There are never two runs at once: the next run begins when no process of the last run is left. ``watched_command``
performs the actions. No process, no clock.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from appliance import state_table
from appliance.protocol.record import Record
from appliance.supervisor.companions.shell_commands import NO_PROGRAM


class Phase(enum.Enum):
    """The state of the command's process."""

    NEW = enum.auto()
    RUNNING = enum.auto()
    ENDING = enum.auto()  # for the next run
    STOPPING = enum.auto()  # a signal has come
    CLEARING = enum.auto()  # it has ended, and a process of its own may be left
    WAITING = enum.auto()  # for a save
    GONE = enum.auto()


class Next(enum.Enum):
    """The next step when nothing is left of a run."""

    START = enum.auto()
    WAIT = enum.auto()
    EXIT = enum.auto()


@dataclass(frozen=True)
class State:
    """The state of the watched command, and of its next run.

    Attributes:
        next: what follows the run that has ended, in the phase CLEARING.
        code: the exit code of the last run that has ended by itself or by a signal.
        first: no run has ended yet.
    """

    phase: Phase = Phase.NEW
    next: Next = Next.START
    code: int = 0
    first: bool = True


class Event(Record):
    """Something that happened."""


class Begun(Event):
    """The command is to run."""


class Saved(Event):
    """Files were saved for which the application would be reloaded."""


class Ended(Event):
    """The process has ended with this exit code, 128 + n by signal n."""

    code: int


class Cleared(Event):
    """No process is left of the run that has ended."""


class Stopped(Event):
    """A signal asks for the end."""

    signal: str


class Action(Record):
    """Something to do."""


class Start(Action):
    """Start the command."""


class End(Action):
    """Ask the process to end, and kill it after a while."""


class Clear(Action):
    """End the remaining processes of the run, and report when there are none."""


class PassOn(Action):
    """Pass the signal on."""

    signal: str


class ReportEnd(Action):
    """Say that the command has ended by itself, and that the next save starts it again."""

    code: int


class Exit(Action):
    """End with this exit code."""

    code: int


Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _start(state: State, _event: Event) -> Step:
    return replace(state, phase=Phase.RUNNING), (Start(),)


def _restart(state: State, _event: Saved) -> Step:
    return replace(state, phase=Phase.ENDING), (End(),)


def _stop(state: State, event: Stopped) -> Step:
    return replace(state, phase=Phase.STOPPING), (PassOn(event.signal),)


def _ended_by_itself(state: State, event: Ended) -> Step:
    """Wait for a save, unless there is no such program: no save of a file can correct a misspelt command."""
    state = replace(state, phase=Phase.CLEARING, code=event.code)
    if state.first and event.code in NO_PROGRAM:
        return replace(state, next=Next.EXIT), (Clear(),)
    return replace(state, next=Next.WAIT, first=False), (ReportEnd(event.code), Clear())


def _ended_for_next(state: State, _event: Ended) -> Step:
    return replace(state, phase=Phase.CLEARING, next=Next.START, first=False), (Clear(),)


def _ended_by_signal(state: State, event: Ended) -> Step:
    return replace(state, phase=Phase.CLEARING, next=Next.EXIT, code=event.code), (Clear(),)


def _start_next(state: State, _event: Saved) -> Step:
    return (state if state.next is Next.EXIT else replace(state, next=Next.START)), ()


def _exit_next(state: State, _event: Stopped) -> Step:
    return replace(state, next=Next.EXIT), ()


def _cleared(state: State, event: Cleared) -> Step:
    match state.next:
        case Next.START:
            return _start(state, event)
        case Next.WAIT:
            return replace(state, phase=Phase.WAITING), ()
        case Next.EXIT:
            return _exit(state, event)


def _exit(state: State, _event: Event) -> Step:
    return replace(state, phase=Phase.GONE), (Exit(state.code),)


EVENTS: tuple[type[Event], ...] = (Begun, Saved, Ended, Cleared, Stopped)

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.NEW: {Begun: _start},
    Phase.RUNNING: {Saved: _restart, Ended: _ended_by_itself, Stopped: _stop},
    Phase.ENDING: {Ended: _ended_for_next, Stopped: _stop},
    Phase.STOPPING: {Ended: _ended_by_signal, Stopped: _stop},
    Phase.CLEARING: {Saved: _start_next, Stopped: _exit_next, Cleared: _cleared},
    Phase.WAITING: {Saved: _start, Stopped: _exit},
    Phase.GONE: {},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
