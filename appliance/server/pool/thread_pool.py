"""The pool's threads: one leads, the others run requests or wait.

This module performs the actions of ``leader_states``, the table that decides which thread waits for the next request.
It bounds how many requests run, and says which of them are counted. Uses no sockets. Runs in the server's threads, and
in the watchdog's.

Theory of operation. One thread, the leader, waits for connections and serves them itself, one after another: no request
changes threads, which would cost it 20 µs and a fight for the interpreter's lock. A request that takes longer than
``stuck_after_s`` would hold up all others, so the watchdog takes the lead from its thread and appoints another one; a
thread that comes back and finds no leader leads. Where requests are slow on average, waiting for the watchdog would
cost each of them 5 ms, so there the leader passes the lead on before it begins (``ThreadPool.eager``).

At most ``threads`` requests run at once. A request that streams, waits for its client, or has taken its socket is
detached after a while: it is no longer counted, and its thread serves nothing else, up to ``max_streams`` of them. With
one thread no request is detached, since the application was told that it never runs twice at once.

The system may refuse a thread (a container's limit of processes). The requests that wait are then served by the threads
that there are; if none is free, the watchdog's own thread serves one request after another (``serve_here``), and tries
again to start a thread.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from .tables import leader_states

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..wsgi.access_log.exchange import Exchange
    from .connection import Connection

# A request's average duration from which passing the lead on costs less than waiting for the watchdog.
_SLOW_S = 0.001
# The server gives up after so many failures to lead in a row, with no request between them.
_FAILURES_MAX = 3
START_AGAIN_S = 0.05  # after a thread could not be started


class PoolThread:
    """One thread of the pool.

    Attributes:
        busy: it runs a request.
        since: when that began (CLOCK_MONOTONIC).
        detached: that request is not counted.
        thread: the thread's identifier.
        connection: the one that it serves; None while it serves none.
    """

    __slots__ = ("busy", "connection", "detached", "since", "thread", "wakeup")

    def __init__(self) -> None:
        self.wakeup = threading.Lock()
        self.wakeup.acquire()
        self.busy = False
        self.detached = False
        self.since = 0.0
        self.thread = 0
        self.connection: Connection | None = None

    def begin(self, connection: Connection, now: float) -> None:
        """Note that this thread serves a request of the connection from now on."""
        self.connection = connection
        self.since = now
        self.busy = True

    @property
    def exchange(self) -> Exchange | None:
        """The record of the request that it runs, once there is one."""
        connection = self.connection
        return connection.handler.exchange if connection is not None else None

    @property
    def waiting_since(self) -> float:
        """Since when its request waits for its client (CLOCK_MONOTONIC); 0.0 while it does not."""
        connection = self.connection
        return connection.wire.waiting if connection is not None else 0.0


class ThreadPool:
    """The threads of one server.

    Methods whose name begins with ``locked_`` need the server's lock. ``done`` is called without it, once a request:
    the fields of a thread are written by that thread alone, and if two threads write the average or the count at once,
    and one of the two is lost, no decision changes.

    Args:
        lock: the server's.
        threads: how many requests may run at once.
        max_streams: how many more may be detached.
        on_idle: called by a thread that has nothing to do.
        alarm: called when a thread could not be started, or when no thread can lead any more.
    """

    _lead: Callable[[PoolThread, float | None], None]  # set before any thread runs

    def __init__(
        self,
        lock: threading.Lock,
        threads: int,
        max_streams: int,
        *,
        on_idle: Callable[[], None],
        alarm: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._threads = threads
        self._max_streams = max_streams
        self._on_idle = on_idle
        self._idle: list[PoolThread] = []
        self._average_s = 0.0
        self.pool_threads: set[PoolThread] = set()
        self._state: int = leader_states.VACANT
        self.leader: PoolThread | None = None
        self.over = False  # no thread leads any more
        self.eager = False  # requests are slow enough for the lead to be passed on before each
        self.served = 0  # counts requests; read to see whether any has ended
        self.fault: BaseException | None = None  # why no thread can lead any more
        self._alarm = alarm
        self._failures = 0
        self._failed_at = -1
        self.short = False  # a thread was needed, and could not be started
        self.problem: str | None = None  # the reason to log; None once it is taken
        self._here: PoolThread | None = None  # the watchdog's own thread, while it serves
        self._start_again_at = 0.0

    @property
    def busy(self) -> int:
        """The number of requests that run, counted or not."""
        return sum(pool_thread.busy for pool_thread in list(self.pool_threads))

    def done(self, pool_thread: PoolThread, ended_at: float) -> None:
        """Note that a thread has finished its request, and when the application had (CLOCK_MONOTONIC)."""
        pool_thread.busy = False
        pool_thread.connection = None
        self.served += 1
        seconds, average = ended_at - pool_thread.since, self._average_s
        self._average_s = average = average + ((seconds if seconds < 1.0 else 1.0) - average) / 8  # noqa: FURB136  min costs 50 ns
        self.eager = average > _SLOW_S and self._threads > 1

    def locked_take_problem(self) -> str | None:
        """Take the reason why a thread could not be started: it is returned once, then None."""
        problem, self.problem = self.problem, None
        return problem

    def locked_begin(self, lead: Callable[[PoolThread, float | None], None]) -> None:
        """Start the first thread.

        ``lead`` serves one connection, or waits for some, for so long at most (None: no limit); the leader calls it in
        a loop.
        """
        self._lead = lead
        self.locked_appoint()

    def locked_appoint(self) -> None:
        """Ensure that there is a leader, if one more request may run."""
        if self._state != leader_states.VACANT or self._locked_is_full():
            return
        if self._idle:
            self._locked_on(leader_states.FOUND_WAITING)
        elif not self.short or monotonic() >= self._start_again_at:
            self._locked_on(leader_states.FOUND_NONE)

    def _locked_on(self, event: int, pool_thread: PoolThread | None = None) -> tuple[int, ...]:
        """Change the state as the table says, perform the actions, and return them.

        ``pool_thread``: the one that the event is about.
        """
        self._state, actions = leader_states.STEPS[self._state][event]
        for action in actions:
            if action == leader_states.WAKE_ONE:
                self.leader = self._idle.pop()
                self.leader.wakeup.release()
            elif action == leader_states.START_ONE:
                self._locked_start()
            elif action == leader_states.VACATE:
                self.leader = None
            elif action == leader_states.WAKE_ALL:
                self.over = True
                for each in self._idle:
                    each.wakeup.release()
                self._idle.clear()
            elif pool_thread is not None:
                self._locked_place(pool_thread, action)
        return actions

    def _locked_place(self, pool_thread: PoolThread, action: int) -> None:
        if action == leader_states.LEAD:
            self.leader = pool_thread
        elif action == leader_states.WAIT:
            self._idle.append(pool_thread)
        else:
            self.pool_threads.discard(pool_thread)

    def _locked_start(self) -> None:
        pool_thread = PoolThread()
        self.pool_threads.add(pool_thread)
        self.leader = pool_thread  # before the thread runs: it first looks whether it leads
        try:
            threading.Thread(target=self._loop, args=(pool_thread,), name="request", daemon=True).start()
        except Exception as error:  # noqa: BLE001  RuntimeError and MemoryError are known
            self.pool_threads.discard(pool_thread)
            self._locked_on(leader_states.NOT_STARTED)
            self._locked_fell_short(error)
        else:
            self.short = False

    def _locked_fell_short(self, error: Exception) -> None:
        """Note that a thread could not be started; this is logged once for as long as it lasts."""
        if not self.short:
            self.problem = str(error) or type(error).__name__
        self.short = True
        self._start_again_at = monotonic() + START_AGAIN_S
        self._alarm()

    def serve_here(self, seconds: float) -> bool:
        """Lead in the calling thread, for one connection or for so long; False if that is not needed."""
        with self._lock:
            if not self.short or self._state != leader_states.VACANT or self._locked_is_full():
                return False
            self._here = pool_thread = PoolThread()
            pool_thread.thread = threading.get_ident()
            self.pool_threads.add(pool_thread)
            self._locked_on(leader_states.FOUND_NO_THREAD, pool_thread)
            self.eager = self._threads > 1  # ask for another thread before serving: the request may take long
            self._start_again_at = 0.0
        try:
            self._lead(pool_thread, seconds)
        except Exception as error:  # noqa: BLE001  as for a thread of the pool: it is counted
            with self._lock:
                self._locked_judge(error)
        finally:
            with self._lock:
                self._here = None
                self.pool_threads.discard(pool_thread)
                self._locked_leave(pool_thread)
        return True

    def _locked_is_full(self) -> bool:
        """Whether as many requests run and are counted as may run."""
        return sum(pool_thread.busy and not pool_thread.detached for pool_thread in self.pool_threads) >= self._threads

    def locked_relieve(self) -> None:
        """Let another thread lead: the leader is busy."""
        self._locked_on(leader_states.LEFT)
        self.locked_appoint()

    def _locked_leave(self, pool_thread: PoolThread) -> None:
        """Take the lead from this thread, if it has it."""
        if self.leader is pool_thread:
            self._locked_on(leader_states.LEFT)

    def locked_detach(self, pool_thread: PoolThread) -> bool:
        """Detach a thread's request; False if that is not allowed."""
        if pool_thread.detached:
            return True
        if self._threads == 1 or not pool_thread.busy or not self.locked_has_room():
            return False
        pool_thread.detached = True
        self._locked_leave(pool_thread)
        self.locked_appoint()
        return True

    def locked_has_room(self) -> bool:
        """Whether one more stream may run."""
        return sum(pool_thread.detached for pool_thread in self.pool_threads) < self._max_streams

    def locked_end(self) -> None:
        """Let no thread wait any longer; busy threads end after their request."""
        self._locked_on(leader_states.ENDED)

    def _loop(self, pool_thread: PoolThread) -> None:
        pool_thread.thread = threading.get_ident()
        # A thread that the application starts here inherits this value, and must be a daemon only if the application
        # asks for that. For the interpreter ours stays a daemon: it has read the value at the start of the thread.
        threading.current_thread()._daemonic = False  # type: ignore[attr-defined]  # noqa: SLF001
        try:
            while self.leader is pool_thread or self.take_lead(pool_thread):
                self._lead(pool_thread, None)
        except BaseException as error:
            with self._lock:  # without a leader no client is answered any more
                self.pool_threads.discard(pool_thread)
                self._locked_leave(pool_thread)
                self._locked_judge(error)
                self.locked_appoint()
            raise

    def _locked_judge(self, error: BaseException) -> None:
        """Count a thread's failure to lead: what fails again and again without a request between will always fail.

        That happens if the application has closed the poller's descriptor or the listening socket.
        """
        self._failures = self._failures + 1 if self._failed_at == self.served else 1
        self._failed_at = self.served
        if self._failures >= _FAILURES_MAX:
            self.fault = error
            self.locked_end()
            self._alarm()

    def take_lead(self, pool_thread: PoolThread) -> bool:
        """Lead, or wait to be appointed; False to end the thread."""
        with self._lock:
            pool_thread.detached = False
            if self.leader is pool_thread:
                return True
            actions = self._locked_on(self._locked_return(), pool_thread)
        if leader_states.WAIT not in actions:
            return leader_states.LEAD in actions
        self._on_idle()
        # Also if it leads already: the thread that appointed it has released this; the next wait must not end by it.
        pool_thread.wakeup.acquire()
        return not self.over

    def _locked_return(self) -> int:
        """Return which event it is that a thread comes back without the lead."""
        here, full = self._here, self._locked_is_full()
        if here is not None and here is self.leader and here.busy and not full:
            return leader_states.RETURNED_HERE
        if len(self._idle) >= self._threads:
            return leader_states.RETURNED_FULL_SPARE if full else leader_states.RETURNED_SPARE
        return leader_states.RETURNED_FULL if full else leader_states.RETURNED
