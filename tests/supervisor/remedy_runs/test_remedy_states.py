"""The table of remedies' runs, as histories of events, and over every sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.remedy_runs.remedy_states import (
    BUSY,
    CANCELLED,
    EVENTS,
    ROWS,
    Action,
    CancelRequested,
    Ended,
    EndProcess,
    Event,
    Phase,
    Pressed,
    Refuse,
    ReportDone,
    ReportFailure,
    ReportSuccess,
    Run,
    State,
    TimedOut,
    step,
)
from tests.supervisor.histories import History

history: History[State, Event, Action] = History(step, State)


def test_a_press_runs_the_remedy():
    """A remedy that was pressed runs, and its end is reported."""
    state, actions = history(Pressed("one"))
    assert (state.phase, state.remedy, actions) == (Phase.RUNNING, "one", [Run(1)])
    assert history(Ended(1), state=state)[1] == [ReportSuccess()]
    assert history(Ended(1, "exit status 3"), state=state)[1] == [ReportFailure("exit status 3")]


def test_a_running_remedy_is_not_started_again():
    """A remedy that runs is not started again; another one is refused until then."""
    state, _ = history(Pressed("one"))
    assert history(Pressed("one"), state=state) == (state, [])
    assert history(Pressed("two"), state=state) == (state, [Refuse("two", BUSY)])
    assert history(Pressed("two", "the appliance stops"), state=state)[1] == [Refuse("two", "the appliance stops")]


def test_a_remedy_that_has_helped_does_not_run_again():
    """A press of it shows that it has helped, as long as pages offer it; one that failed runs again."""
    state, _ = history(Pressed("one"), Ended(1))
    assert history(Pressed("one"), state=state) == (state, [ReportDone("one")])
    assert history(Pressed("two"), Pressed("one"), state=state)[1] == [ReportDone("one")]
    state, _ = history(Pressed("two"), Ended(2, offered=frozenset({"two"})), state=state)
    assert history(Pressed("one"), state=state)[1] == [Run(3)]
    assert history(Pressed("one"), Ended(1, "exit status 1"), Pressed("one"))[1] == [Run(2)]


def test_a_refused_press_runs_nothing():
    """A remedy that may not run as it was shown is refused with the reason."""
    state, actions = history(Pressed("one", "the code has changed"))
    assert (state.phase, actions) == (Phase.IDLE, [Refuse("one", "the code has changed")])


def test_a_cancelled_run_has_failed():
    """The process of the run is asked to end once, and its end says why, whatever its exit status."""
    state, actions = history(Pressed("one"), CancelRequested("one"))
    assert (state.phase, actions) == (Phase.ENDING, [EndProcess()])
    assert history(CancelRequested("one"), state=state)[1] == []
    assert history(TimedOut(1, "900 s"), state=state)[1] == []
    state, actions = history(Ended(1), state=state)
    assert actions == [ReportFailure(CANCELLED)]
    assert history(Pressed("one"), Ended(2), state=state)[1] == [ReportSuccess()], "that was the run before"


def test_a_cancel_of_another_remedy_changes_nothing():
    """Only the remedy that runs can be cancelled."""
    state, _ = history(Pressed("one"))
    assert history(CancelRequested("two"), state=state) == (state, [])


def test_a_run_that_lasts_too_long_is_ended():
    """The time-out of an earlier run changes nothing."""
    state, _ = history(Pressed("one"), Ended(1, "exit status 1"), Pressed("one"))
    assert history(TimedOut(1, "900 s"), state=state) == (state, [])
    state, actions = history(TimedOut(2, "900 s"), state=state)
    assert actions == [EndProcess()]
    assert history(Ended(2, "killed"), state=state)[1] == [ReportFailure("it took longer than 900 s")]


def test_an_action_in_a_thread_can_not_be_ended():
    """An action of ours goes on to its end, which is reported."""
    state, _ = history(Pressed("one", in_thread=True))
    assert history(CancelRequested("one"), state=state) == (state, [])
    assert history(Ended(1), state=state)[1] == [ReportSuccess()]


def test_every_event_of_a_remedy_is_listed():
    """Each kind of event has a row somewhere, and each phase has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Phase)


IDS = st.sampled_from(["one", "two", "three"])
EVENT = st.one_of(
    st.builds(Pressed, IDS, st.sampled_from(["", "the code has changed"]), st.booleans()),
    st.builds(CancelRequested, IDS),
    st.builds(TimedOut, st.integers(1, 4), st.just("900 s")),
    st.builds(Ended, st.integers(1, 4), st.sampled_from(["", "exit status 1"]), st.frozensets(IDS)),
)


@given(st.lists(EVENT, max_size=40))
def test_no_sequence_lets_two_remedies_run(events: list[Event]):
    """No sequence reaches an unlisted phase, lets two runs overlap, runs what has helped, or loses an end."""
    state, alive, helped = State(), False, set[str]()
    for event in events:
        before = state
        state, actions = step(state, event)
        assert state.phase in ROWS
        for action in actions:
            match action:
                case Run(run):
                    assert not alive, "two runs at once"
                    assert run == before.run + 1
                    assert state.remedy not in helped
                    alive = True
                case EndProcess():
                    assert alive
                    assert before.phase is Phase.RUNNING
                case ReportSuccess() | ReportFailure():
                    assert alive
                    alive = False
                    if isinstance(action, ReportSuccess):
                        helped.add(before.remedy)
                case _:
                    pass
        helped &= state.done
        assert alive == (state.phase is not Phase.IDLE) == bool(state.remedy)
        assert state.done == helped
