"""The pool's watchdog: relieves a busy leader, detaches streams, ends connections that have waited too long.

Runs in the thread that called ``serve_forever``, which runs no application, so that signals are handled at once.

It looks every ``stuck_after_s`` while requests run, which costs 0.3 % of a CPU, and sleeps while there are none.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from .tables import connection_states as states

if TYPE_CHECKING:
    from collections.abc import Callable

    from .pool_parts import PoolParts
    from .slow_requests import SlowRequests
    from .thread_pool import PoolThread

SWEEP_S = 1.0
STREAM_CHECK_S = 0.25
LEAD_S = 0.05  # how long this thread leads at a time, if no other can be started


class ServerFailed(RuntimeError):  # noqa: N818 (as RequestRefused)
    """The server can't go on: the project has closed descriptors that the server waits with."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the server can't wait for requests any more ({reason}): look for code of the project that closes "
            "descriptors which it did not open"
        )


class Watchdog:
    """Watches the threads, the requests and the connections of one server."""

    def __init__(self, parts: PoolParts, slow: SlowRequests, log_problems: Callable[[], None]) -> None:
        self._lock = parts.lock
        self._thread_pool = parts.thread_pool
        self._connections = parts.connections
        self._acceptor = parts.acceptor
        self._poller = parts.poller
        self._limits = parts.limits
        self._flushing = parts.flushing
        self._wake_up = parts.wake_up
        self._slow = slow
        self._log_problems = log_problems
        self._swept_at = 0.0

    def watch(self, advance: Callable[[], bool], *, is_ending: Callable[[], bool]) -> None:
        """Watch until ``advance`` returns that the server is over; every ``stuck_after_s`` while it ends.

        Raises:
            ServerFailed: no thread can wait for requests any longer.
        """
        served = -1
        while not advance():
            if not self._thread_pool.serve_here(LEAD_S):
                self.sleep(closely=served != self._thread_pool.served or is_ending())
            if self._thread_pool.fault is not None:
                raise ServerFailed(str(self._thread_pool.fault)) from self._thread_pool.fault
            served = self._thread_pool.served
            now = monotonic()
            self.check(now)
            if now >= self._swept_at + SWEEP_S or self._is_due(now):
                self._swept_at = now
                self._sweep(now)
            self._log_problems()
            self._flushing.flush()

    def _is_due(self, now: float) -> bool:
        """Whether something must be looked at before the next sweep."""
        return self._connections.has_delayed or 0 < self._acceptor.retry_at <= now

    def sleep(self, *, closely: bool) -> None:
        """Sleep until the next look: a short time if it must look closely or a leader works, else until it is woken."""
        if closely or self._leader_works():
            self._wake_up.wait(self._limits.stuck_after_s)
        else:
            self._wake_up.sleep(self._leader_works, self.idle_s)

    def _leader_works(self) -> bool:
        leader = self._thread_pool.leader
        return leader is not None and leader.busy

    def idle_s(self) -> float | None:
        """Return for how long nothing needs to be looked at."""
        with self._lock:
            connections = self._connections
            delayed = connections.locked_in_state(states.HELD, states.PROBED) if connections.has_delayed else []
            if delayed:
                return min(SWEEP_S, max(0.001, min(connection.deadline for connection in delayed) - monotonic()))
            if self._acceptor.retry_at:
                return max(0.001, self._acceptor.retry_at - monotonic())
            if self._thread_pool.busy:
                return STREAM_CHECK_S
            return SWEEP_S if len(self._connections) else None

    def check(self, now: float) -> None:
        """Let another thread lead where the leader is busy for long; detach the requests that may take very long."""
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
        limits = self._limits
        if now - pool_thread.since > limits.stream_after_s and _is_io_bound(pool_thread):
            return True
        since = pool_thread.waiting_since if pressed else 0.0
        return bool(since) and now - since > limits.stuck_after_s

    def _sweep(self, now: float) -> None:
        self._slow.check(list(self._thread_pool.pool_threads), now)
        with self._lock:
            self._acceptor.locked_retry(now)
            ready = self._connections.locked_sweep(now)
        if ready:
            self._poller.wake()


def _is_io_bound(pool_thread: PoolThread) -> bool:
    """Whether the request streams, or waits for its client: it needs no processor, and may take very long."""
    exchange = pool_thread.exchange
    return bool(pool_thread.waiting_since) or (exchange is not None and (exchange.streaming or exchange.hijacked))
