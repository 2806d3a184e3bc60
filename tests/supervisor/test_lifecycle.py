"""The table of the lifecycle, as histories of events, and over every sequence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.lifecycle import BACKOFF_S, EVENTS, ROWS, State, failure_of, retry_of, step
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
from tests.supervisor.histories import History

PAGE: dict[str, Any] = {"title": "why"}
SERVING = [Analysed(1, installed=True), WorkerReady(1)]


history: History[State, Event, Action] = History(step, State)


def test_a_whole_environment_leads_to_serving():
    """A project whose environment is whole is analysed, booted and served."""
    state, actions = history(Analysed(1, installed=True))
    assert (state.phase, actions) == (Phase.BOOTING, [CancelPreparation(), Boot(1), ShowProgress(Phase.BOOTING)])
    state, actions = history(WorkerReady(1), state=state)
    assert (state.phase, actions) == (Phase.SERVING, [ServeProject()])


def test_a_project_is_booted_once_it_is_installed():
    """A project whose environment is not whole is booted once it is."""
    state, actions = history(Analysed(1, installed=False))
    assert (state.phase, actions[1:]) == (Phase.INSTALLING, [ShowProgress(Phase.INSTALLING), Install(1)])
    state, actions = history(Installed(1), state=state)
    assert (state.phase, actions[-2]) == (Phase.BOOTING, Boot(1))


def test_commands_come_before_a_worker():
    """Commands before the start run once the environment is whole, and before any worker."""
    state, actions = history(Analysed(1, installed=False, prepared=False), Installed(1))
    assert (state.phase, actions) == (Phase.PREPARING, [ShowProgress(Phase.PREPARING), Prepare(1)])
    assert not state.prepared
    state, actions = history(Prepared(1), state=state)
    assert (state.phase, actions[-2], state.prepared) == (Phase.BOOTING, Boot(1), True)


def test_a_change_while_commands_run_ends_them_only_if_it_must():
    """A save of code is looked at once they have run; another change at once, and ends them only if it has to."""
    state, _ = history(Analysed(1, installed=True, prepared=False))
    saved, actions = history(CodeChanged(), state=state)
    assert actions == []
    assert history(Prepared(1), state=saved)[1][-1] == Analyse(2)
    assert Boot(1) in history(Prepared(1), Analysed(2, installed=True), state=saved)[1]
    state, actions = history(ProjectChanged(), state=state)
    assert (state.phase, actions[-1]) == (Phase.ANALYSING, Analyse(2))
    assert CancelPreparation() not in actions
    assert history(Prepared(1), state=state) == (state, [])
    assert Prepare(2) in history(Analysed(2, installed=True, prepared=False), state=state)[1]
    assert CancelPreparation() in history(Analysed(2, installed=True), state=state)[1]
    assert CancelPreparation() in history(Analysed(2, installed=False), state=state)[1]


@pytest.mark.parametrize(
    "events",
    [
        [AnalysisFailed(1, PAGE)],
        [Analysed(1, installed=False), InstallFailed(1, PAGE)],
        [Analysed(1, installed=True, prepared=False), PreparationFailed(1, PAGE)],
        [Analysed(1, installed=True), WorkerFailed(1, PAGE)],
    ],
)
def test_every_failure_is_reported_and_the_next_save_tries_again(events: list[Event]):
    """Every failure is reported at once, and the next save tries everything again."""
    state, actions = history(*events)
    assert (state.phase, ShowFailure(PAGE) in actions) == (Phase.BROKEN, True)
    state, actions = history(CodeChanged(), state=state)
    assert (state.phase, actions) == (Phase.ANALYSING, [ShowProgress(Phase.ANALYSING), Analyse(2)])


@pytest.mark.parametrize("late", [AnalysisFailed, InstallFailed, PreparationFailed])
@pytest.mark.parametrize("phase", [Phase.ANALYSING, Phase.INSTALLING, Phase.PREPARING])
def test_a_failure_of_an_older_analysis_changes_nothing(phase: Phase, late: type[AnalysisFailed]):
    """The failure of an analysis, or of what followed from it, changes nothing once there is a newer one."""
    state = State(phase=phase, job=2)
    assert history(late(1, PAGE), state=state) == (state, [])


def test_a_save_boots_a_worker_and_retires_the_one_before():
    """A save boots a worker and retires the one before, in this order, without another analysis."""
    state, actions = history(*SERVING, CodeChanged())
    assert (state.phase, state.generation) == (Phase.BOOTING, 2)
    assert [action for action in actions if isinstance(action, Retire | Boot)] == [Boot(2), Retire(1)]


def test_a_booting_worker_is_given_up_at_a_save():
    """A worker that is still booting when another save comes is given up, and its late messages change nothing."""
    state, _ = history(Analysed(1, installed=True), CodeChanged())
    assert state.generation == 2
    for late in (WorkerReady(1), WorkerFailed(1, PAGE), WorkerDied(1, PAGE, served=False)):
        assert history(late, state=state) == (state, [])


def test_code_is_saved_while_installing():
    """Code saved while the installer ran may be another application: it is analysed before a worker starts."""
    state, actions = history(Analysed(1, installed=False), CodeChanged())
    assert (state.phase, actions) == (Phase.INSTALLING, [])
    state, actions = history(Installed(1), state=state)
    assert (state.phase, actions[-1]) == (Phase.ANALYSING, Analyse(2))
    state, actions = history(Analysed(2, installed=True), state=state)
    assert (state.phase, actions[-2], state.stale) == (Phase.BOOTING, Boot(1), False)


def test_a_change_of_dependencies_ends_the_installer():
    """Another change of the dependencies ends the installer that runs; its late messages change nothing."""
    state, actions = history(Analysed(1, installed=False), ProjectChanged())
    assert actions[0] == CancelInstall()
    assert (state.phase, actions[-1]) == (Phase.ANALYSING, Analyse(2))
    assert history(Installed(1), state=state) == (state, [])


def test_a_worker_that_crashes_at_import_is_started_again_after_longer_waits():
    """A worker that dies at import is started again after ever longer waits, from the second on with its last page."""
    state, _ = history(Analysed(1, installed=True))
    waits: list[float] = []
    for count in range(len(BACKOFF_S) + 2):
        state, actions = history(WorkerDied(state.generation, PAGE, served=False), state=state)
        (later,) = [action for action in actions if isinstance(action, RetryLater)]
        waits.append(later.after_s)
        assert (ShowFailure(PAGE) in actions) is (count > 0)
        state, actions = history(RetryDue(later.generation), state=state)
        assert (state.phase, actions[-2]) == (Phase.BOOTING, Boot(state.generation))
    assert waits == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]


def test_a_worker_that_crashes_while_serving_is_started_again_without_a_page():
    """A worker that dies while it serves is started again after the shortest wait, however often, without a page."""
    state, _ = history(*SERVING)
    for _ in range(20):
        state, actions = history(WorkerDied(state.generation, PAGE, served=True), state=state)
        assert actions == [ShowProgress(Phase.BOOTING), RetryLater(state.generation, BACKOFF_S[0])]
        assert state.phase is Phase.BOOTING
        state, _ = history(RetryDue(state.generation), WorkerReady(state.generation + 1), state=state)
        assert state.phase is Phase.SERVING


@pytest.mark.parametrize(
    "between",
    [
        pytest.param([CodeChanged(), Analysed(2, installed=True)], id="code"),
        pytest.param([ProjectChanged(), Analysed(2, installed=True)], id="project"),
        pytest.param([RetryDue(2), CodeChanged()], id="code while it starts"),
        pytest.param([RetryDue(2), WorkerFailed(3, PAGE), RetryDue(3)], id="a failure"),
        pytest.param([RetryDue(2), WorkerReady(3), WorkerDied(3, PAGE, served=True), RetryDue(3)], id="it served"),
    ],
)
def test_the_waits_begin_again(between: list[Event]):
    """After a save, an error that was shown, or a worker that has served, the next death is the first of its row."""
    state, _ = history(
        Analysed(1, installed=True), WorkerDied(1, PAGE, served=False), RetryDue(1), WorkerDied(2, PAGE, served=False)
    )
    assert state.crashes == 2
    state, _ = history(*between, state=state)
    assert state.phase is Phase.BOOTING
    state, actions = history(WorkerDied(state.generation, PAGE, served=False), state=state)
    assert actions == [ShowProgress(Phase.BOOTING), RetryLater(state.generation, BACKOFF_S[0])]


def test_a_worker_that_has_served_dies_after_others():
    """The death of a worker that has served is never the last of a row, whatever died before it."""
    state, actions = history(*SERVING, WorkerDied(1, PAGE, served=True), state=State(crashes=5))
    assert actions == [ShowProgress(Phase.BOOTING), RetryLater(1, BACKOFF_S[0])]
    assert state.crashes == 0


PERFORMED: list[tuple[Action, Event | None, Event | None]] = [
    (Analyse(3), AnalysisFailed(3, PAGE), AnalysisDue(3)),
    (Install(3), InstallFailed(3, PAGE), AnalysisDue(3)),
    (Prepare(3), PreparationFailed(3, PAGE), AnalysisDue(3)),
    (Boot(3), WorkerFailed(3, PAGE), RetryDue(3)),
    (Retire(3), None, None),
    (ServeProject(), None, None),
]


@pytest.mark.parametrize(("action", "failure", "retry"), PERFORMED, ids=[type(row[0]).__name__ for row in PERFORMED])
def test_an_action_that_cannot_be_performed_fails_and_is_tried_again(
    action: Action, failure: Event | None, retry: Event | None
):
    """An action that can't be begun fails as if it had begun, and is tried again; nothing waits for the others."""
    assert failure_of(action, PAGE) == failure
    assert retry_of(action) == retry


def test_a_save_boots_at_once_while_a_restart_is_waited_for():
    """A save in that moment boots at once, and the late timer changes nothing."""
    state, _ = history(*SERVING, WorkerDied(1, PAGE, served=False))
    state, actions = history(CodeChanged(), state=state)
    assert (state.phase, actions[0]) == (Phase.BOOTING, Boot(2))
    assert history(RetryDue(1), state=state) == (state, [])


def test_a_save_does_not_wait_for_a_restart():
    """A save while a crashed worker's restart is waited for does not wait, and the late timer changes nothing."""
    booting = [
        Analysed(1, installed=True),
        WorkerDied(1, PAGE, served=False),
        RetryDue(1),
        WorkerDied(2, PAGE, served=False),
    ]
    state, _ = history(*booting)
    assert state.phase is Phase.BROKEN
    state, _ = history(CodeChanged(), Analysed(2, installed=True), state=state)
    assert (state.phase, state.generation) == (Phase.BOOTING, 3)
    assert history(RetryDue(2), state=state) == (state, [])


def test_a_boot_that_hangs_is_ended():
    """A boot that takes too long is ended, and its failure is shown."""
    _, actions = history(Analysed(1, installed=True), WorkerFailed(1, PAGE))
    assert all(action in actions for action in (Kill(1), ShowFailure(PAGE)))


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in {Phase.STOPPING, Phase.STOPPED}])
def test_a_stop_is_obeyed_in_every_phase(phase: Phase):
    """A stop is obeyed in every phase, once, and ends when no child is left."""
    state, actions = history(StopAsked("SIGTERM"), state=State(phase=phase))
    assert (state.phase, actions) == (Phase.STOPPING, [StopAll("SIGTERM")])
    assert history(StopAsked("SIGINT"), state=state) == (state, [])
    state, actions = history(AllGone(), state=state)
    assert (state.phase, actions) == (Phase.STOPPED, [Finish()])


EVENT = st.one_of(
    st.builds(Analysed, st.integers(1, 4), installed=st.booleans(), prepared=st.booleans()),
    st.builds(Prepared, st.integers(1, 4)),
    st.builds(PreparationFailed, st.integers(1, 4), st.just(PAGE)),
    st.builds(AnalysisFailed, st.integers(1, 4), st.just(PAGE)),
    st.builds(Installed, st.integers(1, 4)),
    st.builds(InstallFailed, st.integers(1, 4), st.just(PAGE)),
    st.builds(WorkerReady, st.integers(1, 6)),
    st.builds(WorkerFailed, st.integers(1, 6), st.just(PAGE)),
    st.builds(WorkerDied, st.integers(1, 6), st.just(PAGE), served=st.booleans()),
    st.sampled_from([CodeChanged(), ProjectChanged(), StopAsked("SIGTERM"), AllGone()]),
    st.builds(RetryDue, st.integers(1, 6)),
    st.builds(AnalysisDue, st.integers(1, 4)),
)


@given(st.lists(EVENT, max_size=40))
def test_no_sequence_of_events_boots_twice(events: list[Event]):
    """No sequence reaches an unlisted phase, boots two workers of one generation, or leaves one behind after a boot."""
    state = State()
    booted: list[int] = []
    alive: set[int] = set()
    for event in events:
        if isinstance(event, WorkerDied):
            alive.discard(event.generation)
        before = state.phase
        state, actions = step(state, event)
        assert state.phase in ROWS
        for action in actions:
            if isinstance(action, Retire | Kill):
                alive.discard(action.generation)
            if isinstance(action, Boot):
                booted.append(action.generation)
                alive.add(action.generation)
        assert len(alive) <= 1, "a worker is left behind"
        if before is Phase.STOPPED:
            assert actions == ()
    assert booted == sorted(set(booted))


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([AnalysisFailed(2, PAGE)], id="analysis"),
        pytest.param([Analysed(2, installed=False), InstallFailed(2, PAGE)], id="installation"),
        pytest.param([Analysed(2, installed=True, prepared=False), PreparationFailed(2, PAGE)], id="preparation"),
    ],
)
def test_a_restart_that_is_due_after_a_newer_failure_changes_nothing(events: list[Event]):
    """A restart that a crash has asked for starts no worker after a newer analysis has failed: its page stays."""
    died = [WorkerDied(1, PAGE, served=False), RetryDue(1), WorkerDied(2, PAGE, served=False)]
    state, _ = history(Analysed(1, installed=True), *died, ProjectChanged(), *events)
    assert state.phase is Phase.BROKEN
    assert history(RetryDue(2), state=state) == (state, [])


def test_a_worker_that_has_not_failed_is_not_restarted():
    """A restart for a worker that starts or serves is never due: it would leave this worker behind."""
    state, _ = history(Analysed(1, installed=True))
    assert history(RetryDue(1), state=state) == (state, [])
    assert history(RetryDue(0)) == (State(), [])


def test_every_event_of_the_lifecycle_is_listed():
    """Each kind of event has a row somewhere: none is invented and then forgotten."""
    listed = {event for row in ROWS.values() for event in row}
    assert listed == set(EVENTS) == set(Event.__subclasses__())
