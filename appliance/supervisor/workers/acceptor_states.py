"""Decide who accepts connections: a pure table, (state, event) to (state, actions).

If a worker serves, it accepts. Otherwise the stand-in shows a page that says why, after clients have waited a little:
most saves are served sooner. The stand-in is started shortly before a client would notice the wait, or at once if no
worker can serve until something changes. While the stand-in can't be started, the supervisor itself answers.
Connections that were handed over go to the process that accepts. ``connection_router`` performs the actions, and holds
processes and connections. No process, no clock.
"""

from __future__ import annotations

import enum

from appliance import state_table
from appliance.protocol.record import Record, replace
from appliance.supervisor.workers.acceptor_events import (
    AcceptorGone,
    Action,
    AnswerHere,
    AnswerWaiting,
    BeginWait,
    CancelStart,
    CloseWaiting,
    ConnectionsArrived,
    Event,
    NoDescriptor,
    OwnPagesAsked,
    Page,
    PageNotShown,
    PageShown,
    PartSent,
    RefuseOwnPages,
    ReportFailure,
    SendDue,
    SendLater,
    SendToStandIn,
    SendWaiting,
    ShowPage,
    StandInEnded,
    StandInNotStarted,
    StandInStarted,
    StartDue,
    StartForOwnPages,
    StartLater,
    StartStandIn,
    StopAnswering,
    StopRequested,
    StopStandIn,
    WorkerEnded,
    WorkerServes,
    WorkFailed,
    WorkProgressed,
)

SENDS_MAX = 25  # attempts in a row to send waiting connections; then they are closed, and clients connect again


class Accepting(enum.Enum):
    """The process that accepts connections."""

    NOBODY = "nobody"  # new connections wait in the listening socket's queue, handed-over ones in the supervisor
    WORKER = "worker"
    STANDIN = "standin"
    SUPERVISOR = "supervisor"  # until a stand-in can be started, and be sent its page
    CLOSED = "closed"  # the appliance stops


class State(Record):
    """The worker that accepts, and the states of the others.

    Attributes:
        standin: a stand-in runs; while a worker serves, it answers the appliance's own pages alone.
        page: what the stand-in shows; None while a worker serves.
        holds: the stand-in holds each connection for the rest of its wait before it shows the page.
        version: counts the pages.
        generation: the worker that serves, or did last.
        start_due: a stand-in will be started, or sent its page again.
        failure_reported: the log says that no stand-in can be started.
        failed_sends: how many times in a row waiting connections could not be sent, because no descriptor was free.
        send_due: waiting connections will be sent again.
    """

    acceptor: Accepting = Accepting.NOBODY
    standin: bool = False
    page: Page | None = None
    holds: bool = True
    version: int = 0
    generation: int = 0
    start_due: bool = False
    failure_reported: bool = False
    failed_sends: int = 0
    send_due: bool = False


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _without_start(state: State) -> Step:
    return (replace(state, start_due=False), (CancelStart(),)) if state.start_due else (state, ())


def _with_page(state: State, page: Page, *, holds: bool) -> Step:
    version = state.version + 1
    changed = replace(state, page={**page, "version": version}, holds=holds, version=version)
    if state.page is None:
        return replace(changed, acceptor=Accepting.NOBODY), (BeginWait(),)
    return changed, ()


def _show(state: State) -> tuple[Action, ...]:
    """Send the newest page to the process that shows it, the stand-in or the supervisor; at first there is no page."""
    if state.page is None:
        return ()
    if state.standin:
        return (ShowPage(state.page, state.holds),)
    return (AnswerHere(state.page),) if state.acceptor is Accepting.SUPERVISOR else ()


def _progressed(state: State, event: WorkProgressed) -> Step:
    state, before = _with_page(state, event.page, holds=True)
    shown = () if state.acceptor is Accepting.NOBODY else _show(state)
    if state.start_due or state.acceptor is Accepting.STANDIN:
        return state, (*before, *shown)
    return replace(state, start_due=True), (*before, *shown, StartLater())


def _failed(state: State, event: WorkFailed) -> Step:
    state, before = _with_page(state, event.page, holds=False)
    state, cancel = _without_start(state)
    start = () if state.standin else (StartStandIn(),)
    return state, (*before, *cancel, *_show(state), *start)


def _start(state: State, _event: StartDue) -> Step:
    state = replace(state, start_due=False)
    if state.page is None:
        return state, ()
    return state, _show(state) if state.standin else (StartStandIn(),)


def _started(state: State, _event: StandInStarted) -> Step:
    state = replace(state, standin=True, failure_reported=False)
    return state, _show(state) or (StopStandIn(state.generation),)


def _not_started(state: State, event: StandInNotStarted) -> Step:
    reported = state.failure_reported and not event.defect
    state = replace(state, failure_reported=state.failure_reported or not event.defect)
    return _answer_here(state, *(() if reported else (ReportFailure(event.error),)))


def _shown(state: State, _event: PageShown) -> Step:
    if state.page is None or not state.standin:
        return state, ()  # a worker serves, or the stand-in has ended
    state, cancel = _without_start(state)
    return replace(state, acceptor=Accepting.STANDIN), (*cancel, *_stop_answering(state), SendWaiting())


def _stop_answering(state: State) -> tuple[Action, ...]:
    return (StopAnswering(),) if state.acceptor is Accepting.SUPERVISOR else ()


def _not_shown(state: State, event: PageNotShown) -> Step:
    return _answer_here(state, ReportFailure(event.error))


def _answer_here(state: State, *after: Action) -> Step:
    """Answer all connections in the supervisor, also those that wait; try soon to start a stand-in again."""
    if (page := state.page) is None:
        return state, after
    state = replace(state, acceptor=Accepting.SUPERVISOR, start_due=True)
    return state, (AnswerHere(page), AnswerWaiting(), StartLater(again=True), *after)


def _standin_ended(state: State, event: StandInEnded) -> Step:
    state = replace(state, standin=False)
    if not event.expected:
        return _answer_here(state)
    return (_nobody(state) if state.acceptor is Accepting.STANDIN else state), ()


def _nobody(state: State) -> State:
    return replace(state, acceptor=Accepting.NOBODY)


def _serve(state: State, event: WorkerServes) -> Step:
    stop = (StopStandIn(event.generation),) if state.standin else ()
    answering = _stop_answering(state)
    state, cancel = _without_start(state)
    state = replace(state, acceptor=Accepting.WORKER, page=None, generation=event.generation)
    return state, (*cancel, *answering, *stop, SendWaiting())


def _no_descriptor(state: State, event: NoDescriptor) -> Step:
    if state.send_due:
        return state, ()  # more connections have arrived: this is not another failure
    failed = (state.failed_sends + 1) % SENDS_MAX
    if not failed:
        return replace(state, failed_sends=0), (CloseWaiting(event.error),)
    return replace(state, failed_sends=failed, send_due=True), (SendLater(),)


def _send_again(state: State, _event: SendDue) -> Step:
    accepts = state.acceptor in {Accepting.WORKER, Accepting.STANDIN}
    return replace(state, send_due=False), (SendWaiting(),) if accepts else ()


def _part_sent(state: State, _event: PartSent) -> Step:
    return (replace(state, failed_sends=0) if state.failed_sends else state), ()


def _own_pages(state: State, event: OwnPagesAsked) -> Step:
    if state.standin:
        return state, (SendToStandIn(event.connections),)
    refused = event.restart_early or state.acceptor is Accepting.CLOSED
    return state, (RefuseOwnPages(event.connections) if refused else StartForOwnPages(event.connections),)


def _stop(state: State, _event: StopRequested) -> Step:
    answering = _stop_answering(state)
    state, cancel = _without_start(state)
    return replace(state, acceptor=Accepting.CLOSED, page=None), (*cancel, *answering, CloseWaiting())


EVENTS: tuple[type[Event], ...] = (
    WorkerServes, WorkProgressed, WorkFailed, StartDue, StandInStarted, StandInNotStarted, PageShown, PageNotShown,
    StandInEnded, WorkerEnded, ConnectionsArrived, PartSent, AcceptorGone, NoDescriptor, SendDue, OwnPagesAsked,
    StopRequested,
)  # fmt: skip

# Events that may come at any time.
_ALWAYS: dict[type[Event], Row] = {
    StandInEnded: _standin_ended,
    OwnPagesAsked: _own_pages,
    SendDue: _send_again,
}
_OPEN: dict[type[Event], Row] = {
    **_ALWAYS,
    StandInStarted: _started,
    WorkerServes: _serve,
    WorkProgressed: _progressed,
    WorkFailed: _failed,
    StopRequested: _stop,
}
# Events that may come while a process accepts.
_ACCEPTING: dict[type[Event], Row] = {
    ConnectionsArrived: lambda state, _: (state, (SendWaiting(),)),
    PartSent: _part_sent,
    AcceptorGone: lambda state, _: (_nobody(state), ()),
    NoDescriptor: _no_descriptor,
}
# Events that may come while a page waits to be shown, and no process accepts.
_STARTING: dict[type[Event], Row] = {
    StartDue: _start,
    StandInNotStarted: _not_started,
    PageShown: _shown,
    PageNotShown: _not_shown,
}

ROWS: dict[Accepting, dict[type[Event], Row]] = {
    Accepting.NOBODY: {**_OPEN, **_STARTING},
    Accepting.WORKER: {**_OPEN, **_ACCEPTING, WorkerEnded: lambda state, _: (_nobody(state), ())},
    Accepting.STANDIN: {**_OPEN, **_ACCEPTING, PageShown: _shown, PageNotShown: _not_shown},
    Accepting.SUPERVISOR: {
        **_OPEN,
        **_STARTING,
        ConnectionsArrived: lambda state, _: (state, (AnswerWaiting(),)),
    },
    Accepting.CLOSED: _ALWAYS,
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.acceptor], state, event)
