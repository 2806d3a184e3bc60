"""The table of ``appliance run --watch``, as histories of events, and over every sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.watched_run.watched_states import (
    EVENTS,
    ROWS,
    Action,
    Begun,
    Clear,
    Cleared,
    End,
    Ended,
    Event,
    Exit,
    PassOn,
    Phase,
    ReportEnd,
    Saved,
    Start,
    State,
    Stopped,
    step,
)
from tests.supervisor.histories import History

history: History[State, Event, Action] = History(step, State)
INTERRUPT = Stopped("SIGINT")


def test_a_save_runs_it_again():
    """A save ends the command, and the next run begins once nothing of the last is left."""
    assert history(Begun())[1] == [Start()]
    assert history(Begun(), Saved())[1] == [End()]
    assert history(Begun(), Saved(), Ended(143))[1] == [Clear()]
    assert history(Begun(), Saved(), Ended(143), Cleared())[1] == [Start()]


def test_an_end_waits_for_a_save():
    """The end of a command by itself is reported, and the command runs again at the next save."""
    assert history(Begun(), Ended(1))[1] == [ReportEnd(1), Clear()]
    waiting = [Begun(), Ended(1), Cleared()]
    assert history(*waiting)[0].phase is Phase.WAITING
    assert history(*waiting, Saved())[1] == [Start()]
    assert history(Begun(), Ended(1), Saved(), Cleared())[1] == [Start()]


def test_a_signal_ends_it_with_its_own_code():
    """A signal is passed on, each time that it comes, and the exit code is the command's."""
    assert history(Begun(), INTERRUPT)[1] == [PassOn("SIGINT")]
    assert history(Begun(), INTERRUPT, Stopped("SIGTERM"))[1] == [PassOn("SIGTERM")]
    assert history(Begun(), INTERRUPT, Saved())[1] == []
    assert history(Begun(), INTERRUPT, Ended(3), Cleared())[1] == [Exit(3)]


def test_a_signal_between_runs_exits_with_the_last_code():
    """A signal that comes while a save is waited for, or while the rest ends, exits with the code of the last run."""
    assert history(Begun(), Ended(4), Cleared(), INTERRUPT)[1] == [Exit(4)]
    assert history(Begun(), Ended(4), INTERRUPT, Saved(), Cleared())[1] == [Exit(4)]
    assert history(Begun(), Saved(), INTERRUPT, Ended(130), Cleared())[1] == [Exit(130)]


def test_a_misspelt_program_is_not_waited_for():
    """A first run without a program exits as a shell does; later a program may be missing for a moment."""
    assert history(Begun(), Ended(127), Cleared())[1] == [Exit(127)]
    assert history(Begun(), Ended(0), Cleared(), Saved(), Ended(127), Cleared())[0].phase is Phase.WAITING


def test_each_event_of_a_watched_run_has_a_row():
    """Each kind of event has a row somewhere, and each phase has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Phase)


EVENT = st.one_of(
    st.sampled_from([Saved(), Saved(), Cleared(), INTERRUPT]), st.builds(Ended, st.sampled_from([0, 1, 127, 143]))
)


@given(st.lists(EVENT, max_size=60))
def test_no_sequence_runs_a_command_twice_at_once(events: list[Event]):
    """No sequence starts a run beside another one or its rest, and nothing follows the exit."""
    state, _ = step(State(), Begun())
    alive, clearing = True, False
    for event in events:
        if (isinstance(event, Ended) and not alive) or (isinstance(event, Cleared) and not clearing):
            continue
        alive, clearing = alive and not isinstance(event, Ended), clearing and not isinstance(event, Cleared)
        state, actions = step(state, event)
        if any(isinstance(action, Start | Exit) for action in actions):
            assert not alive
            assert not clearing
        alive = alive or Start() in actions
        clearing = clearing or Clear() in actions
        assert alive == (state.phase in {Phase.RUNNING, Phase.ENDING, Phase.STOPPING})
        assert clearing == (state.phase is Phase.CLEARING)


@given(st.lists(EVENT, max_size=60))
def test_every_signal_leads_to_the_exit(events: list[Event]):
    """After any sequence a signal ends the command, once what runs has ended and nothing of it is left."""
    state, _ = history(Begun(), *events, INTERRUPT)
    assert history(Ended(9), Cleared(), state=state)[0].phase is Phase.GONE
