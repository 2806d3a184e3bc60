"""The table of BEFORE_START's runs, as histories of events, and over every sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.steps.before_start_states import (
    EVENTS,
    ROWS,
    Action,
    CancelRequested,
    CheckEarlierRuns,
    EarlierRunLives,
    EarlierRunsGone,
    EndRun,
    Event,
    Phase,
    ReportEnd,
    ReportNotStarted,
    ReportWait,
    Run,
    RunEnded,
    RunRequested,
    StartFailed,
    State,
    step,
)
from tests.supervisor.histories import History

RUNNING = [RunRequested(1, "a"), EarlierRunsGone()]
ERROR = OSError("no process")


history: History[State, Event, Action] = History(step, State)


def test_a_run_waits_for_earlier_runs():
    """The commands run once nothing is left of earlier runs, and their end is reported."""
    state, actions = history(RunRequested(1, "a"))
    assert actions == [CheckEarlierRuns()]
    state, actions = history(EarlierRunsGone(), state=state)
    assert actions == [Run(1)]
    state, actions = history(RunEnded(succeeded=True), state=state)
    assert (state.phase, state.done, actions) == (Phase.IDLE, "a", [ReportEnd(1, succeeded=True, how="")])


def test_a_run_that_fails_is_reported_and_not_done():
    """A run that fails is reported, and its inputs are not done."""
    state, actions = history(*RUNNING, RunEnded(succeeded=False, how="exit status 3"))
    assert (state.done, actions) == ("", [ReportEnd(1, succeeded=False, how="exit status 3")])


def test_the_same_run_goes_on():
    """A run that is asked for again with the same inputs goes on, and its end answers the newer request."""
    state, actions = history(*RUNNING, RunRequested(2, "a"))
    assert actions == []
    assert history(RunEnded(succeeded=True), state=state)[1] == [ReportEnd(2, succeeded=True, how="")]
    assert history(RunRequested(1, "a"), RunRequested(2, "a"), EarlierRunsGone())[1] == [Run(2)]


def test_another_run_waits_for_the_first_to_end():
    """A run with other inputs ends the one before, and begins once nothing of that is left; the wait is logged once."""
    state, actions = history(*RUNNING, RunRequested(2, "b"))
    assert actions == [EndRun(), CheckEarlierRuns()]
    state, actions = history(EarlierRunLives(7), state=state)
    assert actions == [ReportWait(7), CheckEarlierRuns(later=True)]
    state, actions = history(EarlierRunLives(7), state=state)
    assert actions == [CheckEarlierRuns(later=True)]
    assert history(EarlierRunsGone(), state=state)[1] == [Run(2)]


def test_the_wait_of_another_run_is_logged_again():
    """The wait is logged once for a run, and once more for the next run that has to wait."""
    waiting = [*RUNNING, RunRequested(2, "b"), EarlierRunLives(7), CancelRequested()]
    _, actions = history(*waiting, RunRequested(3, "c"), EarlierRunLives(7))
    assert actions == [ReportWait(7), CheckEarlierRuns(later=True)]


def test_a_run_that_is_cancelled_is_ended_or_never_begins():
    """A run that is cancelled is ended, or never begins."""
    assert history(*RUNNING, CancelRequested())[1] == [EndRun()]
    state, actions = history(RunRequested(1, "a"), CancelRequested())
    assert actions == []
    assert history(EarlierRunsGone(), state=state) == (state, [])


def test_a_run_without_a_process_is_reported_and_can_be_repeated():
    """A run that can't be started is reported, and can be asked for again with the same inputs."""
    state, actions = history(*RUNNING, StartFailed(ERROR))
    assert actions == [ReportNotStarted(1, ERROR)]
    assert history(RunRequested(2, "a"), EarlierRunsGone(), state=state)[1] == [Run(2)]


def test_every_event_of_the_commands_is_listed():
    """Each kind of event has a row somewhere, and each phase has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Phase)


EVENT = st.one_of(
    st.builds(RunRequested, st.integers(1, 9), st.sampled_from("ab")),
    st.builds(RunEnded, st.booleans()),
    st.builds(EarlierRunLives, st.just(7)),
    st.sampled_from([CancelRequested(), EarlierRunsGone(), StartFailed(ERROR)]),
)


@given(st.lists(EVENT, max_size=40))
def test_no_sequence_lets_two_runs_overlap(events: list[Event]):
    """No sequence reaches an unlisted phase, lets two runs overlap, or loses a run that is wanted."""
    state, alive, wanted = State(), False, False
    for event in events:
        if isinstance(event, RunRequested):
            wanted = True
        elif isinstance(event, CancelRequested):
            wanted = False
        elif isinstance(event, RunEnded | StartFailed):
            alive = False
        state, actions = step(state, event)
        assert state.phase in ROWS
        for action in actions:
            match action:
                case EndRun():
                    assert alive or isinstance(event, RunRequested | CancelRequested)
                    alive = False
                case Run():
                    assert not alive, "two runs at once"
                    assert wanted
                    alive = True
                case ReportEnd(job) | ReportNotStarted(job):
                    assert job == state.job
                    wanted = False
                case _:
                    pass
        assert wanted == (state.phase is not Phase.IDLE)
        if state.phase is Phase.WAITING:
            checks = isinstance(event, EarlierRunLives | RunRequested)
            assert any(isinstance(action, CheckEarlierRuns) for action in actions) or not checks or actions == ()


@given(st.lists(EVENT, max_size=40))
def test_a_wanted_run_comes_to_its_end(events: list[Event]):
    """After any sequence, a run that is asked for begins as soon as nothing is left of the others, and is reported."""
    state, _ = history(*events, RunRequested(10, "c"))
    assert history(EarlierRunsGone(), state=state)[1] == [Run(10)]
    state, actions = history(EarlierRunLives(7), EarlierRunsGone(), RunEnded(succeeded=True), state=state)
    assert (actions, state.done) == ([ReportEnd(10, succeeded=True, how="")], "c")
