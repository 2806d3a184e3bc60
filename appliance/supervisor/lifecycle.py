"""Decide the supervisor's next step: a pure table, (state, event) to (state, actions).

Each thing that can happen is an event here, and the events may come in any order. A row of the table says what follows
from an event in a phase. No process, no clock, no socket: ``supervisor`` performs the actions.
"""

from __future__ import annotations

from appliance import state_table
from appliance.pauses import nth_pause_s
from appliance.protocol.record import Record, replace
from appliance.supervisor.lifecycle_events import (
    Action,
    AllGone,
    Analyse,
    Analysed,
    AnalysisDue,
    AnalysisFailed,
    Boot,
    CancelInstall,
    CancelPreparation,
    CodeChanged,
    Event,
    Finish,
    Install,
    Installed,
    InstallFailed,
    Kill,
    Page,
    Phase,
    PreparationFailed,
    Prepare,
    Prepared,
    ProjectChanged,
    Retire,
    RetryDue,
    RetryLater,
    ServeProject,
    ShowFailure,
    ShowProgress,
    StopAll,
    StopAsked,
    WorkerDied,
    WorkerFailed,
    WorkerReady,
)

# The wait before the n-th restart in a row of workers that died before they had served; the last wait is repeated. A
# worker that has served is always started again after the first wait: one request's crash must not delay other
# requests.
BACKOFF_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class State(Record):
    """The state of the project. Events of an older job or generation change nothing.

    Attributes:
        job: counts analyses, with the installation and the commands that follow from each.
        generation: counts the workers that were requested.
        failed: the generation that has failed or died, and that nothing has followed; 0 for none. It may be retried.
        crashes: deaths in a row of workers that had not served yet.
        prepared: the commands that come before a worker have run, or there are none.
        stale: code was saved since the last analysis: the project is analysed again before a worker starts.
    """

    phase: Phase = Phase.ANALYSING
    job: int = 1
    generation: int = 0
    failed: int = 0
    crashes: int = 0
    prepared: bool = True
    stale: bool = False


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _boot(state: State, *before: Action) -> Step:
    generation = state.generation + 1
    return (
        replace(state, phase=Phase.BOOTING, generation=generation, failed=0),
        # The worker comes first: the page is needed only if the start takes long.
        (*before, Boot(generation), ShowProgress(Phase.BOOTING)),
    )


def _analyse(state: State, *before: Action) -> Step:
    job = state.job + 1
    return (
        replace(state, phase=Phase.ANALYSING, job=job, failed=0, crashes=0, stale=False),
        (*before, ShowProgress(Phase.ANALYSING), Analyse(job)),
    )


def _broken(state: State, page: Page, *more: Action) -> Step:
    return replace(state, phase=Phase.BROKEN), (ShowFailure(page), *more)


def _analysed(state: State, event: Analysed) -> Step:
    if event.job != state.job:
        return state, ()
    state = replace(state, prepared=event.prepared)
    if event.installed:
        return _prepare(state)
    return (
        replace(state, phase=Phase.INSTALLING),
        (CancelPreparation(), ShowProgress(Phase.INSTALLING), Install(state.job)),
    )


def _prepare(state: State) -> Step:
    if state.prepared:
        return _boot(state, CancelPreparation())
    return replace(state, phase=Phase.PREPARING), (ShowProgress(Phase.PREPARING), Prepare(state.job))


def _job_failed(state: State, event: AnalysisFailed | InstallFailed | PreparationFailed) -> Step:
    return _broken(state, event.page) if event.job == state.job else (state, ())


def _installed(state: State, event: Installed) -> Step:
    if event.job != state.job:
        return state, ()
    return _analyse(state) if state.stale else _prepare(state)


def _prepared(state: State, event: Prepared) -> Step:
    if event.job != state.job:
        return state, ()
    state = replace(state, prepared=True)
    return _analyse(state) if state.stale else _boot(state)


def _outdate(state: State, _event: CodeChanged) -> Step:
    return replace(state, stale=True), ()


def _ready(state: State, event: WorkerReady) -> Step:
    if event.generation != state.generation:
        return state, ()
    return replace(state, phase=Phase.SERVING), (ServeProject(),)


def _failed(state: State, event: WorkerFailed) -> Step:
    if event.generation != state.generation:
        return state, ()
    return _broken(replace(state, crashes=0, failed=event.generation), event.page, Kill(event.generation))


def _died(state: State, event: WorkerDied) -> Step:
    if event.generation != state.generation:
        return state, ()
    crashes = 0 if event.served else state.crashes
    retry = RetryLater(event.generation, nth_pause_s(BACKOFF_S, crashes + 1))
    state = replace(state, crashes=0 if event.served else crashes + 1, failed=event.generation)
    if crashes == 0:  # after the first crash no page is shown: requests wait for the next worker
        return replace(state, phase=Phase.BOOTING), (ShowProgress(Phase.BOOTING), retry)
    return _broken(state, event.page, retry)


def _retry(state: State, event: RetryDue) -> Step:
    return _boot(state) if event.generation == state.failed else (state, ())


def _reboot(state: State, _event: CodeChanged) -> Step:
    booted, actions = _boot(replace(state, crashes=0))
    return booted, (*actions, Retire(state.generation))  # the start has retired it already, unless it has failed


def _stop(state: State, event: StopAsked) -> Step:
    return replace(state, phase=Phase.STOPPING), (StopAll(event.signal),)


def _gone(state: State, _event: AllGone) -> Step:
    return replace(state, phase=Phase.STOPPED), (Finish(),)


EVENTS: tuple[type[Event], ...] = (
    Analysed, AnalysisFailed, Installed, InstallFailed, Prepared, PreparationFailed, WorkerReady, WorkerFailed,
    WorkerDied, CodeChanged, ProjectChanged, RetryDue, AnalysisDue, StopAsked, AllGone,
)  # fmt: skip

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.ANALYSING: {
        Analysed: _analysed,
        AnalysisFailed: _job_failed,
        CodeChanged: lambda state, _: _analyse(state),
        ProjectChanged: lambda state, _: _analyse(state),
        StopAsked: _stop,
    },
    Phase.INSTALLING: {
        Installed: _installed,
        InstallFailed: _job_failed,
        CodeChanged: _outdate,
        ProjectChanged: lambda state, _: _analyse(state, CancelInstall()),
        StopAsked: _stop,
    },
    Phase.PREPARING: {
        Prepared: _prepared,
        PreparationFailed: _job_failed,
        CodeChanged: _outdate,
        # The inputs of the commands are analysed again while the commands run: if the commands themselves have written
        # these files, nothing has to run again.
        ProjectChanged: lambda state, _: _analyse(state),
        StopAsked: _stop,
    },
    Phase.BOOTING: {
        WorkerReady: _ready,
        WorkerFailed: _failed,
        WorkerDied: _died,
        RetryDue: _retry,
        CodeChanged: _reboot,
        ProjectChanged: lambda state, _: _analyse(state, Retire(state.generation)),
        StopAsked: _stop,
    },
    Phase.SERVING: {
        WorkerDied: _died,
        CodeChanged: _reboot,
        ProjectChanged: lambda state, _: _analyse(state, Retire(state.generation)),
        StopAsked: _stop,
    },
    Phase.BROKEN: {
        CodeChanged: lambda state, _: _analyse(state),
        ProjectChanged: lambda state, _: _analyse(state),
        RetryDue: _retry,
        AnalysisDue: lambda state, event: _analyse(state) if event.job == state.job else (state, ()),
        StopAsked: _stop,
    },
    Phase.STOPPING: {AllGone: _gone},
    Phase.STOPPED: {},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)


# -- an action that could not be performed -----------------------------------------------------------------------------


def failure_of(action: Action, page: Page) -> Event | None:
    """Return the event for an action that failed; None if nothing waits for the action."""
    match action:
        case Analyse(job):
            return AnalysisFailed(job, page)
        case Install(job):
            return InstallFailed(job, page)
        case Prepare(job):
            return PreparationFailed(job, page)
        case Boot(generation):
            return WorkerFailed(generation, page)
        case _:
            return None


def retry_of(action: Action) -> Event | None:
    """Return the event that repeats the action, unless something else has happened since."""
    match action:
        case Analyse(job) | Install(job) | Prepare(job):
            return AnalysisDue(job)
        case Boot(generation):
            return RetryDue(generation)
        case _:
            return None
