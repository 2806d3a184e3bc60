"""Decide when a preloader is made, from which list of modules, and when to give up: a pure table.

A preloader is made in rounds. In each round a process imports the newest list of modules. If the process finds an
unsafe module, the module is left out, which makes a newer list, and the next round begins. After a round without a
finding, the process of that round is the preloader: workers are forked from it. ``preloading`` performs the actions. No
process, no clock, no module names.

One rule holds in every order of events: while a list is known and nothing imports it, either the preloader has the
newest list, or the next round is scheduled. A save is not an event here, so no save can delay a round.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from appliance import state_table
from appliance.protocol.record import Record, replace
from appliance.supervisor.preloading.preload_events import (
    Action,
    Discard,
    EndRound,
    Event,
    Exclude,
    ForkAhead,
    ForkMismatched,
    ListLoaded,
    ListReported,
    PreloaderEnded,
    PreloadRefused,
    Promote,
    ReportEnded,
    ReportRefused,
    RoundDue,
    RoundEnded,
    RoundFinished,
    RoundNotStarted,
    RoundStarted,
    Save,
    Schedule,
    SpareDue,
    SpareForked,
    SpareGone,
    StartRound,
    StopRequested,
    WorkerRequested,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

GROWN_S = 2.0  # more modules are rarely loaded alone
REPLACED_S = 0.3  # a cold start that is under way has priority
ENDED_S = 2.0  # the wait after a preloader has ended by itself
LATER_S = 60.0  # the longest wait before a preloader that could not be started is tried again
ROUNDS = 8  # rounds in a row with a finding, until preloading is given up; three are usual
REMAKES = 3  # preloaders in a row that end by themselves, until preloading is given up


class Phase(enum.Enum):
    """Whether a list is known, and whether a round is under way."""

    UNKNOWN = "unknown"  # no list of modules
    WAITING = "waiting"  # nothing imports the list; there may be a preloader
    IMPORTING = "importing"  # a round is under way; there may be an older preloader
    REFUSED = "refused"  # nothing may be preloaded in this environment
    OFF = "off"  # by a setting, or the appliance stops


class PreloadRole(enum.Enum):
    """The processes that a table's action or a performer may mean."""

    READY = "ready"  # the preloader that workers are forked from
    IMPORTING = "importing"  # the process of the round that is under way
    COPY = "copy"  # a copy of IMPORTING from before its imports; it begins the next round without a start
    SPARE = "spare"  # a worker, forked ahead


class State(Record):
    """Lists are numbered: each addition, and each module that is left out, makes a newer one.

    Attributes:
        reason: why it is REFUSED or OFF.
        newest: the number of the newest list; 0 while none is known.
        importing: the list of the round that is under way.
        ready: the list that the preloader has imported.
        proven: the newest list was imported once without a finding, in this process's life or an earlier one.
        pause_s: the wait before the next round while there is no preloader.
        spare: the SPARE is there.
        rounds: how many rounds in a row had a finding.
        remakes: how many times in a row the preloader has ended by itself.
        misses: how many times in a row no process could be started.
    """

    phase: Phase = Phase.UNKNOWN
    reason: str = ""
    newest: int = 0
    importing: int | None = None
    ready: int | None = None
    proven: bool = False
    pause_s: float = 0.0
    spare: bool = False
    rounds: int = 0
    remakes: int = 0
    misses: int = 0


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def delay_s(state: State) -> float | None:
    """Return the seconds until the next round begins; None if no round is due."""
    if state.phase is not Phase.WAITING or state.ready == state.newest:
        return None
    return state.pause_s if state.ready is None else max(GROWN_S, state.pause_s)


def fork_source(state: State) -> PreloadRole | None:
    """Return the process from which the next worker is forked; None for a cold start.

    A first round may take seconds, and may find something unsafe: so no worker waits for the round.
    """
    if state.spare:
        return PreloadRole.SPARE
    if state.ready is not None:
        return PreloadRole.READY
    return PreloadRole.IMPORTING if state.importing is not None and state.proven else None


def _wait(state: State, *actions: Action) -> Step:
    """Begin the next round when it is due, whatever has happened."""
    after_s = delay_s(state)
    return state, actions if after_s is None else (*actions, Schedule(after_s))


def _without_processes(state: State) -> State:
    return replace(state, phase=Phase.WAITING, importing=None, ready=None, spare=False)


def _refuse(state: State, reason: str, *before: Action) -> Step:
    refused = replace(_without_processes(state), phase=Phase.REFUSED, reason=reason)
    return refused, (*before, ReportRefused(reason), Save(), Discard())


def _exclude(state: State, found: Mapping[str, str], *before: Action) -> Step:
    """Begin another round without these."""
    state = replace(state, newest=state.newest + 1, proven=False, rounds=state.rounds + 1)
    actions = (*before, Exclude(found), Save())
    if state.rounds > ROUNDS:
        return _refuse(state, "what is unsafe to preload differs each time", *actions)
    return _wait(state, *actions)


def _list_loaded(state: State, event: ListLoaded) -> Step:
    fresh = State(misses=state.misses)
    if not event.known:
        return fresh, (Discard(),)
    # If the list is proven, a round begins as soon as the first worker is requested.
    known = replace(fresh, phase=Phase.WAITING, newest=1, proven=event.proven, pause_s=REPLACED_S)
    return _wait(known, Discard())


def _list_reported(state: State, event: ListReported) -> Step:
    if state.phase is Phase.UNKNOWN:
        state = replace(state, phase=Phase.WAITING, newest=1)
    elif event.grown:
        state = replace(state, newest=state.newest + 1, proven=False)
    if state.pause_s == REPLACED_S:
        state = replace(state, pause_s=0.0)  # the cold start that comes first is over
    return _wait(state, Save())


def _mismatched(state: State, event: ForkMismatched) -> Step:
    if not (event.found or event.stale):
        return state, ()  # a doubt: only a cold start can decide
    left_out: tuple[Action, ...] = ()
    if event.found:
        state, left_out = replace(state, newest=state.newest + 1, proven=False), (Exclude(event.found),)
    state = replace(_without_processes(state), pause_s=REPLACED_S)
    return _wait(state, *left_out, Save(), Discard())


def _requested(state: State, _event: WorkerRequested) -> Step:
    return state, (StartRound(),) if state.proven and state.ready is None else ()


def _fork_ahead(state: State, _event: SpareDue) -> Step:
    return state, (ForkAhead(),) if state.ready is not None and not state.spare else ()


def _due(state: State, _event: RoundDue) -> Step:
    return state, () if delay_s(state) is None else (StartRound(),)


def _started(state: State, _event: RoundStarted) -> Step:
    return replace(state, phase=Phase.IMPORTING, importing=state.newest), ()


def _not_started(state: State, event: RoundNotStarted) -> Step:
    """Try again later; until then every start is a cold one."""
    misses = state.misses + 1
    state = replace(state, misses=misses, pause_s=min(2.0**misses, LATER_S))
    return _wait(state, *([ReportEnded(event.how)] if misses == 1 else []))


def _finished(state: State, event: RoundFinished) -> Step:
    if event.found or event.refused:
        state = replace(state, phase=Phase.WAITING, importing=None)
        if event.refused and not state.proven:
            return _refuse(state, event.refused, EndRound())
        return _exclude(state, event.found, EndRound())
    spare = state.spare and state.ready is None
    state = replace(
        state, phase=Phase.WAITING, ready=state.importing, importing=None, pause_s=0.0, spare=spare,
        rounds=0, misses=0, proven=state.importing == state.newest,
    )  # fmt: skip
    return _wait(state, Save(), Promote(event.import_s))  # the file first: the log says that the list is kept


def _round_ended(state: State, event: RoundEnded) -> Step:
    state = replace(state, phase=Phase.WAITING, importing=None)
    if not event.forked:
        return _wait(state)  # there was no copy: start another process
    if event.found:
        return _exclude(state, event.found)
    return _refuse(state, f"the preloader ended ({event.how})")


def _preloader_ended(state: State, event: PreloaderEnded) -> Step:
    if state.ready is None:
        return state, ()
    remakes = 1 if event.lasted else state.remakes + 1
    state = replace(state, ready=None, pause_s=ENDED_S, remakes=remakes)
    if remakes > REMAKES:
        return _refuse(state, f"the preloader ended ({event.how}) again and again", ReportEnded(event.how))
    return _wait(state, ReportEnded(event.how))


def _stop(state: State, event: StopRequested) -> Step:
    return replace(_without_processes(state), phase=Phase.OFF, reason=event.reason), (Discard(),)


def _refused_again(state: State, event: PreloadRefused) -> Step:
    return (state, ()) if event.reason == state.reason else _refuse(state, event.reason)


_ALWAYS: dict[type[Event], Row] = {ListLoaded: _list_loaded, StopRequested: _stop}
_KNOWN: dict[type[Event], Row] = {
    **_ALWAYS,
    ListReported: _list_reported,
    ForkMismatched: _mismatched,
    PreloadRefused: lambda state, event: _refuse(state, event.reason),
    SpareDue: _fork_ahead,
    SpareForked: lambda state, _: (replace(state, spare=True), ()),
    SpareGone: lambda state, _: (replace(state, spare=False), ()),
    PreloaderEnded: _preloader_ended,
}

EVENTS: tuple[type[Event], ...] = (
    ListLoaded, ListReported, ForkMismatched, PreloadRefused, WorkerRequested, SpareDue, SpareForked, SpareGone,
    RoundDue, RoundStarted, RoundNotStarted, RoundFinished, RoundEnded, PreloaderEnded, StopRequested,
)  # fmt: skip

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.UNKNOWN: {
        **_ALWAYS,
        ListReported: _list_reported,
        PreloadRefused: lambda state, event: _refuse(state, event.reason),
    },
    Phase.WAITING: {
        **_KNOWN,
        WorkerRequested: _requested,
        RoundDue: _due,
        RoundStarted: _started,
        RoundNotStarted: _not_started,
    },
    Phase.IMPORTING: {**_KNOWN, RoundFinished: _finished, RoundEnded: _round_ended},
    Phase.REFUSED: {
        **_ALWAYS,
        # Modules that are reported meanwhile are kept: another version of the appliance may preload them.
        ListReported: lambda state, _: (state, (Save(),)),
        ForkMismatched: lambda state, event: (state, (Exclude(event.found), Save()) if event.found else ()),
        PreloadRefused: _refused_again,
    },
    Phase.OFF: {},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
