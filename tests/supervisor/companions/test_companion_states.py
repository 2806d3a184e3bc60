"""The table of a companion's runs, as histories of events, and over every sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.companions.companion_states import (
    CRASH_LOOP,
    EVENTS,
    ROWS,
    WAITS_S,
    Action,
    Clear,
    Cleared,
    Declared,
    End,
    Ended,
    Event,
    Forget,
    Outcome,
    Phase,
    Reloaded,
    Removed,
    ReportEnd,
    ReportFailure,
    RetryDue,
    RetryLater,
    Start,
    StartFailed,
    State,
    step,
)
from tests.supervisor.histories import History

history: History[State, Event, Action] = History(step, State)
FAILED = Ended(Outcome.FAILURE, "exit status 3")
MISSING = Ended(Outcome.MISSING, "exit status 127")
DONE = Ended(Outcome.SUCCESS, "exit status 0")
ASKED = Ended(Outcome.FAILURE, "killed by SIGTERM")


def failures(count: int) -> list[Event]:
    """A companion that has failed so often in a row; its last wait is not over."""
    rounds = [[FAILED, Cleared(), RetryDue(run)] for run in range(1, count + 1)]
    return [Declared(), *(event for each in rounds for event in each)][:-1]


def reports(events: list[Event]) -> list[ReportFailure]:
    """Every failure that is reported on the way."""
    state, found = State(), []
    for event in events:
        state, actions = step(state, event)
        found += [action for action in actions if isinstance(action, ReportFailure)]
    return found


def test_a_companion_is_started_when_it_is_declared():
    """A declared companion starts, and a change of its declaration ends it and starts it again, once it is gone."""
    state, actions = history(Declared())
    assert (state.phase, actions) == (Phase.RUNNING, [Start(loud=True)])
    state, actions = history(Declared(), state=state)
    assert (state.phase, actions) == (Phase.ENDING, [End()])
    state, actions = history(ASKED, state=state)
    assert actions == [ReportEnd("killed by SIGTERM", loud=False), Clear()]
    assert history(Cleared(), state=state)[1] == [Start(loud=True)]


def test_a_removed_companion_is_forgotten():
    """A companion that is not declared any more is ended, and forgotten once nothing of it is left."""
    state, actions = history(Declared(), Removed())
    assert actions == [End()]
    state, actions = history(ASKED, state=state)
    assert actions == [ReportEnd("killed by SIGTERM", loud=True), Clear()]
    assert history(Cleared(), state=state)[1] == [Forget()]


def test_a_companion_that_is_declared_again_while_it_ends_is_started():
    """A companion that is declared again while it ends is started again; a reload alone does not bring it back."""
    ending = [Declared(), Removed()]
    assert history(*ending, Reloaded(), ASKED, Cleared())[1] == [Forget()]
    assert history(*ending, Declared(), ASKED, Cleared())[1] == [Start(loud=True)]


def test_success_starts_nothing_again():
    """A companion that ends with success stays ended until its declaration changes, or its reload is asked for."""
    finished = [Declared(), DONE, Cleared()]
    state, actions = history(*finished)
    assert (state.phase, actions) == (Phase.FINISHED, [])
    assert history(*finished, Reloaded())[1] == [Start(loud=True)]
    assert history(*finished, Declared())[1] == [Start(loud=True)]
    assert history(*finished, Removed())[1] == [Forget()]


def test_each_failure_waits_longer():
    """The wait before the next start grows up to its limit, and stays there."""
    waits = []
    for count in range(1, len(WAITS_S) + 4):
        action = history(*failures(count))[1][-1]
        assert isinstance(action, RetryLater)
        waits.append(action.after_s)
    assert waits == [*WAITS_S, *[WAITS_S[-1]] * 3]
    assert (waits[0], waits[-1]) == (0.05, 30.0)


def test_a_companions_crash_loop_is_reported_once():
    """The first failure of a row is reported, then the one that makes it a crash loop, and nothing more."""
    found = reports(failures(40))
    assert [each.count for each in found] == [0, CRASH_LOOP]
    assert history(*failures(3), RetryDue(3))[1] == [Start(loud=False)]


def test_a_failure_after_a_long_run_counts_from_the_start():
    """A run that did not end early begins a new row: its failure is reported, and it is started again soon."""
    state, _ = history(*failures(6), RetryDue(6))
    state, actions = history(Ended(Outcome.FAILURE, "exit status 1", early=False), state=state)
    assert actions == [ReportFailure("exit status 1", WAITS_S[0]), Clear()]
    assert history(Cleared(), state=state)[1] == [RetryLater(7, WAITS_S[0])]


def test_a_missing_program_is_reported_once():
    """A program that does not exist is reported once, and looked for after the longest wait."""
    rounds: list[Event] = [Declared(), MISSING, Cleared(), RetryDue(1), MISSING, Cleared(), RetryDue(2), MISSING]
    assert reports(rounds) == [ReportFailure("exit status 127", WAITS_S[-1], missing=True)]
    assert reports([*rounds, Cleared(), RetryDue(3), FAILED])[1:] == [ReportFailure("exit status 3", WAITS_S[0])]


def test_a_change_starts_what_waits_at_once():
    """A companion that waits for its next start starts at once when it is declared otherwise, or reloaded."""
    for event in (Declared(), Reloaded()):
        state, actions = history(*failures(7), event)
        assert (state.failures, actions) == (0, [Start(loud=True)])
        assert history(RetryDue(7), state=state) == (state, [])
    assert history(*failures(7), Removed())[1] == [Forget()]


def test_a_companions_start_that_fails_is_tried_again():
    """A companion without a process is reported with the reason, and tried again after the wait."""
    state, actions = history(Declared(), StartFailed("no folder", "make it"))
    assert actions == [ReportFailure("no folder", WAITS_S[0], action="make it"), RetryLater(1, WAITS_S[0])]
    assert history(RetryDue(1), state=state)[1] == [Start(loud=False)]


def test_each_event_has_a_row():
    """Each kind of event has a row somewhere, and each phase has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Phase)


EVENT = st.one_of(
    st.sampled_from([Declared(), Declared(), Removed(), Reloaded(), StartFailed("no", "do"), Cleared()]),
    st.builds(Ended, st.sampled_from(Outcome), st.just("how"), st.booleans()),
    st.builds(RetryDue, st.integers(1, 6)),
)


class World:
    """The facts of the table: whether a process of a run is alive, and whether the companion is declared."""

    def __init__(self) -> None:
        self.state = State()
        self.alive = self.clearing = self.declared = False

    def can_happen(self, event: Event) -> bool:
        """Whether there is something that can end, or be cleared."""
        return self.alive if isinstance(event, Ended | StartFailed) else self.clearing or not isinstance(event, Cleared)

    def take(self, event: Event) -> None:
        """Let an event happen, and perform its actions."""
        self.declared = isinstance(event, Declared) or (self.declared and not isinstance(event, Removed))
        self.alive = self.alive and not isinstance(event, Ended | StartFailed)
        self.clearing = self.clearing and not isinstance(event, Cleared)
        self.state, actions = step(self.state, event)
        for action in actions:
            self.perform(action)

    def perform(self, action: Action) -> None:
        """Perform an action that is allowed now."""
        busy = self.alive or self.clearing
        match action:
            case Start():
                assert not busy, "a run beside another one, or beside its rest"
                self.alive = True
            case Clear():
                self.clearing = True
            case Forget():
                assert not busy, "something is left of it"
                assert not self.declared, "it is still wanted"
            case End():
                assert self.alive, "nothing to end"
            case _:
                pass


@given(st.lists(EVENT, max_size=60))
def test_no_sequence_lets_two_runs_be_alive(events: list[Event]):
    """No sequence starts a run beside another one or its rest, or loses one that is declared."""
    world = World()
    for event in filter(world.can_happen, events):
        world.take(event)
        assert world.alive == (world.state.phase in {Phase.RUNNING, Phase.ENDING})
        assert world.clearing == (world.state.phase is Phase.CLEARING)
        assert not (world.declared and world.state.phase is Phase.STOPPED), "it is lost"


@given(st.lists(EVENT, max_size=60))
def test_what_is_declared_comes_to_run(events: list[Event]):
    """After any sequence, a declared companion runs once the last run is gone, and a removed one comes to its end."""
    state, _ = history(*events, Declared())
    if state.phase is Phase.ENDING:
        state, _ = history(ASKED, state=state)
    if state.phase is Phase.CLEARING:
        state, _ = history(Cleared(), state=state)
    assert state.phase is Phase.RUNNING
    assert history(Removed(), ASKED, Cleared(), state=state)[0].phase is Phase.STOPPED
