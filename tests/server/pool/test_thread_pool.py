"""The pool's threads without a server: how many run, how many wait, how many there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from appliance.server.pool.thread_pool import PoolThread, ThreadPool
from tests.server.served import PATIENCE_S


class Work:
    """The work of a pool's threads: each request waits until it is let go, and may leave the count."""

    def __init__(self, *, threads: int, max_streams: int) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition()
        self.pool = ThreadPool(
            self.lock, threads=threads, max_streams=max_streams, on_idle=self.rest, alarm=lambda: None
        )
        self.requests = 0  # that may begin
        self.running: list[PoolThread] = []
        self.peak = 0  # how many ran at once and were counted
        self.rested = 0
        self.threads: set[threading.Thread] = set()  # that have led
        self.leading: set[threading.Thread] = set()
        self.resting: set[threading.Thread] = set()
        self.gate = threading.Event()
        self.over = False

    def lead(self, pool_thread: PoolThread, seconds: float | None) -> None:
        with self.changed:
            self.leading.add(threading.current_thread())
            self.threads.add(threading.current_thread())
            self.resting.discard(threading.current_thread())
            assert self.changed.wait_for(lambda: self.requests or self.over, PATIENCE_S)
            if self.over:
                return
            self.leading.discard(threading.current_thread())
            self.requests -= 1
        with self.lock:
            pool_thread.busy = True
            self.pool.locked_relieve()
        with self.changed:
            self.running.append(pool_thread)
            self.peak = max(self.peak, sum(each.busy and not each.detached for each in self.running))
            self.changed.notify_all()
        assert self.gate.wait(PATIENCE_S)
        self.pool.done(pool_thread, pool_thread.since)
        with self.changed:
            self.running.remove(pool_thread)
            self.changed.notify_all()

    def rest(self) -> None:
        with self.changed:
            self.rested += 1
            self.resting.add(threading.current_thread())
            self.changed.notify_all()

    def begin(self, requests: int) -> None:
        """Begin this number of requests."""
        with self.changed:
            self.requests += requests
            self.changed.notify_all()
        with self.lock:
            self.pool.locked_begin(self.lead)

    def wait(self, condition: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), (self.requests, len(self.running), self.rested)

    def detach(self) -> bool:
        """Take the newest request out of the count."""
        with self.lock:
            return self.pool.locked_detach(self.running[-1])

    def finish(self) -> None:
        """Let everything end."""
        with self.changed:
            self.over = True
            self.changed.notify_all()
        self.gate.set()
        with self.lock:
            self.pool.locked_end()
        for thread in self.threads:
            thread.join(PATIENCE_S)


Make = Callable[..., Work]


@pytest.fixture
def work() -> Iterator[Make]:
    made: list[Work] = []

    def make(*, threads: int = 2, max_streams: int = 20) -> Work:
        made.append(Work(threads=threads, max_streams=max_streams))
        return made[-1]

    yield make
    for each in made:
        each.finish()


def test_threads_beyond_need_end(work: Make):
    """After a crowd of streams there wait no more threads than may run requests: the others end."""
    crowd = work(threads=2, max_streams=20)
    for number in range(1, 11):
        crowd.begin(1)
        crowd.wait(lambda number=number: len(crowd.running) == number)  # type: ignore[misc]
        assert crowd.detach()
    assert len(crowd.pool.pool_threads) == 11  # one leads
    crowd.gate.set()
    crowd.wait(lambda: not crowd.running and len(crowd.resting) == 2)
    for thread in crowd.threads - crowd.resting - crowd.leading:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert (len(crowd.pool.pool_threads), crowd.rested) == (3, 2)


def test_no_more_run_than_threads(work: Make):
    """As many requests run as there are threads; one more runs for each that has left the count."""
    crowd = work(threads=2)
    crowd.begin(5)
    crowd.wait(lambda: len(crowd.running) == 2)
    with crowd.lock:
        crowd.pool.locked_begin(crowd.lead)
        assert crowd.pool.leader is None
    assert crowd.detach()
    crowd.wait(lambda: len(crowd.running) == 3)
    assert crowd.detach()
    crowd.wait(lambda: len(crowd.running) == 4)
    assert crowd.peak == 2
    assert crowd.pool.busy == 4
    crowd.gate.set()
    crowd.wait(lambda: not crowd.requests and not crowd.running)


def test_streams_that_leave_the_count_are_bounded(work: Make):
    """No more requests than ``max_streams`` leave the count; what has left it stays so."""
    crowd = work(threads=3, max_streams=1)
    crowd.begin(2)
    crowd.wait(lambda: len(crowd.running) == 2)
    first = crowd.running[0]
    with crowd.lock:
        assert crowd.pool.locked_has_room()
        assert crowd.pool.locked_detach(first)
        assert crowd.pool.locked_detach(first)
        assert not crowd.pool.locked_has_room()
    assert not crowd.detach()


def test_one_thread_leaves_no_count(work: Make):
    """With one thread no request leaves the count: the application was told that it is never run twice at once."""
    crowd = work(threads=1)
    crowd.begin(2)
    crowd.wait(lambda: len(crowd.running) == 1)
    assert not crowd.detach()
    assert crowd.peak == 1


def test_a_thread_that_does_not_run_leaves_no_count(work: Make):
    """A thread without a request can't leave the count."""
    crowd = work()
    with crowd.lock:
        assert not crowd.pool.locked_detach(PoolThread())


def test_slow_requests_pass_the_lead_on(work: Make):
    """If requests take over 1 ms on average, the lead is passed on before each; not with one thread."""
    many, one = work(threads=2).pool, work(threads=1).pool
    for pool in (many, one):
        pool.done(PoolThread(), 0.02)
    assert (many.eager, one.eager) == (True, False)
    for _ in range(40):
        many.done(PoolThread(), 0.0001)
    assert not many.eager
    many.done(PoolThread(), 3600.0)  # counts as a second
    for _ in range(60):
        many.done(PoolThread(), 0.0)
    assert not many.eager


def test_one_request_counts_as_a_second_at_most(work: Make):
    """After one endless request the lead is passed on for the next 36 quick ones, not for longer."""
    pool = work(threads=2).pool
    pool.done(PoolThread(), 3600.0)
    for _ in range(36):
        pool.done(PoolThread(), 0.0)
    assert pool.eager
    pool.done(PoolThread(), 0.0)
    assert not pool.eager
