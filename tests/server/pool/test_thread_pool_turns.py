"""The pool's threads one step after another, in the test's own thread: who leads, who waits, what a failure does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from appliance.server.pool import thread_pool
from appliance.server.pool.tables import leader_states
from appliance.server.pool.thread_pool import PoolThread, ThreadPool
from tests.server.served import PATIENCE_S


class Turns:
    """A pool whose threads run when the test says so, in this thread; ``lead`` and ``rest`` are the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, threads: int = 2) -> None:
        self.now = 100.0
        self.refusal: Exception | None = None  # of a thread's start
        self.started: list[threading.Thread] = []
        self.led: list[tuple[PoolThread, float | None]] = []
        self.leads: list[Callable[[PoolThread], None]] = []  # what the next ones do
        self.alarms = 0
        self.rested: list[Callable[[], None]] = []
        self.lock = threading.Lock()
        self.pool = ThreadPool(self.lock, threads=threads, max_streams=2, on_idle=self._rest, alarm=self._alarm)
        monkeypatch.setattr(thread_pool, "monotonic", lambda: self.now)
        monkeypatch.setattr(threading.Thread, "start", lambda thread: self._start(thread))  # noqa: PLW0108  bound to the thread

    def _start(self, thread: threading.Thread) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.started.append(thread)

    def _lead(self, pool_thread: PoolThread, seconds: float | None) -> None:
        self.led.append((pool_thread, seconds))
        self.leads.pop(0)(pool_thread)

    def _rest(self) -> None:
        self.rested.pop(0)()

    def _alarm(self) -> None:
        self.alarms += 1

    def appoint(self) -> None:
        """A thread is wanted."""
        with self.lock:
            self.pool.locked_begin(self._lead)

    def end(self, *_: object) -> None:
        """The pool ends."""
        with self.lock:
            self.pool.locked_end()


def fail(_: PoolThread) -> None:
    raise LookupError("this one")


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    return Turns(monkeypatch)


def test_a_pool_begins_without_a_problem(turns: Turns):
    """Before its first request a pool has nothing to log, and passes no lead on."""
    assert turns.pool.problem is None
    assert turns.pool.eager is False


def test_a_thread_that_leads_goes_on_leading(turns: Turns):
    """A thread that has the lead when it comes back keeps it, without a wait."""
    turns.appoint()
    assert turns.pool.leader is not None
    assert turns.pool.take_lead(turns.pool.leader)


def test_a_thread_of_the_pool_is_a_named_daemon_that_leads(turns: Turns):
    """A thread is a daemon named for the logs, and leads before it runs, so that no second one is started."""
    turns.appoint()
    turns.appoint()
    (thread,) = turns.started
    assert (thread.name, thread.daemon) == ("request", True)
    assert turns.pool.pool_threads == {turns.pool.leader}
    turns.leads = [turns.end]
    thread.run()
    assert [seconds for _, seconds in turns.led] == [None]
    assert turns.pool.pool_threads == set()
    turns.appoint()
    assert len(turns.started) == 1  # it is over


def test_threads_of_the_application_are_not_daemons():
    """A thread that the application starts in a request is a daemon only if it asks for that."""
    seen: list[tuple[bool, int, int]] = []
    ended = threading.Event()

    def lead(pool_thread: PoolThread, _: float | None) -> None:
        seen.append((threading.Thread().daemon, pool_thread.thread, threading.get_ident()))
        with lock:
            pool.locked_end()
        ended.set()

    lock = threading.Lock()
    pool = ThreadPool(lock, threads=1, max_streams=0, on_idle=lambda: None, alarm=lambda: None)
    with lock:
        pool.locked_begin(lead)
    assert ended.wait(PATIENCE_S)
    ((daemon, known, own),) = seen
    assert daemon is False
    assert known == own


def test_a_finished_request_leaves_the_pool(turns: Turns):
    """After a request its thread is free and holds nothing of it, and each one is counted as served."""
    thread, a_connection = PoolThread(), cast("Any", object())
    for _ in range(2):
        before = turns.pool.served
        thread.begin(a_connection, 5.0)
        assert (thread.busy, thread.connection, thread.since) == (True, a_connection, 5.0)
        turns.pool.done(thread, 5.0)
        assert [thread.busy, thread.connection] == [False, None]
        assert turns.pool.served > before


def test_a_spare_thread_leads_again(turns: Turns):
    """A thread that waits is appointed before another one is started, and leads."""
    turns.appoint()
    first = turns.pool.leader
    second = PoolThread()

    def wait(_: PoolThread) -> None:
        with turns.lock:
            turns.pool.leader = second  # the watchdog has given the lead to another thread

    def appointed() -> None:
        assert turns.pool.pool_threads == {first}
        with turns.lock:
            turns.pool.locked_relieve()
        assert turns.pool.leader is first

    turns.leads, turns.rested = [wait, turns.end], [appointed]
    turns.started[0].run()
    assert [each for each, _ in turns.led] == [first, first]
    assert len(turns.started) == 1


def test_a_thread_comes_back_to_a_pool_without_a_leader(turns: Turns):
    """A thread that comes back and finds no leader leads, and its next request is counted again."""
    turns.appoint()
    first = turns.pool.leader
    assert first is not None

    def stream(_: PoolThread) -> None:
        first.busy = True
        with turns.lock:
            assert turns.pool.locked_detach(first)
            assert turns.pool.leader is not first
            turns.pool._locked_on(leader_states.LEFT)
        turns.pool.done(first, 0.0)

    def again(_: PoolThread) -> None:
        assert turns.pool.leader is first
        assert not first.detached
        turns.end()

    turns.leads = [stream, again]
    turns.started[0].run()
    assert len(turns.led) == 2


def test_a_refused_thread_is_logged_once(turns: Turns):
    """A refused thread is logged once for as long as it lasts, wakes the watchdog, and leaves nothing behind."""
    turns.refusal = RuntimeError("can't start new thread")
    turns.appoint()
    assert (turns.pool.leader, turns.pool.pool_threads, turns.pool.short) == (None, set(), True)
    assert (turns.pool.problem, turns.alarms) == ("can't start new thread", 1)
    with turns.lock:
        assert turns.pool.locked_take_problem() is not None
    turns.refusal = MemoryError()
    turns.appoint()
    assert turns.alarms == 1  # it is not tried again at once
    turns.now += thread_pool.START_AGAIN_S
    turns.appoint()
    assert (turns.pool.problem, turns.alarms) == (None, 2)
    turns.now += thread_pool.START_AGAIN_S
    turns.refusal = None
    turns.appoint()
    assert not turns.pool.short
    assert turns.pool.pool_threads == {turns.pool.leader}
    turns.refusal = MemoryError()
    with turns.lock:
        turns.pool.locked_relieve()
    assert turns.pool.problem == "MemoryError"


def test_the_watchdog_serves_if_no_thread_can_be_started(turns: Turns):
    """If no thread could be started, the calling thread leads for so long, is counted, and asks for a thread."""
    turns.refusal = RuntimeError("can't start new thread")
    turns.appoint()

    def lead(pool_thread: PoolThread) -> None:
        assert turns.pool.leader is pool_thread
        assert turns.pool.pool_threads == {pool_thread}
        assert pool_thread.thread == threading.get_ident()
        assert turns.pool.eager is True
        assert not turns.pool.serve_here(1.0)  # one leads
        pool_thread.busy = True
        turns.refusal = None
        with turns.lock:
            turns.pool.locked_relieve()
        assert len(turns.started) == 1  # before the time of the next attempt
        turns.pool.done(pool_thread, 0.0)

    turns.leads = [lead]
    assert turns.pool.serve_here(0.25)
    assert [seconds for _, seconds in turns.led] == [0.25]
    assert turns.pool.leader is not turns.led[0][0]
    assert turns.pool.pool_threads == {turns.pool.leader}
    assert not turns.pool.serve_here(0.25)  # there is a thread now


def test_the_watchdog_serves_one_after_another(turns: Turns):
    """After the calling thread has served nobody leads: it can serve again, and no more once the pool is over."""
    turns.refusal = MemoryError()
    turns.appoint()
    turns.leads = [lambda _: None, lambda _: None]
    for _ in range(2):
        assert turns.pool.serve_here(0.0)
        assert (turns.pool.leader, turns.pool.pool_threads) == (None, set())
    turns.end()
    assert not turns.pool.serve_here(0.0)


def test_the_watchdog_serves_no_more_than_may_run(turns: Turns):
    """The calling thread does not serve while as many requests run as may; one that is detached does not count."""
    turns.refusal = MemoryError()
    turns.appoint()
    running = [PoolThread() for _ in range(2)]
    for each in running:
        each.busy = True
    turns.pool.pool_threads.update(running)
    assert not turns.pool.serve_here(0.0)
    running[0].detached = True
    turns.leads = [lambda _: None, lambda _: None]
    assert turns.pool.serve_here(0.0)
    running[0].detached, running[0].busy = False, False
    assert turns.pool.serve_here(0.0)


@pytest.mark.parametrize(("threads", "eager"), [(1, False), (2, True)])
def test_one_thread_asks_for_no_other(monkeypatch: pytest.MonkeyPatch, threads: int, eager: bool):
    """If one request runs at a time, the calling thread asks for no second thread before it serves."""
    turns = Turns(monkeypatch, threads=threads)
    turns.refusal = MemoryError()
    turns.appoint()
    turns.leads = [lambda _: None]
    assert turns.pool.serve_here(0.0)
    assert turns.pool.eager is eager


@pytest.mark.parametrize("busy", [True, False])
def test_a_thread_takes_the_lead_from_a_busy_watchdog(turns: Turns, busy: bool):
    """A thread that comes back leads where the calling thread serves a request, since nobody relieves that one."""
    turns.refusal = MemoryError()
    turns.appoint()
    other = PoolThread()
    turns.pool.pool_threads.add(other)

    def lead(pool_thread: PoolThread) -> None:
        pool_thread.busy = busy
        turns.rested = [turns.end]
        assert turns.pool.take_lead(other) is busy
        assert (turns.pool.leader is other) is busy

    turns.leads = [lead]
    assert turns.pool.serve_here(0.0)
    assert (turns.pool.leader is other) is busy


def test_a_thread_waits_beside_a_busy_leader(turns: Turns):
    """A thread that comes back while another thread leads and serves waits: the watchdog relieves that one."""
    turns.appoint()
    leader, other = turns.pool.leader, PoolThread()
    assert leader is not None
    leader.busy = True
    turns.rested = [turns.end]
    assert not turns.pool.take_lead(other)
    assert turns.rested == []


@pytest.mark.parametrize(("threads", "waits"), [(1, True), (2, False)])
def test_a_thread_that_comes_back_late_waits(monkeypatch: pytest.MonkeyPatch, threads: int, waits: bool):
    """A thread whose place was taken while it came back waits, instead of leading to one request more than may run."""
    turns = Turns(monkeypatch, threads=threads)
    pool = turns.pool
    turns.appoint()
    late = pool.leader
    assert late is not None
    late.busy = True
    with turns.lock:
        pool.locked_relieve()
    pool.done(late, 0.0)  # and it is not scheduled for a while
    turns.appoint()
    other = pool.leader
    assert other is not None
    assert other is not late
    other.busy = True
    with turns.lock:
        pool._locked_on(leader_states.LEFT)
    turns.rested = [turns.end]
    assert pool.take_lead(late) is not waits
    assert (turns.rested == []) is waits


def test_what_fails_again_and_again_is_given_up(turns: Turns):
    """Each thread that fails is replaced; after three without a request between the pool ends with the error."""
    turns.appoint()
    turns.leads = [fail] * 3
    for number in range(3):
        assert turns.pool.fault is None
        assert turns.pool.pool_threads == {turns.pool.leader}
        with pytest.raises(LookupError):
            turns.started[number].run()
    assert isinstance(turns.pool.fault, LookupError)
    assert (turns.pool.over, turns.pool.leader, turns.pool.pool_threads) == (True, None, set())
    assert (len(turns.started), turns.alarms) == (3, 1)


def test_a_request_between_failures_is_a_success(turns: Turns):
    """Failures with a request between them are none in a row, however many."""

    def serve(pool_thread: PoolThread) -> None:
        turns.pool.done(pool_thread, 0.0)

    turns.appoint()
    for number in range(4):
        turns.leads = [serve, fail]
        with pytest.raises(LookupError):
            turns.started[number].run()
    assert (turns.pool.fault, turns.alarms) == (None, 0)


def test_the_first_request_counts_too(turns: Turns):
    """Two failures, the first request, and one more failure: the pool goes on."""
    turns.appoint()
    turns.leads = [fail, fail, lambda pool_thread: turns.pool.done(pool_thread, 0.0), fail]
    for number in range(3):
        with pytest.raises(LookupError):
            turns.started[number].run()
    assert turns.pool.fault is None


def test_a_thread_that_lost_the_lead_may_fail(turns: Turns):
    """A thread that fails after another one has the lead leaves the lead there."""
    turns.appoint()
    other = PoolThread()

    def lead(pool_thread: PoolThread) -> None:
        with turns.lock:
            turns.pool.leader = other
        fail(pool_thread)

    turns.leads = [lead]
    with pytest.raises(LookupError):
        turns.started[0].run()
    assert turns.pool.leader is other


def test_failures_of_the_watchdog_are_counted_too(turns: Turns):
    """A failure in the calling thread is counted as in a thread of the pool, and raises nothing."""
    turns.refusal = MemoryError()
    turns.appoint()
    alarms = turns.alarms
    turns.leads = [fail] * 3
    for _ in range(3):
        assert turns.pool.serve_here(0.0)
    assert isinstance(turns.pool.fault, LookupError)
    assert turns.alarms == alarms + 1
    assert (turns.pool.leader, turns.pool.pool_threads) == (None, set())


def test_no_thread_too_many_waits(turns: Turns):
    """A thread that comes back while as many wait as may run ends, and is forgotten."""
    turns.appoint()
    for _ in range(2):
        turns.pool._idle.append(PoolThread())
    late = PoolThread()
    turns.pool.pool_threads.add(late)
    assert not turns.pool.take_lead(late)
    assert late not in turns.pool.pool_threads
    turns.end()
    turns.pool.pool_threads.add(late)
    assert not turns.pool.take_lead(late)
    assert late not in turns.pool.pool_threads
