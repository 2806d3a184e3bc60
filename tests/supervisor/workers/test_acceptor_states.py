"""The table of who accepts connections, as histories of events, and over every sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
    OpenConnection,
    OwnPagesAsked,
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
from appliance.supervisor.workers.acceptor_states import EVENTS, ROWS, SENDS_MAX, Accepting, State, step
from tests.supervisor.histories import History

ERROR = OSError("no process")
FIRST, SECOND = {"title": "first", "version": 1}, {"title": "second", "version": 2}
SHOWN = [WorkFailed({"title": "first"}), StandInStarted(), PageShown()]
NOT_STARTED = [WorkFailed({"title": "first"}), StandInNotStarted(ERROR)]

history: History[State, Event, Action] = History(step, State)


def test_the_stand_in_starts_when_its_start_is_due():
    """Progress starts no stand-in before its time; once it has started it is sent the page, and accepts."""
    state, actions = history(WorkProgressed({"title": "first"}))
    assert actions == [BeginWait(), StartLater()]
    state, actions = history(StartDue(), state=state)
    assert actions == [StartStandIn()]
    state, actions = history(StandInStarted(), state=state)
    assert (state.acceptor, actions) == (Accepting.NOBODY, [ShowPage(FIRST, holds=True)])
    state, actions = history(PageShown(), state=state)
    assert (state.acceptor, actions) == (Accepting.STANDIN, [SendWaiting()])


def test_more_progress_makes_no_second_start():
    """A newer page before the start replaces the first one, and the start stays due at its time."""
    state, actions = history(WorkProgressed({"title": "first"}), WorkProgressed({"title": "second"}))
    assert (state.page, actions) == (SECOND, [])


def test_a_failure_starts_the_stand_in_at_once():
    """A failure does not wait for the start that is due, and its page is not held back."""
    _, actions = history(WorkProgressed({"title": "first"}), WorkFailed({"title": "second"}))
    assert actions == [CancelStart(), StartStandIn()]
    state, actions = history(*SHOWN, WorkFailed({"title": "second"}))
    assert (state.acceptor, actions) == (Accepting.STANDIN, [ShowPage(SECOND, holds=False)])


def test_a_worker_that_serves_ends_what_stood_in():
    """The stand-in stops accepting, the supervisor stops answering, a start that was due is cancelled."""
    assert history(*SHOWN, WorkerServes(4))[1] == [StopStandIn(4), SendWaiting()]
    assert history(*NOT_STARTED, WorkerServes(4))[1] == [CancelStart(), StopAnswering(), SendWaiting()]
    state, actions = history(WorkProgressed({}), WorkerServes(4))
    assert (state.acceptor, state.page, actions) == (Accepting.WORKER, None, [CancelStart(), SendWaiting()])


def test_a_page_after_a_worker_begins_a_new_wait():
    """When a worker serves no more nobody accepts, and a stand-in that still runs is sent the page when that is due."""
    state, actions = history(WorkerServes(1), WorkProgressed({"title": "first"}))
    assert (state.acceptor, actions) == (Accepting.NOBODY, [BeginWait(), StartLater()])
    state, actions = history(*SHOWN, WorkerServes(1), WorkProgressed({"title": "second"}))
    assert actions == [BeginWait(), StartLater()]
    assert history(WorkProgressed({"title": "third"}), state=state)[1] == []
    assert history(StartDue(), state=state)[1] == [ShowPage(SECOND, holds=True)]


def test_the_supervisor_answers_until_a_stand_in_can():
    """Without a process for the stand-in the supervisor answers, also what waits, and a start is due again."""
    state, actions = history(*NOT_STARTED)
    assert actions == [AnswerHere(FIRST), AnswerWaiting(), StartLater(again=True), ReportFailure(ERROR)]
    assert history(ConnectionsArrived(), state=state)[1] == [AnswerWaiting()]
    assert history(WorkProgressed({"title": "second"}), state=state)[1] == [AnswerHere(SECOND)]
    state, actions = history(StartDue(), StandInStarted(), PageShown(), state=state)
    assert (state.acceptor, actions) == (Accepting.STANDIN, [StopAnswering(), SendWaiting()])


def test_failed_starts_in_a_row_are_reported_once():
    """The first failed start is reported, and the next one after a start that succeeded; a defect always is."""
    state, actions = history(*NOT_STARTED, StartDue(), StandInNotStarted(ERROR))
    assert ReportFailure(ERROR) not in actions
    assert ReportFailure(ERROR) in history(StandInNotStarted(ERROR, defect=True), state=state)[1]
    assert not history(WorkFailed({}), StandInNotStarted(ERROR, defect=True))[0].failure_reported
    again = [StandInStarted(), StandInEnded(expected=False), StartDue(), StandInNotStarted(ERROR)]
    assert ReportFailure(ERROR) in history(*again, state=state)[1]


def test_a_page_that_cannot_be_sent_is_sent_again():
    """The supervisor answers while the stand-in can't be sent its page, which follows when a start is due."""
    for before in ([WorkFailed({"title": "first"}), StandInStarted()], SHOWN):
        state, actions = history(*before, PageNotShown(ERROR))
        assert actions == [AnswerHere(FIRST), AnswerWaiting(), StartLater(again=True), ReportFailure(ERROR)]
        assert history(StartDue(), state=state)[1] == [ShowPage(FIRST, holds=False)]
        assert history(WorkProgressed({"title": "second"}), state=state)[1] == [ShowPage(SECOND, holds=True)]
        state, actions = history(PageShown(), state=state)
        assert (state.acceptor, state.start_due) == (Accepting.STANDIN, False)
        assert actions == [CancelStart(), StopAnswering(), SendWaiting()]


def test_a_stand_in_that_ends_by_itself_comes_back():
    """One that was asked to end, or that shows nothing, stays away until the next page."""
    state, actions = history(*SHOWN, StandInEnded(expected=False))
    assert (state.acceptor, state.start_due) == (Accepting.SUPERVISOR, True)
    assert actions == [AnswerHere(FIRST), AnswerWaiting(), StartLater(again=True)]
    state, actions = history(*SHOWN, StandInEnded(expected=True))
    assert (state.acceptor, actions) == (Accepting.NOBODY, [])
    state, actions = history(*SHOWN, WorkerServes(1), StandInEnded(expected=False))
    assert (state.acceptor, state.standin, actions) == (Accepting.WORKER, False, [])


def test_connections_go_to_the_process_that_accepts():
    """Connections are sent where a process accepts, and are kept where none does."""
    assert history(ConnectionsArrived())[1] == []
    assert history(WorkerServes(1), ConnectionsArrived())[1] == [SendWaiting()]
    assert history(*SHOWN, ConnectionsArrived())[1] == [SendWaiting()]
    for gone in (AcceptorGone(), WorkerEnded()):
        state, _ = history(WorkerServes(1), gone)
        assert (state.acceptor, history(ConnectionsArrived(), state=state)[1]) == (Accepting.NOBODY, [])


def test_connections_are_closed_after_many_attempts():
    """If no descriptor is free, connections are sent again; an arrival meanwhile does not count as an attempt."""
    state, actions = history(WorkerServes(1), NoDescriptor(ERROR))
    assert actions == [SendLater()]
    assert history(NoDescriptor(ERROR), state=state) == (state, [])
    for _ in range(SENDS_MAX - 2):
        state, actions = history(SendDue(), NoDescriptor(ERROR), state=state)
        assert actions == [SendLater()]
    assert history(SendDue(), NoDescriptor(ERROR), state=state)[1] == [CloseWaiting(ERROR)]
    assert history(SendDue(), PartSent(), NoDescriptor(ERROR), state=state)[1] == [SendLater()]


PAGES, MORE = [OpenConnection(7, "GET /__appliance__/", "")], [OpenConnection(8, "", "")]


def test_own_pages_go_to_the_stand_in():
    """The appliance's own pages start a stand-in, which accepts nothing while a worker serves."""
    state, actions = history(WorkerServes(3), OwnPagesAsked(PAGES))
    assert actions == [StartForOwnPages(PAGES)]
    state, actions = history(StandInStarted(), state=state)
    assert (state.acceptor, actions) == (Accepting.WORKER, [StopStandIn(3)])
    assert history(OwnPagesAsked(MORE), state=state)[1] == [SendToStandIn(MORE)]


def test_own_pages_are_refused_where_no_stand_in_may_start():
    """No stand-in starts just after one has ended, and none at the stop; one that runs still answers then."""
    assert history(WorkerServes(3), OwnPagesAsked(PAGES, restart_early=True))[1] == [RefuseOwnPages(PAGES)]
    assert history(StopRequested(), OwnPagesAsked(PAGES))[1] == [RefuseOwnPages(PAGES)]
    assert history(*SHOWN, StopRequested(), OwnPagesAsked(PAGES))[1] == [SendToStandIn(PAGES)]


def test_nothing_is_started_after_the_stop():
    """At the stop what waits is closed, and no later event starts or shows anything."""
    assert history(*NOT_STARTED, StopRequested())[1] == [CancelStart(), StopAnswering(), CloseWaiting()]
    for event in (WorkFailed({}), WorkProgressed({}), StartDue(), WorkerServes(2), StandInEnded(expected=False)):
        state, actions = history(*SHOWN, StopRequested(), event)
        assert (state.acceptor, state.page, actions) == (Accepting.CLOSED, None, [])


def test_every_event_of_the_acceptor_is_listed():
    """Each kind of event has a row somewhere, and each acceptor has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Accepting)


EVENT = st.one_of(
    st.builds(WorkerServes, st.integers(1, 9)),
    st.builds(StandInEnded, st.booleans()),
    st.builds(StandInNotStarted, st.just(ERROR), st.booleans()),
    st.builds(OwnPagesAsked, st.just("pages"), st.booleans()),
    st.sampled_from([
        WorkProgressed({}), WorkFailed({}), StartDue(), StandInStarted(), PageShown(), PageNotShown(ERROR),
        WorkerEnded(), ConnectionsArrived(), PartSent(), AcceptorGone(), NoDescriptor(ERROR), SendDue(),
    ]),
)  # fmt: skip


@given(st.lists(EVENT, max_size=40))
def test_no_sequence_lets_two_accept(events: list[Event]):
    """No sequence reaches an unlisted state, shows a page while a worker serves, or answers in two places."""
    state, answering = State(), False
    for event in events:
        state, actions = step(state, event)
        assert state.acceptor in ROWS
        for action in actions:
            if isinstance(action, AnswerHere | StopAnswering):
                answering = isinstance(action, AnswerHere)
            if isinstance(action, ShowPage | AnswerHere):
                assert action.page == state.page
            if isinstance(action, ShowPage | SendToStandIn | StopStandIn):
                assert state.standin
            if isinstance(action, StartStandIn | StartForOwnPages):
                assert not state.standin, "two stand-ins"
        assert answering == (state.acceptor is Accepting.SUPERVISOR), "two accept, or nobody answers"
        _check(state)


def _check(state: State) -> None:
    """Check the invariants of a single state."""
    match state.acceptor:
        case Accepting.WORKER | Accepting.CLOSED:
            assert state.page is None
        case Accepting.STANDIN:
            assert state.page is not None
            assert state.standin
        case Accepting.SUPERVISOR:
            assert state.page is not None
    assert not state.start_due or StartDue in ROWS[state.acceptor], "a start that is due, and changes nothing"
    assert state.failed_sends < SENDS_MAX


@given(st.lists(EVENT, max_size=40))
def test_a_failure_is_shown_after_any_sequence(events: list[Event]):
    """After any sequence, the page of a failure is shown once a stand-in has started, until a worker serves."""
    state, actions = history(*events, WorkFailed({"title": "last"}))
    if actions[-1] == StartStandIn():
        state, actions = history(StandInStarted(), state=state)
    page = actions[-1]
    assert isinstance(page, ShowPage)
    assert (page.page["title"], page.holds) == ("last", False)
    state, _ = history(PageShown(), state=state)
    assert state.acceptor is Accepting.STANDIN
    state, actions = history(WorkerServes(10), state=state)
    assert (state.acceptor, actions) == (Accepting.WORKER, [StopStandIn(10), SendWaiting()])


@given(st.lists(EVENT, max_size=40))
def test_the_stop_is_final_after_any_sequence(events: list[Event]):
    """After the stop nothing is started, shown or answered, whatever still happens."""
    state, _ = history(*events, StopRequested())
    for event in events:
        state, actions = step(state, event)
        assert state.acceptor is Accepting.CLOSED
        assert not {type(action) for action in actions} - {SendToStandIn, RefuseOwnPages}
