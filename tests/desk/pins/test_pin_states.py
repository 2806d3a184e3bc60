"""The table of a pin's runs, as histories of events, and over every sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.pins.pin_states import (
    EVENTS,
    ROWS,
    Action,
    Broke,
    Ended,
    Event,
    Failed,
    Keep,
    Send,
    Served,
    Serves,
    ShowBroken,
    ShowFailed,
    Stage,
    StartThread,
    State,
    TurnCame,
    Unpinned,
    step,
)
from tests.supervisor.histories import History

history: History[State, Event, Action] = History(step, State)
ONE, TWO, TEMPLATES = Serves(Served(1, 0)), Serves(Served(2, 0)), Serves(Served(2, 1))
HAS_THREAD = {Stage.WAITING, Stage.SENDING, Stage.LEAVING}


def test_a_save_runs_a_pin_once():
    """A thread starts, sends at its turn, and what it found is kept; the same save again runs nothing."""
    assert history(ONE)[1] == [StartThread()]
    assert history(ONE, TurnCame())[1] == [Send()]
    state, actions = history(ONE, TurnCame(), Ended())
    assert (state.stage, actions) == (Stage.IDLE, [Keep(Served(1, 0))])
    assert history(ONE, state=state)[1] == []
    assert history(TWO, state=state)[1] == [StartThread()]


def test_new_templates_run_a_pin():
    """A revision of the templates counts as a save does."""
    assert history(TWO, TurnCame(), Ended(), TEMPLATES)[1] == [StartThread()]


def test_of_a_burst_the_last_save_is_run():
    """Saves that come while the thread waits start no other one, and it sends to what serves at its turn."""
    assert history(ONE, TWO)[1] == []
    assert history(ONE, TWO, TurnCame(), Ended())[1] == [Keep(Served(2, 0))]


def test_an_outcome_of_an_earlier_save_is_dropped():
    """A save that comes while the request runs sends it again; only the last outcome is kept."""
    assert history(ONE, TurnCame(), TWO)[1] == []
    assert history(ONE, TurnCame(), TWO, Ended())[1] == [Send()]
    assert history(ONE, TurnCame(), TWO, Ended(), Ended())[1] == [Keep(Served(2, 0))]


def test_a_broken_project_runs_nothing():
    """A broken project is shown at once; the thread ends at its turn, or with its request, and a save runs the pin."""
    assert history(Broke())[1] == [ShowBroken()]
    assert history(ONE, Broke(), TurnCame()) == (State(), [])
    assert history(ONE, TurnCame(), Broke(), Ended()) == (State(), [])
    assert history(ONE, TurnCame(), Broke(), ONE, Ended())[1] == [Keep(Served(1, 0))]


def test_a_generation_that_serves_again_is_run_again():
    """A broken project hides the outcome, so the pin runs again even if the same generation serves then."""
    assert history(ONE, TurnCame(), Ended(), Broke(), ONE)[1] == [StartThread()]


def test_a_failed_thread_is_shown():
    """A thread that can't be started, or fails, is shown, and the next save starts another one."""
    assert history(ONE, Failed())[1] == [ShowFailed()]
    assert history(ONE, TurnCame(), Failed())[1] == [ShowFailed()]
    assert history(ONE, TurnCame(), Failed(), TWO)[1] == [StartThread()]
    assert history(ONE, TurnCame(), Broke(), Failed())[1] == []


def test_an_unpinned_request_is_not_run_again():
    """The thread of an unpinned request ends at its turn or with its request, and nothing of the pin is kept."""
    assert history(Unpinned())[0].stage is Stage.GONE
    assert history(ONE, Unpinned(), TurnCame())[1] == []
    assert history(ONE, TurnCame(), Unpinned(), Ended()) == (State(Stage.GONE, Served(1, 0)), [])
    assert history(Unpinned(), ONE)[1] == []


def test_each_event_of_a_pin_has_a_row():
    """Each kind of event has a row somewhere, and each stage has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Stage)


SAID = st.sampled_from([ONE, TWO, TEMPLATES, Broke()])
EVENT = st.one_of(SAID, st.sampled_from([TurnCame(), Ended(), Ended(), Failed(), Unpinned()]))


@given(st.lists(EVENT, max_size=60))
def test_no_sequence_has_two_threads_of_a_pin(events: list[Event]):
    """No sequence reaches an unlisted stage, starts a thread beside another one, or sends without a thread."""
    state, thread, sending = State(), False, False
    for event in events:
        possible = {TurnCame: thread and not sending, Ended: sending, Failed: thread}
        if not possible.get(type(event), True):
            continue
        state, actions = step(state, event)
        assert state.stage in ROWS
        assert not (thread and StartThread() in actions)
        sending = Send() in actions or (sending and not isinstance(event, Ended | Failed))
        if isinstance(event, TurnCame | Ended | Failed):
            thread = sending
        thread = thread or StartThread() in actions
        assert thread == (state.stage in HAS_THREAD)
        assert (state.stage is Stage.SENDING) <= sending <= (state.stage in {Stage.SENDING, Stage.LEAVING})
        assert (state.sent_to is not None) >= (state.stage is Stage.SENDING)
        assert state.sent_to is None or state.stage in {Stage.SENDING, Stage.LEAVING}
        for kept in (action for action in actions if isinstance(action, Keep)):
            assert kept.served == state.serving == state.done


@given(st.lists(EVENT.filter(lambda event: event != Unpinned()), max_size=60), SAID)
def test_the_last_save_is_always_run(events: list[Event], last: Event):
    """After any sequence the outcome that is kept, once the thread has ended, is of what serves at last."""
    state, _ = history(*events, Failed(), last)
    for event in (TurnCame(), Ended(), Ended()):
        state, _ = step(state, event)
    assert (state.stage, state.sent_to) == (Stage.IDLE, None)
    assert state.done == (last.served if isinstance(last, Serves) else None)
