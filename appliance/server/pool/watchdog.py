"""The pool's watchdog: relieves a busy leader, detaches streams, ends what has waited too long.

Runs in the thread that called ``serve_forever``, which runs no application, so that signals are handled at once.

It looks every ``stuck_after_s`` while requests run, which costs 0.3 % of a CPU, and sleeps while there are none.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from ..io.gevent_safe_event import GeventSafeEvent
from .connections import Connection
from .tables import connection_states as states

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ..http.limits import Limits
    from ..io.poller import Poller
    from ..wsgi.recording.exchange import Exchange
    from ..wsgi.recording.sink import FlushSchedule
    from .acceptor import Acceptor
    from .connections import Connections
    from .slow_requests import SlowRequests
    from .thread_pool import PoolThread, ThreadPool

_SWEEP_S = 1.0
_STREAM_CHECK_S = 0.25
_HERE_S = 0.05  # how long it waits for requests itself, where no thread can be started


class ServerFailed(RuntimeError):  # noqa: N818 (as Refused)
    """The server can't go on: the project has closed descriptors that the server waits with."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the server can't wait for requests any more ({reason}): look for code of the project that closes "
            "descriptors which it did not open"
        )


class WakeUp:
    """Wakes the watchdog; any thread may set it.

    Attributes:
        sleeping: the watchdog sleeps longer than a leader may be busy, and must be woken when one begins to work.
    """

    __slots__ = ("_event", "sleeping")

    def __init__(self) -> None:
        self._event = GeventSafeEvent()
        self.sleeping = False

    def set(self) -> None:
        """Let the watchdog look now."""
        self._event.set()

    def wait(self, seconds: float | None) -> None:
        """Wait until it is set, at most ``seconds``."""
        self._event.wait(seconds)


class Watchdog:
    """Watches one server."""

    def __init__(
        self,
        lock: threading.Lock,
        *,
        wake_up: WakeUp,
        thread_pool: ThreadPool,
        connections: Connections,
        acceptor: Acceptor,
        poller: Poller,
        limits: Limits,
        flushing: FlushSchedule,
        slow: SlowRequests,
        log_problems: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._thread_pool = thread_pool
        self._connections = connections
        self._acceptor = acceptor
        self._poller = poller
        self._limits = limits
        self._flushing = flushing
        self._slow = slow
        self._log_problems = log_problems
        self._wake_up = wake_up
        self._swept_at = 0.0

    def watch(self, is_over: Callable[[], bool], *, is_ending: Callable[[], bool]) -> None:
        """Watch until the server is over; every ``stuck_after_s`` while it ends.

        Raises:
            ServerFailed: no thread can wait for requests any longer.
        """
        served = -1
        while not is_over():
            if not self._thread_pool.serve_here(_HERE_S):
                self._sleep(closely=served != self._thread_pool.served or is_ending())
            if self._thread_pool.fault is not None:
                raise ServerFailed(str(self._thread_pool.fault)) from self._thread_pool.fault
            served = self._thread_pool.served
            now = monotonic()
            self._check(now)
            if now >= self._swept_at + _SWEEP_S or self._is_due(now):
                self._swept_at = now
                self._sweep(now)
            self._log_problems()
            self._flushing.flush()

    def _is_due(self, now: float) -> bool:
        """Whether something must be looked at before the next sweep."""
        return (
            self._connections.hold is not None or self._connections.probed > 0 or 0 < self._acceptor.paused_until <= now
        )

    def _sleep(self, *, closely: bool) -> None:
        if closely or self._leader_works():
            self._wake_up.wait(self._limits.stuck_after_s)
        else:
            self._wake_up.sleeping = True
            if not self._leader_works():  # it may have begun before it could see the flag
                self._wake_up.wait(self._idle_s())
            self._wake_up.sleeping = False

    def _leader_works(self) -> bool:
        leader = self._thread_pool.leader
        return leader is not None and leader.busy

    def _idle_s(self) -> float | None:
        """Return for how long nothing needs to be looked at."""
        with self._lock:
            held = (
                self._connections.in_state(states.HELD, states.PROBED)
                if self._connections.hold is not None or self._connections.probed
                else []
            )
            if held:
                return min(_SWEEP_S, max(0.001, min(connection.deadline for connection in held) - monotonic()))
            if self._acceptor.paused_until:
                return max(0.001, self._acceptor.paused_until - monotonic())
            if self._thread_pool.busy:
                return _STREAM_CHECK_S
            return _SWEEP_S if len(self._connections) else None

    def _check(self, now: float) -> None:
        limits, thread_pool = self._limits, self._thread_pool
        with self._lock:
            leader = thread_pool.leader
            if leader is not None and leader.busy and now - leader.since > limits.stuck_after_s:
                thread_pool.locked_relieve()
            pressed = thread_pool.leader is None
            for pool_thread in list(thread_pool.pool_threads):
                if (
                    pool_thread.busy
                    and not pool_thread.detached
                    and self._may_detach(pool_thread, now, pressed=pressed)
                ):
                    thread_pool.locked_detach(pool_thread)
            thread_pool.locked_appoint()

    def _may_detach(self, pool_thread: PoolThread, now: float, *, pressed: bool) -> bool:
        """Whether a request may be detached: it goes on for long, or waits for its client while others wait."""
        limits, work = self._limits, pool_thread.work
        if now - pool_thread.since > limits.stream_after_s and _is_io_bound(pool_thread):
            return True
        waiting = work.wire.waiting if pressed and isinstance(work, Connection) else 0.0
        return bool(waiting) and now - waiting > limits.stuck_after_s

    def _sweep(self, now: float) -> None:
        self._slow.check(list(self._thread_pool.pool_threads), now)
        with self._lock:
            self._acceptor.retry(now)
            ready = self._connections.sweep(now)
        if ready:
            self._poller.wake()


def exchange_of(pool_thread: PoolThread) -> Exchange | None:
    """Return the record of the request that a thread runs."""
    work = pool_thread.work
    return work.handler.exchange if isinstance(work, Connection) else None


def _is_io_bound(pool_thread: PoolThread) -> bool:
    """Whether the request streams, or waits for its client: it needs no processor, and may take very long."""
    exchange, work = exchange_of(pool_thread), pool_thread.work
    waits = isinstance(work, Connection) and bool(work.wire.waiting)
    return waits or (exchange is not None and (exchange.streaming or exchange.hijacked))
