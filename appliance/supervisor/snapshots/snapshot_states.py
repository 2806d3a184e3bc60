"""Decide when a snapshot of the project is made, forked from, verified and dropped: a pure table.

A snapshot has imported the project ahead of the next save, and serves nothing. If a save changes only the bodies of
functions, a fork of the snapshot serves the save: it swaps these bodies. The snapshot itself does not change, so
further saves are also swapped in forks of it. When no more saves come, another process imports the project: the NEXT
snapshot. It shows whether the swaps gave the same state as an import. If many files have changed since, the NEXT
snapshot takes the place of the SNAPSHOT; otherwise the SNAPSHOT stays, because the worker that serves shares its
memory. If anything is in doubt, the SNAPSHOT is dropped, and the worker is forked from the preloader, as without
snapshots. ``snapshots`` performs the actions. No process, no clock.

One rule holds in every order of events. While a worker serves and there is a preloader, one of these is true: there is
a verified snapshot, an import runs, the next import is scheduled, or the import was refused and nothing was saved
since.
"""

from __future__ import annotations

from appliance import state_table
from appliance.protocol.record import replace
from appliance.supervisor.snapshots.known_snapshots import (
    NOT_READY,
    NewestWorker,
    Phase,
    SnapshotState,
    State,
    delay_s,
    latest_s,
)
from appliance.supervisor.snapshots.snapshot_events import (
    Action,
    Compare,
    Compared,
    EndImport,
    EndSnapshot,
    Event,
    FilesChanged,
    ForkAhead,
    ImportDue,
    Imported,
    ImportNotStarted,
    ImportStarted,
    NextEnded,
    NotCompared,
    Pause,
    PreloaderEnded,
    PreloaderGone,
    PreloaderReady,
    ProjectChanged,
    Promote,
    Repeat,
    ReplaceWorker,
    ReportEnded,
    ReportMismatch,
    ReportRefused,
    ReportUnverified,
    ReportVerified,
    Resume,
    Schedule,
    SnapshotEnded,
    SpareDue,
    SpareForked,
    SpareGone,
    StartImport,
    StopRequested,
    SwapDeclined,
    SwapFailed,
    WorkerGone,
    WorkerReady,
    WorkerStarted,
    WorkerWanted,
)

FAILED = "the snapshot of the project has failed: "
OTHER_PACKAGES = "the packages were loaded again since the snapshot was made"
REPLACED = "the worker before it differed from an import of the same files"

# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _wait(state: State, *actions: Action) -> Step:
    """Begin the next import when it is due, whatever has happened."""
    after_s = delay_s(state)
    return state, actions if after_s is None else (*actions, Schedule(after_s, latest_s(state)))


def _end_import(state: State) -> Step:
    if state.phase is Phase.WAITING:
        return state, ()
    return replace(state, phase=Phase.WAITING), (EndImport(),)


def _end_snapshot(state: State, reason: str) -> Step:
    actions = (EndSnapshot(),) if state.has_snapshot else ()
    return replace(state, snapshot=SnapshotState.NONE, spare=False, reason=reason), actions


def _fail(state: State, how: str) -> Step:
    """Count a snapshot that has failed; the first in a row is reported."""
    state = replace(state, failures_in_a_row=state.failures_in_a_row + 1)
    return state, (ReportEnded(how),) if state.failures_in_a_row == 1 else ()


def _drop(state: State, reason: str) -> Step:
    """End all processes, because of a new fact about the project."""
    state, ended = _end_import(state)
    state, dropped = _end_snapshot(state, reason)
    return _wait(state, *ended, *dropped)


def _project_changed(state: State, _event: ProjectChanged) -> Step:
    state = replace(_drop(state, NOT_READY)[0], worker=NewestWorker.NONE, refusal="", refused=False)
    return state, (EndImport(), EndSnapshot())


def _preloader_ready(state: State, _event: PreloaderReady) -> Step:
    snapshot = SnapshotState.DETACHED if state.has_snapshot else SnapshotState.NONE
    return _wait(replace(state, preloader=True, snapshot=snapshot, next_detached=state.phase is not Phase.WAITING))


def _preloader_gone(state: State, _event: PreloaderGone) -> Step:
    return _drop(replace(state, preloader=False), "the packages are loaded again")


def _files_changed(state: State, event: FilesChanged) -> Step:
    state = replace(state, refused=False)
    if event.objection:
        return _drop(state, event.objection)
    # A process that imports beside a SNAPSHOT must read the same files as the worker: the two are compared.
    state, ended = _end_import(state) if state.has_snapshot else (state, ())
    return _wait(state, *ended)


def _worker_started(state: State, event: WorkerStarted) -> Step:
    resumed = _if_crowded(state, Resume())
    worker = NewestWorker.SWAPPING if event.swapping else NewestWorker.STARTING
    reason = "" if state.has_snapshot else state.refusal or NOT_READY
    state = replace(state, worker=worker, wanted=False, crowded=event.crowded, reason=reason)
    return _end_import(state) if state.has_snapshot else _wait(state, *(_if_crowded(state, Pause()) or resumed))


def _if_crowded(state: State, action: Action) -> tuple[Action, ...]:
    return (action,) if state.phase is Phase.IMPORTING and state.crowded else ()


def _worker_ready(state: State, _event: WorkerReady) -> Step:
    if state.worker is NewestWorker.SWAPPING:
        state = replace(state, worker=NewestWorker.UNVERIFIED, declines=0)
    else:
        state = replace(state, worker=NewestWorker.SERVING)
    return _wait(state, *_if_crowded(state, Resume()))


def _worker_gone(state: State, _event: WorkerGone) -> Step:
    state = replace(state, worker=NewestWorker.NONE)
    if state.phase is Phase.IMPORTING and not state.has_snapshot:
        return state, _if_crowded(state, Resume())
    return _end_import(state)


def _stop_swapping(state: State) -> State:
    return replace(state, worker=NewestWorker.STARTING) if state.worker is NewestWorker.SWAPPING else state


def _swap_declined(state: State, event: SwapDeclined) -> Step:
    return _drop(replace(_stop_swapping(state), declines=state.declines + 1), event.reason)


def _swap_failed(state: State, event: SwapFailed) -> Step:
    state, reported = _fail(_stop_swapping(state), event.how)
    state, actions = _drop(state, FAILED + event.how)
    return state, (*reported, *actions)


def _fork_ahead(state: State, _event: SpareDue) -> Step:
    return state, (ForkAhead(),) if state.has_snapshot and not state.spare else ()


def _due(state: State, _event: ImportDue) -> Step:
    return state, () if delay_s(state) is None else (StartImport(),)


def _not_started(state: State, event: ImportNotStarted) -> Step:
    state, reported = _fail(state, event.how)
    return _wait(state, *reported)


def _verify(state: State) -> State:
    """Note that the newest worker has been compared, as far as it can be."""
    return replace(state, worker=NewestWorker.SERVING) if state.worker is NewestWorker.UNVERIFIED else state


def _promote(state: State, *before: Action) -> Step:
    snapshot = SnapshotState.DETACHED if state.next_detached else SnapshotState.SHARED
    state = replace(
        _verify(state), phase=Phase.WAITING, snapshot=snapshot, next_detached=False, spare=False, had_snapshot=True,
        failures_in_a_row=0, reason="", refusal="", refused=False,
    )  # fmt: skip
    return _wait(state, *before, Promote(), *([ForkAhead()] if state.serves else []))


def _imported(state: State, event: Imported) -> Step:
    if event.refused:
        state, actions = _drop(replace(state, refusal=event.refused, refused=True), event.refused)
        failures = state.failures_in_a_row + 1
        return replace(state, failures_in_a_row=failures), (*actions, ReportRefused(event.refused))
    if state.worker is not NewestWorker.UNVERIFIED:
        return _promote(state)
    if state.has_snapshot:
        return replace(state, phase=Phase.COMPARING), (Compare(),)
    return _promote(state, ReportUnverified("the snapshot that it came from has ended"))


def _next_ended(state: State, event: NextEnded) -> Step:
    state, ended = _end_import(state)
    state, reported = _fail(state, event.how)
    return _wait(state if state.has_snapshot else replace(state, reason=FAILED + event.how), *ended, *reported)


def _snapshot_ended(state: State, event: SnapshotEnded) -> Step:
    if not state.has_snapshot:
        return state, ()
    state, reported = _fail(state, event.how)
    state, dropped = _end_snapshot(state, FAILED + event.how)
    if state.phase is Phase.COMPARING:
        return _promote(state, *reported, *dropped, ReportUnverified("the snapshot that it came from has ended"))
    return _wait(state, *reported, *dropped)


def _verified(state: State, event: Compared) -> Step:
    if event.keep and state.snapshot is SnapshotState.SHARED:
        kept = replace(_verify(state), phase=Phase.WAITING, failures_in_a_row=0)
        return kept, (EndImport(), ReportVerified())
    return _promote(state, ReportVerified())


def _compared(state: State, event: Compared) -> Step:
    if not event.differences:
        return _verified(state, event)
    # Another preloader has loaded other modules. This may be the reason of the difference, and two imports would both
    # have it.
    if state.snapshot is SnapshotState.DETACHED:
        return _replace(state, ReportUnverified(OTHER_PACKAGES))
    return replace(state, phase=Phase.REPEATING), (Repeat(),)


def _replace(state: State, report: Action) -> Step:
    """Have a worker from the preloader serve. NEXT was made by an import, so it is correct."""
    state, actions = _promote(replace(state, worker=NewestWorker.NONE), report)
    return replace(state, reason=REPLACED), (*actions, ReplaceWorker())


def _repeated(state: State, event: Compared) -> Step:
    if not event.differences:
        return _verified(state, event)
    return _replace(state, ReportMismatch(event.differences))


def _stop(state: State, event: StopRequested) -> Step:
    off = replace(state, phase=Phase.OFF, reason=event.reason, snapshot=SnapshotState.NONE, spare=False, wanted=False)
    return off, (EndImport(), EndSnapshot())


# Events of every phase but the last.
_ALWAYS: dict[type[Event], Row] = {
    ProjectChanged: _project_changed,
    PreloaderReady: _preloader_ready,
    PreloaderEnded: lambda state, _: (replace(state, preloader=False), ()),
    PreloaderGone: _preloader_gone,
    FilesChanged: _files_changed,
    WorkerWanted: lambda state, _: (replace(state, wanted=True), ()),
    WorkerStarted: _worker_started,
    WorkerReady: _worker_ready,
    WorkerGone: _worker_gone,
    SwapDeclined: _swap_declined,
    SwapFailed: _swap_failed,
    SpareDue: _fork_ahead,
    SpareForked: lambda state, _: (replace(state, spare=state.has_snapshot), ()),
    SpareGone: lambda state, _: (replace(state, spare=False), ()),
    SnapshotEnded: _snapshot_ended,
    StopRequested: _stop,
}

EVENTS: tuple[type[Event], ...] = (
    ProjectChanged, PreloaderReady, PreloaderEnded, PreloaderGone, FilesChanged, WorkerWanted, WorkerStarted,
    WorkerReady, WorkerGone, SwapDeclined, SwapFailed, SpareDue, SpareForked, SpareGone, ImportDue, ImportStarted,
    ImportNotStarted, Imported, NextEnded, Compared, NotCompared, SnapshotEnded, StopRequested,
)  # fmt: skip

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.WAITING: {
        **_ALWAYS,
        ImportDue: _due,
        ImportStarted: lambda state, _: (replace(state, phase=Phase.IMPORTING, next_detached=False), ()),
        ImportNotStarted: _not_started,
    },
    Phase.IMPORTING: {**_ALWAYS, Imported: _imported, NextEnded: _next_ended},
    Phase.COMPARING: {
        **_ALWAYS,
        Compared: _compared,
        NotCompared: lambda state, event: _promote(state, ReportUnverified(event.why)),
        NextEnded: _next_ended,
    },
    Phase.REPEATING: {
        **_ALWAYS,
        Compared: _repeated,
        NotCompared: lambda state, event: _replace(state, ReportUnverified(event.why)),
        NextEnded: _next_ended,
    },
    Phase.OFF: {},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
