"""The table of the preloader's rounds, as histories of events, and over every sequence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.protocol.record import replace
from appliance.supervisor.preloading.preload_events import (
    Action,
    Discard,
    EndRound,
    Event,
    Exclude,
    ForkAhead,
    ForkMismatched,
    ListLoaded,
    ListReported,
    PreloaderEnded,
    PreloadRefused,
    Promote,
    ReportEnded,
    ReportRefused,
    RoundDue,
    RoundEnded,
    RoundFinished,
    RoundNotStarted,
    RoundStarted,
    Save,
    Schedule,
    SpareDue,
    SpareForked,
    SpareGone,
    StartRound,
    StopRequested,
    WorkerRequested,
)
from appliance.supervisor.preloading.preload_states import (
    ENDED_S,
    EVENTS,
    GROWN_S,
    LATER_S,
    REMAKES,
    REPLACED_S,
    ROUNDS,
    ROWS,
    Phase,
    PreloadRole,
    State,
    delay_s,
    fork_source,
    step,
)
from tests.supervisor.histories import History

UNSAFE = {"flask": "starts a thread"}
LEARNED = [ListLoaded(known=False, proven=False), ListReported(grown=True)]
IMPORTING = [*LEARNED, RoundDue(), RoundStarted()]
READY = [*IMPORTING, RoundFinished()]


history: History[State, Event, Action] = History(step, State)


def test_the_first_list_is_imported_at_once():
    """Nothing is imported before a list is known; the first list is imported without a delay."""
    state, actions = history(LEARNED[0])
    assert (delay_s(state), actions) == (None, [Discard()])
    state, actions = history(LEARNED[1], state=state)
    assert actions == [Save(), Schedule(0.0)]
    assert history(RoundDue(), state=state)[1] == [StartRound()]


def test_a_round_without_a_finding_gives_the_preloader():
    """A round that finds nothing is forked from; until then workers are started cold."""
    state, _ = history(*IMPORTING)
    assert fork_source(state) is None
    state, actions = history(RoundFinished(import_s=0.5), state=state)
    assert actions == [Save(), Promote(0.5)]
    assert (fork_source(state), state.proven) == (PreloadRole.READY, True)


def test_a_finding_is_left_out():
    """A module that a round finds unsafe is left out, and the next round begins."""
    state, actions = history(*IMPORTING, RoundFinished(UNSAFE))
    assert actions == [EndRound(), Exclude(UNSAFE), Save(), Schedule(0.0)]
    assert (state.newest, state.proven, state.rounds) == (2, False, 1)
    assert history(RoundDue(), state=state)[1] == [StartRound()]


def test_a_finding_is_left_out_of_a_list_that_nothing_has_proven():
    """A module of a longer list that is unsafe is left out of a newer list, which nothing has proven yet."""
    state, _ = history(*READY, ListReported(grown=True), RoundDue(), RoundStarted())
    state, actions = history(RoundFinished(UNSAFE), state=replace(state, proven=True))
    assert actions == [EndRound(), Exclude(UNSAFE), Save(), Schedule(GROWN_S)]
    assert (state.ready, state.newest, state.proven) == (1, 3, False)


def test_nothing_is_preloaded_after_findings_without_an_end():
    """After so many rounds with a finding in a row nothing is preloaded; the last finding is kept too."""
    state, actions = history(*LEARNED)
    for _ in range(ROUNDS):
        state, actions = history(RoundDue(), RoundStarted(), RoundFinished(UNSAFE), state=state)
        assert state.phase is Phase.WAITING
    state, actions = history(RoundDue(), RoundStarted(), RoundFinished(UNSAFE), state=state)
    refused = ReportRefused("what is unsafe to preload differs each time")
    assert (state.phase, actions) == (
        Phase.REFUSED, [EndRound(), Exclude(UNSAFE), Save(), refused, Save(), Discard()],
    )  # fmt: skip


def test_a_list_that_grows_is_imported_after_the_round():
    """A round goes on while the list grows; the longer list is imported after it, while the preloader serves."""
    state, actions = history(*IMPORTING, ListReported(grown=True))
    assert actions == [Save()]
    state, actions = history(RoundFinished(), state=state)
    assert actions == [Save(), Promote(0.0), Schedule(GROWN_S)]
    assert (fork_source(state), state.proven) == (PreloadRole.READY, False)


def test_a_list_that_was_kept_is_imported_at_the_first_request():
    """A list that an earlier run has proven is imported as soon as a worker is requested, which is forked from it."""
    state, actions = history(ListLoaded(known=True, proven=True))
    assert actions == [Discard(), Schedule(REPLACED_S)]
    state, actions = history(WorkerRequested(), state=state)
    assert actions == [StartRound()]
    state, _ = history(RoundStarted(), state=state)
    assert fork_source(state) is PreloadRole.IMPORTING
    unproven, actions = history(ListLoaded(known=True, proven=False), WorkerRequested())
    assert (actions, fork_source(unproven)) == ([], None)


def test_a_round_that_nobody_needs_starts_nothing():
    """A wait that ends after the newest list was imported starts nothing."""
    assert history(*READY, RoundDue())[1] == []


def test_a_worker_is_forked_ahead():
    """One worker is forked ahead from the preloader, and the next save takes it."""
    state, actions = history(*READY, SpareDue())
    assert actions == [ForkAhead()]
    state, _ = history(SpareForked(), state=state)
    assert fork_source(state) is PreloadRole.SPARE
    assert history(SpareDue(), state=state)[1] == []
    assert fork_source(history(SpareGone(), state=state)[0]) is PreloadRole.READY


def test_a_mismatch_of_a_fork_ends_the_preloader():
    """A mismatch ends the preloader; what it names is left out, and what is only stale is imported again."""
    state, actions = history(*READY, ForkMismatched(UNSAFE, stale=False))
    assert actions == [Exclude(UNSAFE), Save(), Discard(), Schedule(REPLACED_S)]
    assert fork_source(state) is None
    assert (state.newest, state.proven) == (2, False)
    assert history(*READY, ForkMismatched({}, stale=True))[1] == [Save(), Discard(), Schedule(REPLACED_S)]
    state, _ = history(*READY)
    assert history(ForkMismatched({}, stale=False), state=state) == (state, []), "a cold start decides"


def test_the_wait_for_a_cold_start_is_over():
    """A list that a worker reports ends the wait for that worker's cold start."""
    assert history(*READY, ForkMismatched({}, stale=True), ListReported(grown=False))[1][-1] == Schedule(0.0)


def test_a_list_that_was_proven_once_is_tried_again():
    """A list that was proven once is not refused as a whole: another round is tried."""
    state, _ = history(*LEARNED, RoundDue(), RoundStarted())
    refused = RoundFinished({}, "it runs a thread")
    assert history(refused, state=state)[0].phase is Phase.REFUSED
    proven = [ListLoaded(known=True, proven=True), WorkerRequested(), RoundStarted()]
    assert history(*proven, refused)[0].phase is Phase.WAITING


def test_the_module_at_which_a_process_ended_is_left_out():
    """The module that ran last is left out; without one, nothing is preloaded; a copy that never was is replaced."""
    state, _ = history(*IMPORTING)
    died = RoundEnded(forked=True, how="killed by SIGSEGV", found=UNSAFE)
    assert Exclude(UNSAFE) in history(died, state=state)[1]
    state_after, actions = history(RoundEnded(forked=True, how="exit status 1", found={}), state=state)
    assert (state_after.phase, actions[0]) == (Phase.REFUSED, ReportRefused("the preloader ended (exit status 1)"))
    state_after, actions = history(RoundEnded(forked=False, how="", found={}), state=state)
    assert (state_after.importing, actions) == (None, [Schedule(0.0)])


def test_a_preloader_that_ends_is_made_again():
    """A preloader that ends by itself is reported, and made again after a moment."""
    assert history(*READY, PreloaderEnded("exit status 1", lasted=False))[1] == [
        ReportEnded("exit status 1"), Schedule(ENDED_S),
    ]  # fmt: skip


@pytest.mark.parametrize("lasted", [True, False])
def test_a_preloader_that_never_lasts_is_not_made_again(lasted: bool):
    """A preloader that ends by itself so often in a row is not made again; one that has lasted begins the row again."""
    state, _ = history(*READY)
    ended = PreloaderEnded("exit status 1", lasted=False)
    for number in range(1, REMAKES + 1):
        state, actions = history(PreloaderEnded("exit status 1", lasted=lasted and number == REMAKES), state=state)
        assert actions == [ReportEnded("exit status 1"), Schedule(ENDED_S)]
        state, _ = history(RoundDue(), RoundStarted(), RoundFinished(), state=state)
    for _ in range(REMAKES - 1 if lasted else 0):
        state, _ = history(ended, RoundDue(), RoundStarted(), RoundFinished(), state=state)
        assert state.phase is Phase.WAITING
    state, actions = history(ended, state=state)
    reason = ReportRefused("the preloader ended (exit status 1) again and again")
    assert (state.phase, actions) == (Phase.REFUSED, [ReportEnded("exit status 1"), reason, Save(), Discard()])


def test_a_start_that_fails_is_tried_again_ever_later():
    """Each start that fails doubles the wait, up to a bound, and only the first is reported."""
    state, found = history(*LEARNED)[0], list[list[Action]]()
    for _ in range(8):
        state, actions = history(RoundDue(), RoundNotStarted("no process"), state=state)
        found.append(actions)
    waits = [Schedule(after_s) for after_s in (2.0, 4.0, 8.0, 16.0, 32.0, LATER_S, LATER_S, LATER_S)]
    assert found == [[ReportEnded("no process"), waits[0]], *([wait] for wait in waits[1:])]


def test_a_refusal_lasts_until_the_environment_changes():
    """While nothing may be preloaded, what is learned is kept and nothing is started; another environment ends that."""
    state, actions = history(*READY, PreloadRefused("sitecustomize"))
    assert actions == [ReportRefused("sitecustomize"), Save(), Discard()]
    for event in (RoundDue(), WorkerRequested(), SpareDue(), PreloadRefused("sitecustomize")):
        assert history(event, state=state) == (state, [])
    assert history(ListReported(grown=True), state=state) == (state, [Save()])
    other, actions = history(PreloadRefused("another reason"), state=state)
    assert (other.phase, other.reason) == (Phase.REFUSED, "another reason")
    assert actions == [ReportRefused("another reason"), Save(), Discard()]
    assert history(ListLoaded(known=True, proven=False), state=state)[0].phase is Phase.WAITING


def test_a_stop_has_a_reason():
    """After a stop nothing is preloaded, for the reason that was given."""
    state, actions = history(*READY, StopRequested("a setting"))
    assert (state.phase, state.reason, actions) == (Phase.OFF, "a setting", [Discard()])


# Every field differs from what it is at first.
ROUND = State(
    Phase.IMPORTING, "", 3, importing=3, ready=2, proven=True, pause_s=9.0, spare=True, rounds=4, remakes=2, misses=5,
)  # fmt: skip
FIRST = replace(ROUND, ready=None)
WAITING = replace(ROUND, phase=Phase.WAITING, importing=None)


@pytest.mark.parametrize(
    ("before", "event", "after", "actions"),
    [
        # A round that finds nothing gives the preloader, and begins every count again; proven is the newest list alone.
        (
            ROUND, RoundFinished(import_s=0.5),
            State(Phase.WAITING, "", 3, ready=3, proven=True, remakes=2), [Save(), Promote(0.5)],
        ),
        (
            replace(ROUND, newest=4), RoundFinished(),
            State(Phase.WAITING, "", 4, ready=3, remakes=2), [Save(), Promote(0.0), Schedule(GROWN_S)],
        ),
        # A spare of the older preloader goes with it; one of the round's own process stays.
        (
            FIRST, RoundFinished(),
            State(Phase.WAITING, "", 3, ready=3, proven=True, spare=True, remakes=2), [Save(), Promote(0.0)],
        ),
        # A module that is found unsafe is left out; a list that was proven before is not refused as a whole.
        *(
            (
                ROUND, RoundFinished(found, refused),
                replace(WAITING, newest=4, proven=False, rounds=5), [EndRound(), Exclude(found), Save(), Schedule(9.0)],
            )
            for found, refused in ((UNSAFE, ""), ({}, "it runs a thread"))
        ),
        (
            replace(ROUND, proven=False), RoundFinished({}, "it runs a thread"),
            State(Phase.REFUSED, "it runs a thread", 3, pause_s=9.0, rounds=4, remakes=2, misses=5),
            [EndRound(), ReportRefused("it runs a thread"), Save(), Discard()],
        ),
        # A fork that does not fit ends every process, and the next round waits for a cold start.
        *(
            (
                state, ForkMismatched({}, stale=True),
                replace(WAITING, ready=None, spare=False, pause_s=REPLACED_S),
                [Save(), Discard(), Schedule(REPLACED_S)],
            )
            for state in (ROUND, WAITING)
        ),
        # A longer list is a newer one; the same list, reported again, is as proven as it was.
        (WAITING, ListReported(grown=True), replace(WAITING, newest=4, proven=False), [Save(), Schedule(9.0)]),
        (WAITING, ListReported(grown=False), WAITING, [Save(), Schedule(9.0)]),
        (State(misses=5), ListReported(grown=False), State(Phase.WAITING, newest=1, misses=5), [Save(), Schedule(0.0)]),
        # Another environment begins with its own list; that no process could be started is not the environment's.
        (ROUND, ListLoaded(known=False, proven=True), State(misses=5), [Discard()]),
        *(
            (
                ROUND, ListLoaded(known=True, proven=proven),
                State(Phase.WAITING, newest=1, proven=proven, pause_s=REPLACED_S, misses=5),
                [Discard(), Schedule(REPLACED_S)],
            )
            for proven in (True, False)
        ),
        (
            ROUND, StopRequested("a setting"),
            replace(FIRST, phase=Phase.OFF, reason="a setting", importing=None, spare=False), [Discard()],
        ),
    ],
)  # fmt: skip
def test_each_row_changes_what_it_names(before: State, event: Event, after: State, actions: list[Action]):
    """A row changes the fields of the state that its event is about, and no other."""
    assert history(event, state=before) == (after, actions)


def test_every_event_of_preloading_is_listed():
    """Each kind of event has a row somewhere, and each phase has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Phase)


# -- every sequence ----------------------------------------------------------------------------------------------------

FOUND = st.sampled_from([{}, UNSAFE])
EVENT = st.one_of(
    st.builds(ListLoaded, st.booleans(), st.booleans()),
    st.builds(ListReported, st.booleans()),
    st.builds(ForkMismatched, FOUND, st.booleans()),
    st.builds(PreloadRefused, st.sampled_from(["a", "b"])),
    st.builds(RoundFinished, FOUND, st.sampled_from(["", "", "it runs a thread"])),
    st.builds(RoundEnded, st.booleans(), st.just("exit status 1"), FOUND),
    st.builds(PreloaderEnded, st.just("exit status 1"), st.booleans()),
    st.sampled_from([
        WorkerRequested(), SpareDue(), SpareForked(), SpareGone(), RoundDue(), RoundStarted(), RoundNotStarted("none"),
    ]),
    st.builds(StopRequested, st.just("the appliance stops")),
)  # fmt: skip


@given(st.lists(EVENT, max_size=40))
def test_no_sequence_reaches_an_unlisted_phase(events: list[Event]):
    """No sequence reaches an unlisted phase, begins two rounds at once, or forgets the next round."""
    state, scheduled = State(), False
    for event in events:
        before = state
        scheduled &= not isinstance(event, RoundDue)
        state, actions = step(state, event)
        assert state.phase in ROWS
        for action in actions:
            scheduled = scheduled and not isinstance(action, Discard)
            scheduled |= isinstance(action, Schedule)
            assert not (isinstance(action, StartRound) and state.importing is not None)
        assert (state.importing is not None) == (state.phase is Phase.IMPORTING)
        if state.phase in {Phase.UNKNOWN, Phase.REFUSED, Phase.OFF}:
            assert fork_source(state) is None
        begun = any(isinstance(action, StartRound) for action in actions)
        assert delay_s(state) is None or scheduled or begun, f"{event} forgot the next round of {before}"
        if begun:  # its performer says at once what came of it
            state, actions = step(state, RoundNotStarted("none"))
            scheduled |= any(isinstance(action, Schedule) for action in actions)
        if before.phase is Phase.OFF:
            assert (state, actions) == (before, ())


@given(st.lists(EVENT, max_size=40), st.booleans())
def test_the_newest_list_comes_up_from_everywhere(events: list[Event], refused: bool):
    """After any sequence but a stop, the newest list is forked from within two rounds that find nothing."""
    state, _ = history(*(event for event in events if not isinstance(event, StopRequested)))
    if refused or state.phase is Phase.REFUSED:
        state, _ = history(ListLoaded(known=True, proven=False), state=state)
    state, _ = history(ListReported(grown=True), state=state)
    for _ in range(2):  # what is imported may be an older list
        if state.phase is Phase.WAITING:
            state, actions = history(RoundDue(), state=state)
            assert actions in ([StartRound()], [])
            if actions:
                state, _ = history(RoundStarted(), state=state)
        state, _ = history(RoundFinished(), state=state)
    assert (state.phase, state.ready, delay_s(state)) == (Phase.WAITING, state.newest, None)


BAD = st.sampled_from([RoundFinished(UNSAFE), RoundEnded(forked=True, how="exit status 1", found=UNSAFE)])


@given(st.lists(BAD, min_size=ROUNDS + 1, max_size=ROUNDS + 1))
def test_every_row_of_rounds_ends(endings: list[Event]):
    """Rounds that find something each time end in a refusal with its reason."""
    state, _ = history(*LEARNED)
    for ending in endings:
        assert state.phase is Phase.WAITING
        state, _ = history(RoundDue(), RoundStarted(), ending, state=state)
    assert (state.phase, state.reason) == (Phase.REFUSED, "what is unsafe to preload differs each time")


def test_a_preloader_that_ends_again_and_again_is_refused():
    """A preloader that ends by itself time after time is refused; one that has lasted counts as the first."""
    for lasted in (False, True):
        state, _ = history(*READY)
        for _ in range(REMAKES + 1):
            state, _ = history(PreloaderEnded("exit status 1", lasted), RoundDue(), state=state)
            state, _ = history(RoundStarted(), RoundFinished(), state=state)
        assert (state.phase is Phase.REFUSED) is not lasted
