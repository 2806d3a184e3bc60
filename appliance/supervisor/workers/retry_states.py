"""Decide how a worker is started, forked or cold, and again: a pure table, (state, event) to (state, actions).

One generation of the project may need several starts, which are called attempts here. A forked worker that does not
serve what was saved is started again from a slower source, the last time cold: ``worker_events.RULES`` says for each
source which one follows. A worker whose address was in use is started again after the old workers have gone, and only
once. A worker that a newer save has superseded may report its modules before it is ended. ``lifecycle`` decides about
generations: it gets each failure and each death that no other attempt may explain. ``workers`` performs the actions. No
process, no clock.

Decision 36 says why.
"""

from __future__ import annotations

import enum
from typing import Any

from appliance import state_table
from appliance.protocol.record import Record, replace
from appliance.supervisor.workers.worker_events import (
    AHEAD,
    FASTEST,
    RULES,
    Accept,
    Action,
    AskModules,
    AwaitAddress,
    BootRequested,
    CodeSaved,
    Died,
    Drain,
    DropSource,
    Ended,
    Event,
    ExpectEnd,
    ForkLost,
    ForkMismatched,
    Imported,
    ImportFailed,
    Kill,
    KillRequested,
    ModulesReportOver,
    OldWorkersGone,
    RefusePreload,
    ReportDeath,
    ReportDeclined,
    ReportFailure,
    RetireRequested,
    Source,
    SourceDeclined,
    SourceTimedOut,
    Start,
    Started,
    StartFailed,
    StoppedAccepting,
    StopRequested,
    Supersede,
)


class Stage(enum.Enum):
    """The stage of the newest attempt."""

    NONE = "none"  # no worker is wanted, or the last one has failed and its failure was reported
    IMPORTING = "importing"
    IMPORTED = "imported"  # does not accept yet: the old worker has not left the listening socket
    ADDRESS_IN_USE = "address in use"  # the import has failed; the next attempt waits until the old workers end
    SERVING = "serving"
    CLOSED = "closed"  # the appliance stops


class State(Record):
    """The known facts about the newest attempt. Events of an earlier one change nothing.

    Attributes:
        attempt: counts the starts, over all generations.
        source: the source of the attempt; NOTHING until it is known.
        doubt: why this attempt is cold, or why the next one will be: the cold start shows whether the fork was at
            fault.
        address_retried: this generation has been started again because its address was in use.
        draining: the attempt of the old worker that has been asked to drain, and may still accept; 0 for none.
        reporting: the attempt of the superseded worker that has been asked for its modules, until it ends; 0 for none.
        ready: the worker's message Ready, kept while the worker may not accept yet.
    """

    stage: Stage = Stage.NONE
    generation: int = 0
    attempt: int = 0
    source: Source = Source.NOTHING
    doubt: str = ""
    address_retried: bool = False
    draining: int = 0
    reporting: int = 0
    ready: Any = None


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _start(state: State, *before: Action, fastest: Source) -> Step:
    state = replace(state, stage=Stage.IMPORTING, attempt=state.attempt + 1, source=Source.NOTHING, ready=None)
    return state, (*before, Start(state.generation, state.attempt, fastest))


def _start_again(state: State, *before: Action, how: str) -> Step:
    """Start a worker from what follows this attempt's source, if anything does; ``how`` the source has failed."""
    following = RULES[state.source].if_failed
    if following is None:  # a cold worker inherits nothing: after another start the same would happen
        return state, ()
    dropped = (DropSource(state.source, how),) if state.source in AHEAD else ()
    return _start(state, *before, *dropped, fastest=following)


def _end(state: State, stage: Stage = Stage.NONE) -> State:
    return replace(state, stage=stage, ready=None)


def _supersede(state: State, *, modules_needed: bool) -> Step:
    state = replace(_end(state), doubt="")
    # One at a time: while many saves come, outdated workers must not take CPU time from the newest worker.
    if modules_needed and not state.reporting:
        return replace(state, reporting=state.attempt), (AskModules(state.attempt),)
    return state, (Supersede(state.attempt),)


def _drain(state: State) -> Step:
    return replace(_end(state), draining=state.attempt), (Drain(state.attempt),)


def _retire(state: State, event: BootRequested | RetireRequested) -> Step:
    match state.stage:
        case Stage.SERVING:
            return _drain(state)
        case Stage.NONE | Stage.CLOSED:
            return state, ()
        case _:
            return _supersede(state, modules_needed=event.modules_needed)


def _boot(state: State, event: BootRequested) -> Step:
    retired, ending = _retire(state, event)
    wanted = replace(retired, generation=event.generation, address_retried=False, doubt=state.doubt)
    booted, started = _start(wanted, fastest=Source.NOTHING if state.doubt else FASTEST)
    # A worker that imports ends first: it needs the processors. One that serves drains while the new one starts, for
    # which the client waits.
    return booted, (*started, *ending) if state.stage is Stage.SERVING else (*ending, *started)


def _retire_requested(state: State, event: RetireRequested) -> Step:
    return _retire(state, event) if event.generation == state.generation else (state, ())


def _kill(state: State, event: KillRequested) -> Step:
    if event.generation != state.generation:
        return state, ()
    # Without a process nothing has run: the doubt about forked workers is still open.
    doubt = state.doubt if state.stage is Stage.NONE else ""
    return replace(_end(state), doubt=doubt), (Kill(event.generation),)


def _started(state: State, event: Started) -> Step:
    return replace(state, source=event.source), ()


def _start_failed(state: State, _event: StartFailed) -> Step:
    return _end(state), ()


def _source_declined(state: State, event: SourceDeclined) -> Step:
    following = RULES[state.source].if_declined
    if following is None:
        return state, ()
    declined = ReportDeclined(state.source, event.why, event.path)
    return _start(state, ExpectEnd(event.attempt), declined, fastest=following)


def _source_timed_out(state: State, event: SourceTimedOut) -> Step:
    if state.source not in AHEAD:
        return state, ()
    return _start_again(state, Supersede(event.attempt), how="a fork of it does not answer")


def _fork_lost(state: State, _event: ForkLost) -> Step:
    return _start_again(state, how="a fork of it has ended")


def _mismatched(state: State, event: ForkMismatched) -> Step:
    if RULES[state.source].if_failed is Source.NOTHING:
        state = replace(state, doubt=event.doubt)
    return _start_again(state, ExpectEnd(event.attempt), how="it does not fit the project")


def _import_failed(state: State, event: ImportFailed) -> Step:
    if not RULES[state.source].imports:  # only an import of the saved files can say what is wrong
        return _start_again(state, ExpectEnd(event.attempt), how="a fork of it has failed")
    state = replace(state, doubt="")  # a cold worker fails too; a forked one has said why: no fork is at fault
    if event.address_in_use and not state.address_retried:
        return _end(state, Stage.ADDRESS_IN_USE), (ExpectEnd(event.attempt), AwaitAddress(event.attempt))
    return _end(state), (ExpectEnd(event.attempt), ReportFailure(event.attempt, event.report))


def _imported(state: State, event: Imported) -> Step:
    if state.draining:
        return replace(state, stage=Stage.IMPORTED, ready=event.ready), ()
    return _accept(replace(state, ready=event.ready))


def _accept(state: State) -> Step:
    refuse = (RefusePreload(state.doubt),) if state.doubt and state.source is Source.NOTHING else ()
    accept = Accept(state.attempt, state.ready)
    return replace(state, stage=Stage.SERVING, ready=None, doubt=""), (accept, *refuse)


def _died(state: State, event: Died) -> Step:
    importing = state.stage in {Stage.IMPORTING, Stage.IMPORTED}
    if importing and state.source in AHEAD:
        return _start_again(state, how=f"a fork of it has ended ({event.how})")
    doubtful = importing and RULES[state.source].if_failed is Source.NOTHING
    doubt = f"a worker ended while it imported the project ({event.how})" if doubtful else ""
    return replace(_end(state), doubt=doubt), (ReportDeath(event.how, event.death),)


def _stopped_accepting(state: State, event: StoppedAccepting | Ended) -> Step:
    if event.attempt != state.draining:
        return state, ()
    state = replace(state, draining=0)
    return _accept(state) if state.stage is Stage.IMPORTED else (state, ())


def _modules_report_over(state: State, event: ModulesReportOver) -> Step:
    return state, (Supersede(event.attempt),) if state.reporting and event.attempt == state.reporting else ()


def _ended(state: State, event: Ended) -> Step:
    if event.attempt == state.reporting:
        state = replace(state, reporting=0)
    return _stopped_accepting(state, event)


def _retry_address(state: State, _event: OldWorkersGone) -> Step:
    return _start(replace(state, address_retried=True), fastest=Source.PRELOADER)


def _of_the_newest(row: Row) -> Row:
    return lambda state, event: row(state, event) if event.attempt == state.attempt else (state, ())


# Events of every stage but the last.
_ALWAYS: dict[type[Event], Row] = {
    BootRequested: _boot,
    RetireRequested: _retire_requested,
    KillRequested: _kill,
    StopRequested: lambda state, _: (replace(_end(state, Stage.CLOSED), doubt="", draining=0), ()),
    CodeSaved: lambda state, _: (replace(state, doubt=""), ()),
    StoppedAccepting: _stopped_accepting,
    ModulesReportOver: _modules_report_over,
    Ended: _ended,
}
_IMPORTING: dict[type[Event], Row] = {
    ForkLost: _of_the_newest(_fork_lost),
    ForkMismatched: _of_the_newest(_mismatched),
    SourceDeclined: _of_the_newest(_source_declined),
    ImportFailed: _of_the_newest(_import_failed),
    Died: _of_the_newest(_died),
}

EVENTS: tuple[type[Event], ...] = (
    BootRequested, RetireRequested, KillRequested, StopRequested, CodeSaved, Started, StartFailed, ForkLost,
    ForkMismatched, SourceDeclined, SourceTimedOut, ImportFailed, Imported, Died, StoppedAccepting, ModulesReportOver,
    Ended, OldWorkersGone,
)  # fmt: skip

ROWS: dict[Stage, dict[type[Event], Row]] = {
    Stage.NONE: _ALWAYS,
    Stage.IMPORTING: {
        **_ALWAYS,
        **_IMPORTING,
        Started: _of_the_newest(_started),
        StartFailed: _of_the_newest(_start_failed),
        SourceTimedOut: _of_the_newest(_source_timed_out),
        Imported: _of_the_newest(_imported),
    },
    Stage.IMPORTED: {**_ALWAYS, **_IMPORTING},
    Stage.ADDRESS_IN_USE: {**_ALWAYS, OldWorkersGone: _retry_address},
    Stage.SERVING: {**_ALWAYS, Died: _of_the_newest(_died)},
    Stage.CLOSED: {ModulesReportOver: _modules_report_over},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.stage], state, event)
