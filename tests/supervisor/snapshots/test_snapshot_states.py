"""The table of snapshots, as histories of events, and over every sequence."""

from __future__ import annotations

import pytest

from appliance.protocol.record import replace
from appliance.supervisor.snapshots.known_snapshots import (
    FIRST_S,
    LATER_S,
    LATEST_S,
    NOT_READY,
    NOT_SAVED,
    QUIET_S,
    NewestWorker,
    Phase,
    SnapshotRole,
    SnapshotState,
    State,
    delay_s,
    fork_source,
    latest_s,
    why_not,
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
from appliance.supervisor.snapshots.snapshot_states import EVENTS, OTHER_PACKAGES, REPLACED, ROWS, step
from tests.supervisor.histories import History

history: History[State, Event, Action] = History(step, State)

SERVING = [WorkerStarted(swapping=False), WorkerReady(), PreloaderReady()]
IMPORTING = [*SERVING, ImportDue(), ImportStarted()]
READY = [*IMPORTING, Imported(), SpareForked()]
SAVED = [FilesChanged(), WorkerWanted()]
SWAPPED = [*READY, *SAVED, SpareGone(), WorkerStarted(swapping=True), WorkerReady()]
COMPARING = [*SWAPPED, ImportDue(), ImportStarted(), Imported()]
REPEATING = [*COMPARING, Compared(("app",))]


def due(after_s: float, latest_s: float = LATEST_S) -> Schedule:
    """The next import while there is no snapshot."""
    return Schedule(after_s, max(after_s, latest_s))


def test_the_first_snapshot_is_made_at_once():
    """Once a worker serves and there is a preloader, the first snapshot is imported; a copy of it is forked ahead."""
    assert history(*SERVING[:2])[1] == []
    state, actions = history(*SERVING)
    assert (actions, why_not(state)) == ([due(FIRST_S)], NOT_READY)
    assert history(ImportDue(), state=state)[1] == [StartImport()]
    state, actions = history(ImportDue(), ImportStarted(), Imported(), state=state)
    assert actions == [Promote(), ForkAhead()]
    assert (state.snapshot, fork_source(state), why_not(state)) == (SnapshotState.SHARED, None, NOT_SAVED)


def test_a_save_is_served_from_the_snapshot():
    """A save of modules takes the spare, or the snapshot while there is none; a start for no save takes neither."""
    state, _ = history(*READY, *SAVED)
    assert (fork_source(state), why_not(state)) == (SnapshotRole.SPARE, "")
    state, _ = history(SpareGone(), state=state)
    assert fork_source(state) is SnapshotRole.SNAPSHOT
    state, _ = history(WorkerStarted(swapping=True), state=state)
    assert (fork_source(state), why_not(state)) == (None, NOT_SAVED)


def test_an_equal_state_replaces_the_snapshot():
    """After a swap, when quiet, the project is imported; if the states are equal, the import is the next snapshot."""
    state, actions = history(*SWAPPED)
    assert (actions, state.worker) == ([Schedule(QUIET_S)], NewestWorker.UNVERIFIED)
    state, actions = history(ImportDue(), ImportStarted(), Imported(), state=state)
    assert (state.phase, actions) == (Phase.COMPARING, [Compare()])
    state, actions = history(Compared(), state=state)
    assert (actions, state.worker) == ([ReportVerified(), Promote(), ForkAhead()], NewestWorker.SERVING)
    assert not state.spare
    assert delay_s(state) is None


@pytest.mark.parametrize("begun", [COMPARING, REPEATING])
def test_a_snapshot_with_little_to_swap_stays(begun: list[Event]):
    """If nothing differs and few files have changed, the snapshot goes on, and shares its memory with the worker."""
    state, actions = history(*begun, Compared(keep=True))
    assert actions == [EndImport(), ReportVerified()]
    assert (state.worker, state.snapshot) == (NewestWorker.SERVING, SnapshotState.SHARED)
    assert (delay_s(state), fork_source(history(*SAVED, state=state)[0])) == (None, SnapshotRole.SNAPSHOT)
    lost, _ = history(*begun, state=None)
    lost, actions = history(Compared(keep=True), state=replace(lost, snapshot=SnapshotState.NONE, spare=False))
    assert Promote() in actions


def test_a_difference_of_each_import_is_not_a_mismatch():
    """A difference is looked for between two imports as well: if it is there too, the swap is good."""
    state, actions = history(*REPEATING)
    assert (state.phase, actions) == (Phase.REPEATING, [Repeat()])
    assert history(Compared(), state=state)[1] == [ReportVerified(), Promote(), ForkAhead()]


def test_a_mismatch_replaces_the_worker():
    """A difference that two imports do not have is reported, and another worker replaces the swapped one."""
    state, actions = history(*REPEATING, Compared(("app",)))
    assert actions == [ReportMismatch(("app",)), Promote(), ReplaceWorker()]
    assert (fork_source(state), why_not(state)) == (None, REPLACED)
    state, actions = history(WorkerStarted(swapping=False), WorkerReady(), state=state)
    assert (actions, state.worker) == ([], NewestWorker.SERVING)


@pytest.mark.parametrize("begun", [SWAPPED[:-1], [*SWAPPED, ImportDue(), ImportStarted()], COMPARING, REPEATING])
def test_a_save_ends_a_comparison(begun: list[Event]):
    """A save while something is compared ends that: it would read newer files. The snapshot serves the save."""
    state, actions = history(*begun, FilesChanged())
    assert (EndImport() in actions) is (begun[-1] != WorkerStarted(swapping=True))
    state, _ = history(WorkerWanted(), state=state)
    assert (state.phase, fork_source(state)) == (Phase.WAITING, SnapshotRole.SNAPSHOT)
    state, actions = history(WorkerStarted(swapping=True), WorkerReady(), state=state)
    assert actions == [Schedule(QUIET_S)]


@pytest.mark.parametrize("crowded", [True, False])
def test_the_first_import_goes_on_through_a_save(crowded: bool):
    """The import goes on; with one processor it stands still while a worker is started, which does not wait for it."""
    state, actions = history(*IMPORTING, *SAVED, state=State(crowded=crowded))
    assert (actions, fork_source(state), why_not(state)) == ([], None, NOT_READY)
    state, actions = history(WorkerStarted(swapping=False, crowded=crowded), state=state)
    assert actions == [Pause()] * crowded
    for event in (WorkerReady(), WorkerGone()):
        assert history(event, state=state)[1] == [Resume()] * crowded
    state, _ = history(WorkerReady(), Imported(), SpareForked(), *SAVED, state=state)
    assert fork_source(state) is SnapshotRole.SPARE


def test_the_first_snapshot_is_imported_beside_a_worker_that_starts():
    """If saves leave no moment between two workers, a second processor imports the snapshot; one alone waits."""
    starting = [PreloaderReady(), *SAVED, WorkerStarted(swapping=False)]
    state, actions = history(*starting)
    assert actions == [due(FIRST_S)]
    state, actions = history(ImportDue(), state=state)
    assert actions == [StartImport()]
    state, actions = history(ImportStarted(), WorkerReady(), *SAVED, WorkerStarted(swapping=False), state=state)
    assert actions == []
    state, actions = history(Imported(), state=state)
    assert actions == [Promote()]
    assert fork_source(history(WorkerReady(), *SAVED, state=state)[0]) is SnapshotRole.SNAPSHOT
    busy = [PreloaderReady(), *SAVED, WorkerStarted(swapping=False, crowded=True)]
    assert history(*busy)[1] == []
    assert delay_s(history(*READY, *SAVED, WorkerStarted(swapping=False))[0]) is None


def test_an_import_goes_on_when_the_machine_has_time_again():
    """An import that was paused for one worker goes on beside the next one, if the processors are no longer busy."""
    paused, _ = history(*IMPORTING, WorkerStarted(swapping=False, crowded=True))
    assert history(*SAVED, WorkerStarted(swapping=False), state=paused)[1] == [Resume()]


@pytest.mark.parametrize("begun", [READY, SWAPPED, IMPORTING, COMPARING, REPEATING])
def test_what_can_not_be_swapped_drops_everything(begun: list[Event]):
    """A change of something else than modules ends the snapshot and what is made; the next one is made when quiet."""
    state, actions = history(*begun, FilesChanged("settings.toml is no module"))
    assert actions[-1:] == [due(QUIET_S if begun is not IMPORTING else FIRST_S)]
    assert (EndSnapshot() in actions) is (begun is not IMPORTING)
    assert (EndImport() in actions) is (begun in (IMPORTING, COMPARING, REPEATING))
    state, _ = history(WorkerWanted(), state=state)
    assert (fork_source(state), why_not(state)) == (None, "settings.toml is no module")
    state, actions = history(WorkerStarted(swapping=False), WorkerReady(), state=state)
    assert actions == [due(QUIET_S if begun is not IMPORTING else FIRST_S)]


def test_a_declined_swap_drops_the_snapshot():
    """A worker that declines is followed by one from the preloader; the snapshot is out of date."""
    state, actions = history(*READY, *SAVED, WorkerStarted(swapping=True), SwapDeclined("a signature has changed"))
    assert (actions, fork_source(state), why_not(state)) == (
        [EndSnapshot(), due(QUIET_S, 2 * LATEST_S)],
        None,
        "a signature has changed",
    )
    _, actions = history(WorkerStarted(swapping=False), WorkerReady(), state=state)
    assert actions == [due(QUIET_S, 2 * LATEST_S)]


def test_a_failed_swap_is_a_miss():
    """A worker from the snapshot that ends before it is ready counts as a snapshot that has failed."""
    state, actions = history(*READY, *SAVED, WorkerStarted(swapping=True), SwapFailed("killed by SIGKILL"))
    assert (actions, state.failures_in_a_row) == ([ReportEnded("killed by SIGKILL"), EndSnapshot(), due(2.0)], 1)
    assert history(WorkerStarted(swapping=False), WorkerReady(), state=state)[1] == [due(2.0)]


def test_saves_that_no_snapshot_can_serve():
    """Each declined swap doubles the longest wait for the next snapshot; one that serves ends that."""
    state, waits = history(*READY)[0], []
    for _ in range(6):
        state, actions = history(*SAVED, WorkerStarted(swapping=True), SwapDeclined("a class"), state=state)
        waits += [each.latest_s for each in actions if isinstance(each, Schedule)]
        state, _ = history(WorkerReady(), ImportDue(), ImportStarted(), Imported(), state=state)
    assert waits == [LATEST_S * times for times in (2, 4, 8, 16, 16, 16)]
    state, _ = history(*SAVED, WorkerStarted(swapping=True), WorkerReady(), SnapshotEnded("killed"), state=state)
    assert latest_s(state) == LATEST_S


def test_a_refused_project_waits_for_a_save():
    """An import that can't be forked from is reported; the next one follows a save, after longer and longer pauses."""
    state, actions = history(*IMPORTING, Imported("app starts a thread"))
    assert actions == [EndImport(), ReportRefused("app starts a thread")]
    assert (delay_s(state), why_not(state)) == (None, "app starts a thread")
    pauses = []
    for _ in range(10):
        state, _ = history(*SAVED, WorkerStarted(swapping=False), WorkerReady(), state=state)
        pauses.append(delay_s(state))
        state, _ = history(ImportDue(), ImportStarted(), Imported("app starts a thread"), state=state)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, LATER_S, LATER_S]


@pytest.mark.parametrize("failure", [NextEnded("exit status 1"), ImportNotStarted("no descriptor")])
def test_a_snapshot_that_fails_is_tried_again_and_reported_once(failure: Event):
    """A snapshot that ends, or can't be started, is tried again after growing pauses, and reported once."""
    state, reported = history(*SERVING)[0], []
    for pause_s in (2.0, 4.0, 8.0):
        state, actions = history(ImportDue(), state=state)
        assert actions == [StartImport()]
        if isinstance(failure, NextEnded):
            state, _ = history(ImportStarted(), state=state)
        state, actions = history(failure, state=state)
        assert actions[-1] == due(pause_s)
        reported += [each for each in actions if isinstance(each, ReportEnded)]
    assert len(reported) == 1


def test_a_killed_snapshot_goes_with_its_spare_and_is_made_again():
    """A snapshot that is killed goes with its spare; a new one is made, and the worker's swap is never compared."""
    state, actions = history(*SWAPPED, SnapshotEnded("killed by SIGKILL"))
    assert actions == [ReportEnded("killed by SIGKILL"), EndSnapshot(), due(2.0)]
    unverified = ReportUnverified("the snapshot that it came from has ended")
    assert history(ImportDue(), ImportStarted(), Imported(), state=state)[1] == [unverified, Promote(), ForkAhead()]
    actions = history(*COMPARING, SnapshotEnded("killed by SIGKILL"))[1]
    assert actions == [ReportEnded("killed by SIGKILL"), EndSnapshot(), unverified, Promote(), ForkAhead()]
    assert history(*IMPORTING, SnapshotEnded("late")) == (*history(*IMPORTING)[:1], [])


def test_the_import_replaces_a_snapshot_that_could_not_be_compared():
    """Without an answer the import replaces the snapshot; without a second import the worker is replaced too."""
    assert history(*COMPARING, NotCompared("no process"))[1] == [
        ReportUnverified("no process"), Promote(), ForkAhead(),
    ]  # fmt: skip
    assert history(*REPEATING, NotCompared("no process"))[1] == [
        ReportUnverified("no process"), Promote(), ReplaceWorker(),
    ]  # fmt: skip


def test_other_packages_drop_the_snapshot():
    """A snapshot has the packages of the preloader that it came from: it goes when that one is discarded."""
    state, actions = history(*READY, PreloaderGone())
    assert (actions, state.snapshot, delay_s(state)) == ([EndSnapshot()], SnapshotState.NONE, None)
    assert history(PreloaderReady(), state=state)[1] == [due(QUIET_S)]


def test_another_preloader_leaves_the_snapshot():
    """A preloader that has a longer list, or is started again, leaves the snapshot; another one follows when quiet."""
    state, actions = history(*READY, PreloaderEnded(), PreloaderReady())
    assert (actions, fork_source(history(*SAVED, state=state)[0])) == ([Schedule(QUIET_S)], SnapshotRole.SPARE)
    state, actions = history(ImportDue(), ImportStarted(), Imported(), state=state)
    assert (actions, delay_s(state)) == ([Promote(), ForkAhead()], None)
    assert delay_s(history(*SWAPPED, PreloaderEnded())[0]) is None


def test_a_snapshot_of_the_preloader_before_serves_until_the_next():
    """A snapshot whose preloader is replaced while it imports serves, and another one follows when quiet."""
    state, actions = history(*IMPORTING, PreloaderReady(), Imported())
    assert actions == [Promote(), ForkAhead(), Schedule(QUIET_S)]
    state, _ = history(*SAVED, WorkerStarted(swapping=True), WorkerReady(), state=state)
    state, actions = history(ImportDue(), ImportStarted(), Imported(), Compared(keep=True), state=state)
    assert actions == [ReportVerified(), Promote(), ForkAhead()]
    assert delay_s(state) is None


@pytest.mark.parametrize("preloaded", [[*SWAPPED, PreloaderReady()], [*COMPARING, PreloaderReady()]])
def test_a_difference_between_two_preloaders_is_not_a_mismatch(preloaded: list[Event]):
    """A difference from an import of another preloader is not a mismatch of the swap; still, the worker is replaced."""
    events = [] if preloaded[:-1] == COMPARING else [ImportDue(), ImportStarted(), Imported()]
    state, actions = history(*preloaded, *events, Compared(("the process",)))
    assert actions == [ReportUnverified(OTHER_PACKAGES), Promote(), ReplaceWorker()]
    assert (state.worker, why_not(state)) == (NewestWorker.NONE, REPLACED)


def test_another_project_has_another_snapshot():
    """Another application, environment or variable ends everything; the next snapshot waits for its worker."""
    state, actions = history(*COMPARING, ProjectChanged())
    assert (actions, delay_s(state), fork_source(state)) == ([EndImport(), EndSnapshot()], None, None)
    assert history(WorkerStarted(swapping=False), WorkerReady(), state=state)[1] == [due(QUIET_S)]


def test_one_spare_is_forked_ahead_for_each_save():
    """One copy of the snapshot is forked ahead; without a snapshot there is none."""
    state, _ = history(*READY)
    assert history(SpareDue(), state=state)[1] == []
    assert history(SpareGone(), SpareDue(), state=state)[1] == [ForkAhead()]
    assert history(*SERVING, SpareDue())[1] == []
    assert history(*SERVING, SpareForked())[0].spare is False


def test_after_a_crash_no_snapshot_is_used():
    """A worker that replaces one that died is forked from the preloader, although there is a snapshot."""
    state, _ = history(*SWAPPED, WorkerGone())
    assert (state.worker, fork_source(state), why_not(state)) == (NewestWorker.NONE, None, NOT_SAVED)
    assert history(*COMPARING, WorkerGone())[1] == [EndImport()]


def test_a_stop_ends_every_snapshot():
    """After a stop nothing happens, for the reason that was given."""
    state, actions = history(*COMPARING, StopRequested("the appliance stops"))
    assert (state.phase, actions, why_not(state)) == (Phase.OFF, [EndImport(), EndSnapshot()], "the appliance stops")
    assert fork_source(replace(state, wanted=True)) is None


def test_each_kind_of_event_is_listed():
    """Each kind of event has a row somewhere, and each phase has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Phase)
