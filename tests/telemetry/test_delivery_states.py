"""The table of what is reported of a collector, as histories of events, and over every sequence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telemetry.delivery_states import (
    EVENTS,
    ROWS,
    Action,
    Arrived,
    Delayed,
    Event,
    Finished,
    Hold,
    Lost,
    Phase,
    ReportDelayed,
    ReportLost,
    ReportSent,
    State,
    step,
)
from tests.supervisor.histories import History

history: History[State, Event, Action] = History(step, State)
AWAY = Delayed("Connection refused", "start it", recent=False)
AWAY_AGAIN = Delayed("Connection refused", "start it", recent=True)
FULL = Lost(3, "full", "send less", recent=False)
FULL_AGAIN = Lost(4, "still full", "make room", recent=True)
DELAYED = ReportDelayed("Connection refused", "start it")


def test_an_absence_has_one_report_and_one_end():
    """The first failure is reported, those after it are not, and data that arrives ends the trouble once."""
    assert history(AWAY) == (State(Phase.DELAYED), [Hold(), DELAYED])
    assert history(AWAY, AWAY) == (State(Phase.DELAYED), [])
    assert history(AWAY, AWAY_AGAIN, Arrived()) == (State(), [ReportSent(0)])
    assert history(AWAY, Arrived(), Arrived()) == (State(), [])


def test_a_first_loss_is_reported_at_once():
    """A first loss is reported even right after a failure to send; later losses wait for the end."""
    loss = [Hold(), ReportLost(3, "full", "send less")]
    assert history(FULL)[1] == loss
    assert history(AWAY, FULL)[1] == loss
    assert history(AWAY, replace_recent(FULL))[1] == loss
    state, actions = history(FULL, FULL_AGAIN)
    assert (state, actions) == (State(Phase.LOSING, 4, 7, "still full", "make room"), [])
    _, actions = history(Arrived(), state=state)
    assert actions == [ReportLost(4, "still full", "make room"), ReportSent(7)]


def test_trouble_again_so_soon_waits_for_its_report():
    """Trouble that begins soon after a report is not reported; its losses are in the next report."""
    assert history(AWAY_AGAIN) == (State(Phase.UNREPORTED), [])
    assert history(FULL_AGAIN) == (State(Phase.UNREPORTED, 4, 4, "still full", "make room"), [])
    assert history(AWAY_AGAIN, Arrived()) == (State(), [])
    assert history(AWAY_AGAIN, AWAY)[1] == [Hold(), DELAYED]
    assert history(FULL_AGAIN, Arrived(), FULL)[1] == [Hold(), ReportLost(7, "full", "send less")]
    assert history(FULL_AGAIN, AWAY, Arrived())[1] == [ReportLost(4, "still full", "make room"), ReportSent(4)]
    assert history(FULL_AGAIN, Arrived(), AWAY, Arrived())[0] == State(reason="still full", action="make room")


@pytest.mark.parametrize("phase", Phase)
def test_the_end_reports_each_loss(phase: Phase):
    """In each phase the exporter's end reports what is not reported yet, and changes no phase."""
    state = State(phase, 2, 5, "full", "send less")
    assert step(state, Finished()) == (replace(state, unreported=0), (ReportLost(2, "full", "send less"),))
    assert step(replace(state, unreported=0), Finished()) == (replace(state, unreported=0), ())


def test_each_event_of_a_delivery_has_a_row():
    """Each kind of event has a row somewhere, and each phase has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Phase)


EVENT = st.one_of(
    st.sampled_from([AWAY, AWAY_AGAIN, Arrived(), Arrived(), Finished()]),
    st.builds(Lost, st.integers(1, 9), st.just("full"), st.just("send less"), st.booleans()),
)


@given(st.lists(EVENT, max_size=60))
def test_no_sequence_forgets_a_loss_or_reports_one_twice(events: list[Event]):
    """Over any sequence the reported losses are those that happened, and the trouble ends with the next arrival."""
    state, lost, reported, since = State(), 0, 0, 0
    for event in [*events, Finished()]:
        count = event.count if isinstance(event, Lost) else 0
        lost, since = lost + count, since + count
        state, actions = step(state, event)
        reported += sum(action.count for action in actions if isinstance(action, ReportLost))
        assert state.unreported == lost - reported
        for action in actions:
            if isinstance(action, ReportSent):
                assert action.lost == since
                since = 0
        assert (state.phase is Phase.ARRIVING) == isinstance(event, Arrived) or isinstance(event, Finished)
    assert reported == lost


@given(st.lists(EVENT, max_size=60))
def test_no_sequence_reports_trouble_twice_or_too_soon(events: list[Event]):
    """Between two reports that data arrives there is at most one of a delay, and none begins while one is recent."""
    state, open_reports = State(), 0
    for event in events:
        before = state.phase
        state, actions = step(state, event)
        if Hold() in actions and before in {Phase.ARRIVING, Phase.UNREPORTED}:
            assert not getattr(event, "recent", True)
        open_reports += sum(isinstance(action, ReportDelayed) for action in actions)
        assert open_reports <= 1
        if any(isinstance(action, ReportSent) for action in actions):
            assert before in {Phase.DELAYED, Phase.LOSING}
            open_reports = 0


def replace_recent(event: Lost) -> Lost:
    """Return the same loss, a short time after a report."""
    return Lost(event.count, event.reason, event.action, recent=True)
