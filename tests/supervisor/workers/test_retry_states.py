"""The table of a worker's starts, as histories of events, and over every sequence."""

from __future__ import annotations

import pytest

from appliance.supervisor.workers.retry_states import EVENTS, ROWS, Stage, State, step
from appliance.supervisor.workers.worker_events import (
    RULES,
    Accept,
    Action,
    AskModules,
    AwaitAddress,
    BootRequested,
    CodeSaved,
    Died,
    Drain,
    DropSource,
    Ended,
    Event,
    ExpectEnd,
    ForkLost,
    ForkMismatched,
    Imported,
    ImportFailed,
    Kill,
    KillRequested,
    ModulesReportOver,
    OldWorkersGone,
    RefusePreload,
    ReportDeath,
    ReportDeclined,
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


history: History[State, Event, Action] = History(step, State)


FORKED = [BootRequested(1), Started(1, Source.PRELOADER)]
COLD = [BootRequested(1), Started(1, Source.NOTHING)]
SERVING = [*COLD, Imported(1, "ready")]


def test_a_worker_is_started_and_serves():
    """A generation starts one attempt, forked where the preloader can; once it is imported it accepts."""
    state, actions = history(BootRequested(1))
    assert actions == [Start(1, 1, Source.SNAPSHOT)]
    state, actions = history(Started(1, Source.PRELOADER), Imported(1, "ready"), state=state)
    assert (state.stage, actions) == (Stage.SERVING, [Accept(1, "ready")])


def test_the_new_worker_waits_for_the_old_one():
    """A worker that is ready accepts once the old one has left the listening socket, and not before."""
    state, actions = history(*SERVING, RetireRequested(1))
    assert actions == [Drain(1)]
    state, actions = history(BootRequested(2), Started(2, Source.PRELOADER), Imported(2, "ready"), state=state)
    assert (state.stage, actions) == (Stage.IMPORTED, [])
    assert history(StoppedAccepting(2), state=state) == (state, [])
    state, actions = history(StoppedAccepting(1), state=state)
    assert (state.stage, actions) == (Stage.SERVING, [Accept(2, "ready")])


def test_a_superseded_worker_never_accepts():
    """A save ends a worker that waits for the old one; when that one leaves the socket the newest is accepted."""
    state, _ = history(*SERVING, RetireRequested(1), BootRequested(2), Imported(2, "ready"))
    state, actions = history(RetireRequested(2), state=state)
    assert actions == [Supersede(2)]
    state, _ = history(BootRequested(3), StoppedAccepting(1), state=state)
    assert state.stage is Stage.IMPORTING
    assert history(Imported(2, "late"), state=state) == (state, [])
    assert history(Imported(3, "ready"), state=state)[1] == [Accept(3, "ready")]


def test_a_superseded_worker_may_report_its_modules():
    """A superseded worker is asked for its modules where they are needed, and ended once it has answered or not."""
    state, actions = history(*COLD, RetireRequested(1, modules_needed=True))
    assert actions == [AskModules(1)]
    for number, ended in ((1, [Supersede(1)]), (2, [])):
        assert history(ModulesReportOver(number), state=state)[1] == ended
        assert history(StopRequested(), ModulesReportOver(number), state=state)[1] == ended


def test_superseded_workers_report_one_at_a_time():
    """While a superseded worker lives that was asked for its modules, the next one is ended at once."""
    state, _ = history(*COLD, RetireRequested(1, modules_needed=True), BootRequested(2))
    state, actions = history(ModulesReportOver(1), BootRequested(3, modules_needed=True), state=state)
    assert actions == [Supersede(2), Start(3, 3, Source.SNAPSHOT)]
    state, actions = history(Ended(2), BootRequested(4, modules_needed=True), state=state)
    assert actions == [Supersede(3), Start(4, 4, Source.SNAPSHOT)]
    state, actions = history(Ended(1), BootRequested(5, modules_needed=True), state=state)
    assert actions == [AskModules(4), Start(5, 5, Source.SNAPSHOT)]


def test_the_end_of_a_worker_frees_the_socket():
    """A worker that drains and ends without a message has stopped accepting: the next one may accept."""
    state, _ = history(*SERVING, RetireRequested(1), BootRequested(2), Imported(2, "ready"))
    assert history(Ended(1), state=state)[1] == [Accept(2, "ready")]


def test_a_fork_that_does_not_fit_is_started_cold():
    """A forked worker that does not fit, or that was never forked, is started again cold, without a report."""
    assert history(*FORKED, ForkMismatched(1))[1] == [ExpectEnd(1), Start(1, 2, Source.NOTHING)]
    assert history(*FORKED, ForkLost(1))[1] == [Start(1, 2, Source.NOTHING)]


def test_a_mismatch_of_a_cold_worker_starts_nothing():
    """A mismatch that a cold worker reports of its fork starts nothing: the next one would report the same."""
    state, _ = history(*COLD)
    for event in (ForkMismatched(1, "odd"), ForkLost(1)):
        assert history(event, state=state) == (state, [])


def test_a_cold_start_settles_a_doubt():
    """A fork is at fault where a cold start serves what a forked one failed at; then nothing is preloaded."""
    state, _ = history(*FORKED, ForkMismatched(1, "it raised"), Started(2, Source.NOTHING))
    assert history(Imported(2, "ready"), state=state)[1] == [Accept(2, "ready"), RefusePreload("it raised")]
    state, actions = history(ImportFailed(2, REPORT), state=state)
    assert actions == [ExpectEnd(2), ReportFailure(2, REPORT)]
    assert history(BootRequested(2), state=state)[1] == [Start(2, 3, Source.SNAPSHOT)]


def test_a_forked_worker_that_dies_is_followed_by_a_cold_one():
    """After a forked worker's death at import the next generation starts cold; one that serves then refuses preload."""
    state, actions = history(*FORKED, Died(1, "killed by SIGSEGV", "page"))
    assert actions == [ReportDeath("killed by SIGSEGV", "page")]
    state, actions = history(BootRequested(2), state=state)
    assert actions == [Start(2, 2, Source.NOTHING)]
    serving = history(Started(2, Source.NOTHING), Imported(2, "ready"), state=state)[1]
    assert [type(action) for action in serving] == [Accept, RefusePreload]


def test_a_death_of_a_cold_worker_doubts_nothing():
    """A cold worker that dies at import, or any worker that dies while it serves, says nothing of the fork."""
    for events in ([*COLD, Died(1, "exit status 1", "page")], [*SERVING, Died(1, "exit status 1", "page")]):
        state, _ = history(*events)
        assert (state.doubt, history(BootRequested(2), state=state)[1]) == ("", [Start(2, 2, Source.SNAPSHOT)])


def test_a_save_ends_a_doubt():
    """A save ends the doubts about the code before it: the next start is forked again."""
    state, _ = history(*FORKED, Died(1, "exit status 1", "page"), CodeSaved())
    assert history(BootRequested(2), state=state)[1] == [Start(2, 2, Source.SNAPSHOT)]


def test_a_doubt_outlives_a_start_that_failed():
    """A cold start that had no process has shown nothing: the next one is cold again."""
    state, _ = history(*FORKED, ForkMismatched(1, "it raised"), StartFailed(2), KillRequested(1))
    assert history(BootRequested(2), state=state)[1] == [Start(2, 3, Source.NOTHING)]


def test_a_doubt_outlives_a_boot():
    """A boot that nobody has announced ends the attempt before it, and keeps the doubt that this one was to settle."""
    state, actions = history(*FORKED, ForkMismatched(1, "it raised"), Started(2, Source.NOTHING), BootRequested(2))
    assert actions == [Supersede(2), Start(2, 3, Source.NOTHING)]
    serving = history(Started(3, Source.NOTHING), Imported(3, "ready"), state=state)[1]
    assert serving == [Accept(3, "ready"), RefusePreload("it raised")]


def test_a_start_counts_as_cold_until_started():
    """A start after a fork is not a fork until ``Started`` says so, and keeps nothing of the attempt before it."""
    state, _ = history(
        *SERVING, RetireRequested(1), BootRequested(2), Started(2, Source.PRELOADER), Imported(2, "ready")
    )
    assert (state.source, state.ready) == (Source.PRELOADER, "ready")
    assert history(RetireRequested(2), state=state)[0].ready is None
    state, _ = history(ForkLost(2), state=state)
    assert (state.stage, state.source, state.ready) == (Stage.IMPORTING, Source.NOTHING, None)
    assert history(ForkLost(3), state=state) == (state, [])


def test_an_old_generation_is_not_retired_again():
    """A request to retire a generation that is not the newest changes nothing."""
    state, _ = history(*SERVING, BootRequested(2))
    assert history(RetireRequested(1), state=state) == (state, [])


def test_each_generation_may_wait_for_an_address():
    """A generation may wait for its address once, whatever the one before it did."""
    used = ImportFailed(1, REPORT, address_in_use=True)
    state, _ = history(*FORKED, used, OldWorkersGone(), Imported(2, "ready"), BootRequested(2))
    _, actions = history(ImportFailed(3, REPORT, address_in_use=True), state=state)
    assert actions == [ExpectEnd(3), AwaitAddress(3)]


def test_a_doubt_ends_with_its_attempt():
    """A doubt that a cold start was to settle is forgotten once that start is superseded, or killed while it runs."""
    cold = [*FORKED, ForkMismatched(1, "it raised"), Started(2, Source.NOTHING)]
    for event in (RetireRequested(1), KillRequested(1)):
        state, _ = history(*cold, event)
        assert (state.doubt, history(BootRequested(2), state=state)[1]) == ("", [Start(2, 3, Source.SNAPSHOT)])


def test_a_worker_that_serves_has_no_doubt_left():
    """Once a cold worker has been accepted the next generation is forked again, and what it sent is let go."""
    state, _ = history(*FORKED, ForkMismatched(1, "it raised"), Started(2, Source.NOTHING), Imported(2, "ready"))
    assert (state.doubt, state.ready) == ("", None)
    assert history(BootRequested(2), state=state)[1] == [Start(2, 3, Source.SNAPSHOT), Drain(2)]


def test_an_address_in_use_is_waited_for_once():
    """A worker whose address an old one may hold is started again when that one has gone; a second time is reported."""
    state, actions = history(*FORKED, ImportFailed(1, REPORT, address_in_use=True))
    assert (state.stage, actions) == (Stage.ADDRESS_IN_USE, [ExpectEnd(1), AwaitAddress(1)])
    state, actions = history(OldWorkersGone(), state=state)
    assert actions == [Start(1, 2, Source.PRELOADER)]
    _, actions = history(ImportFailed(2, REPORT, address_in_use=True), state=state)
    assert actions == [ExpectEnd(2), ReportFailure(2, REPORT)]


def test_a_generation_that_is_given_up_does_not_come_back():
    """A generation that waits for an address is not started again once it is retired or killed, or at a stop."""
    waiting = [*FORKED, ImportFailed(1, REPORT, address_in_use=True)]
    for event in (RetireRequested(1), KillRequested(1), StopRequested()):
        state, _ = history(*waiting, event)
        assert history(OldWorkersGone(), state=state) == (state, [])


def test_a_kill_ends_what_is_wanted():
    """A killed generation's late events change nothing, and a kill of an older generation changes nothing at all."""
    state, actions = history(*COLD, KillRequested(1))
    assert actions == [Kill(1)]
    for late in (Imported(1, "ready"), Died(1, "killed", "page"), ImportFailed(1, REPORT), StartFailed(1)):
        assert history(late, state=state) == (state, [])
    serving, _ = history(*SERVING)
    assert history(KillRequested(0), state=serving) == (serving, [])


@pytest.mark.parametrize(
    ("event", "actions"),
    [
        (
            SourceDeclined(1, "a class", "/app.py"),
            [ExpectEnd(1), ReportDeclined(Source.SNAPSHOT, "a class", "/app.py")],
        ),
        (SourceTimedOut(1), [Supersede(1), DropSource(Source.SNAPSHOT, "a fork of it does not answer")]),
        (ForkLost(1), [DropSource(Source.SNAPSHOT, "a fork of it has ended")]),
        (Died(1, "killed", "page"), [DropSource(Source.SNAPSHOT, "a fork of it has ended (killed)")]),
        (ImportFailed(1, REPORT), [ExpectEnd(1), DropSource(Source.SNAPSHOT, "a fork of it has failed")]),
        (ForkMismatched(1, "it raised"), [ExpectEnd(1), DropSource(Source.SNAPSHOT, "it does not fit the project")]),
    ],
)
def test_a_swap_that_does_not_come_up_is_followed_by_a_fork(event: Event, actions: list[Action]):
    """After any end of a worker from a snapshot before it serves, the next one is forked from the preloader."""
    state, _ = history(BootRequested(1), Started(1, Source.SNAPSHOT))
    state, performed = history(event, state=state)
    # If the swap was only declined, nothing has failed: the import is right.
    fastest = Source.CHECKPOINT if isinstance(event, SourceDeclined) else Source.PRELOADER
    assert performed == [*actions, Start(1, 2, fastest)]
    assert (state.stage, state.source, state.doubt) == (Stage.IMPORTING, Source.NOTHING, "")


@pytest.mark.parametrize(
    ("event", "actions"),
    [
        (SourceDeclined(1, "a class"), [ExpectEnd(1), ReportDeclined(Source.CHECKPOINT, "a class", "")]),
        (SourceTimedOut(1), [Supersede(1), DropSource(Source.CHECKPOINT, "a fork of it does not answer")]),
        (ForkLost(1), [DropSource(Source.CHECKPOINT, "a fork of it has ended")]),
        (Died(1, "killed", "page"), [DropSource(Source.CHECKPOINT, "a fork of it has ended (killed)")]),
        (ForkMismatched(1, "it raised"), [ExpectEnd(1), DropSource(Source.CHECKPOINT, "it does not fit the project")]),
    ],
)
def test_a_failed_worker_of_a_checkpoint_is_followed_by_the_preloaders(event: Event, actions: list[Action]):
    """A worker from a checkpoint that does not come up is followed by one from the preloader; a mistake is shown."""
    state, _ = history(BootRequested(1), Started(1, Source.CHECKPOINT))
    assert history(event, state=state)[1] == [*actions, Start(1, 2, Source.PRELOADER)]
    assert history(ImportFailed(1, REPORT), state=state)[1] == [ExpectEnd(1), ReportFailure(1, REPORT)]


def test_a_swapped_worker_that_serves_is_as_any_other():
    """A worker from a snapshot that serves is one as any other: it has no time to keep, and its death is reported."""
    state, _ = history(BootRequested(1), Started(1, Source.SNAPSHOT), Imported(1, "ready"))
    assert history(SourceTimedOut(1), state=state) == (state, [])
    assert history(Died(1, "killed", "page"), state=state)[1] == [ReportDeath("killed", "page")]
    forked, _ = history(*FORKED)
    for late in (SourceTimedOut(1), SourceDeclined(1)):
        assert history(late, state=forked) == (forked, [])


def test_each_source_is_followed_by_a_slower_one():
    """Each source has rules, and only slower ones follow it, so that every worker is started cold in the end."""
    order = list(RULES)
    assert order == list(Source)
    for source, rules in RULES.items():
        following = [each for each in (rules.if_failed, rules.if_declined) if each is not None]
        assert all(order.index(each) > order.index(source) for each in following)
        assert bool(following) == (source is not Source.NOTHING)


def test_every_event_of_an_attempt_is_listed():
    """Each kind of event has a row somewhere, and each stage has its rows."""
    assert {event for rows in ROWS.values() for event in rows} == set(EVENTS) == set(Event.__subclasses__())
    assert set(ROWS) == set(Stage)
