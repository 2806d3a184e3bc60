"""The table of retries over every sequence of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.workers.retry_states import ROWS, Stage, State, step
from appliance.supervisor.workers.worker_events import (
    Accept,
    Action,
    AskModules,
    BootRequested,
    CodeSaved,
    Died,
    Ended,
    Event,
    ForkLost,
    ForkMismatched,
    Imported,
    ImportFailed,
    Kill,
    KillRequested,
    ModulesReportOver,
    OldWorkersGone,
    ReportDeath,
    ReportFailure,
    RetireRequested,
    Source,
    SourceDeclined,
    SourceTimedOut,
    Start,
    Started,
    StartFailed,
    StoppedAccepting,
    StopRequested,
    Supersede,
)
from tests.supervisor.histories import History

REPORT = {"message": "no module named flask"}
MOST_ATTEMPTS = (
    6  # of one generation: snapshot, checkpoint, forked, cold, and the last two again after an address was in use
)
history: History[State, Event, Action] = History(step, State)

NUMBER = st.integers(0, 7)
EVENT = st.one_of(
    st.builds(BootRequested, st.integers(1, 4), st.booleans()),
    st.builds(RetireRequested, st.integers(1, 4), st.booleans()),
    st.builds(KillRequested, st.integers(1, 4)),
    st.builds(Started, NUMBER, st.sampled_from(Source)),
    st.builds(SourceDeclined, NUMBER),
    st.builds(SourceTimedOut, NUMBER),
    st.builds(StartFailed, NUMBER),
    st.builds(ForkLost, NUMBER),
    st.builds(ForkMismatched, NUMBER, st.sampled_from(["", "it raised"])),
    st.builds(ImportFailed, NUMBER, st.just(REPORT), st.booleans()),
    st.builds(Imported, NUMBER, st.just("ready")),
    st.builds(Died, NUMBER, st.just("exit status 1"), st.just("page")),
    st.builds(StoppedAccepting, NUMBER),
    st.builds(ModulesReportOver, NUMBER),
    st.builds(Ended, NUMBER),
    st.sampled_from([OldWorkersGone(), CodeSaved(), StopRequested()]),
)


@given(st.lists(EVENT, max_size=40))
def test_no_sequence_starts_an_attempt_twice(events: list[Event]):
    """No sequence reaches an unlisted stage, starts an attempt twice, or lets two attempts accept at once."""
    state, accepting = State(), set[int]()
    for event in events:
        before = state
        if isinstance(event, StoppedAccepting | Ended | Died):
            accepting.discard(event.attempt)
        state, actions = step(state, event)
        assert state.stage in ROWS
        assert bool(state.ready) == (state.stage is Stage.IMPORTED)
        assert not (state.stage is Stage.IMPORTED and not state.draining), "nobody lets it accept"
        for action in actions:
            if isinstance(action, Start):
                assert action.attempt == before.attempt + 1
                assert action.generation == state.generation
            if isinstance(action, Kill):
                accepting.clear()
            if isinstance(action, Accept):
                assert not accepting, "the old worker accepts still"
                accepting.add(action.attempt)
        if before.stage is Stage.CLOSED:
            assert all(isinstance(action, Supersede) for action in actions)


@given(st.lists(EVENT, max_size=40))
def test_no_wanted_worker_is_lost(events: list[Event]):
    """A generation that was asked for imports, waits, serves, was given up, or its failure has been reported."""
    state, accounted = State(), True
    for event in events:
        before = state
        state, actions = step(state, event)
        if any(isinstance(action, Start) for action in actions):
            accounted = False
        ended = isinstance(event, RetireRequested | KillRequested | StopRequested | StartFailed)
        accounted |= ended and state.stage in {Stage.NONE, Stage.CLOSED}
        accounted |= any(isinstance(action, ReportFailure | ReportDeath) for action in actions)
        if state.stage in {Stage.NONE, Stage.CLOSED}:
            assert accounted, f"{event} ended {before} without a report"


@given(st.lists(EVENT, max_size=40))
def test_one_superseded_worker_reports_at_a_time(events: list[Event]):
    """No sequence asks a second worker for its modules before the first has ended, and each is ended afterwards."""
    state, reporting = State(), 0
    for event in events:
        if isinstance(event, Ended) and event.attempt == reporting:
            reporting = 0
        state, actions = step(state, event)
        for action in actions:
            if isinstance(action, AskModules):
                assert isinstance(event, BootRequested | RetireRequested)
                assert (event.modules_needed, reporting) == (True, 0)
                reporting = action.attempt
        assert state.reporting == reporting
    assert step(state, ModulesReportOver(reporting))[1] == ((Supersede(reporting),) if reporting else ())


@given(st.lists(EVENT, max_size=40))
def test_a_worker_comes_up_from_everywhere(events: list[Event]):
    """After any sequence but a stop, a boot whose worker is imported serves as soon as the old one has left."""
    state, _ = history(*(event for event in events if not isinstance(event, StopRequested)))
    state, _ = history(BootRequested(9), state=state)
    state, _ = history(Started(state.attempt, Source.NOTHING), Imported(state.attempt, "ready"), state=state)
    state, _ = history(StoppedAccepting(state.draining), state=state)
    assert (state.stage, state.generation) == (Stage.SERVING, 9)


ENDINGS = st.sampled_from(
    ["lost", "mismatch", "doubt", "declined", "late", "address", "address gone", "failed", "died", "start failed"]
)


@given(st.lists(st.tuples(ENDINGS, st.sampled_from(Source)), min_size=20, max_size=20))
def test_every_retry_ends(endings: list[tuple[str, Source]]):
    """However the attempts of one generation fail, at most six are started, and then the failure is reported."""
    state, actions = history(BootRequested(1))
    starts, reports = 1, 0
    for ending, there in endings:
        for started in [action for action in actions if isinstance(action, Start)]:
            source = max(there, started.fastest, key=list(Source).index)  # the faster ones are not there
            state, _ = history(Started(started.attempt, source), state=state)
        event: Event = {
            "lost": ForkLost(state.attempt),
            "mismatch": ForkMismatched(state.attempt),
            "doubt": ForkMismatched(state.attempt, "it raised"),
            "declined": SourceDeclined(state.attempt),
            "late": SourceTimedOut(state.attempt),
            "address": ImportFailed(state.attempt, REPORT, address_in_use=True),
            "address gone": OldWorkersGone(),
            "failed": ImportFailed(state.attempt, REPORT),
            "died": Died(state.attempt, "exit status 1", "page"),
            "start failed": StartFailed(state.attempt),
        }[ending]
        state, actions = history(event, state=state)
        starts += sum(isinstance(action, Start) for action in actions)
        reports += isinstance(event, StartFailed) and state.stage is Stage.NONE
        reports += sum(isinstance(action, ReportFailure | ReportDeath) for action in actions)
    assert starts <= MOST_ATTEMPTS
    assert reports or state.stage in {Stage.IMPORTING, Stage.ADDRESS_IN_USE}
