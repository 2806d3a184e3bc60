"""The pool's watcher: relieves a leader that is stuck, lets streams go, ends what waits for too long.

Owns the main thread's rhythm; must not know what a request is beyond its record. Runs in the thread that called
``serve_forever``, which runs no application: signals are always handled at once there.

It looks every ``stuck_after_s`` while requests run, which costs 0.3 % of a CPU, and sleeps while there are none.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from ..io.gevent_safe_event import GeventSafeEvent
from .connections import HELD, PROBED, Connection

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ..http.limits import Limits
    from ..io.poller import Poller
    from ..wsgi.exchange import Exchange, Flushing
    from .acceptor import Acceptor
    from .connections import Connections
    from .slow_requests import SlowRequests
    from .thread_pool import PoolThread, ThreadPool

_SWEEP_S = 1.0
_STREAM_LOOK_S = 0.25
_HERE_S = 0.05  # how long it waits for requests itself, where no thread can be had


class ServerFailed(RuntimeError):  # noqa: N818 (as Refused)
    """The server can't go on: descriptors that it waits with were closed by somebody else."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"requests can't be waited for ({reason}); has the project closed descriptors that it did not open?"
        )


class Watchdog:
    """Watches one server.

    Attributes:
        dozing: it sleeps for longer than a stuck leader may last, and wants to be woken when one begins to work.
    """

    def __init__(
        self,
        lock: threading.Lock,
        *,
        crew: ThreadPool,
        lot: Connections,
        door: Acceptor,
        poller: Poller,
        limits: Limits,
        flushing: Flushing,
        slow: SlowRequests,
        complain: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._crew = crew
        self._lot = lot
        self._door = door
        self._poller = poller
        self._limits = limits
        self._flushing = flushing
        self._slow = slow
        self._complain = complain
        self._stir = GeventSafeEvent()
        self._swept_at = 0.0
        self.dozing = False
        crew.alarm = self.stir

    def stir(self) -> None:
        """Let it look now."""
        self._stir.set()

    def watch(self, is_over: Callable[[], bool], *, is_ending: Callable[[], bool]) -> None:
        """Watch until it is over; closely while it is ending.

        Raises:
            ServerFailed: no thread can wait for requests any more.
        """
        served = -1
        while not is_over():
            if not self._crew.serve_here(_HERE_S):
                self._doze(closely=served != self._crew.served or is_ending())
            if self._crew.fault is not None:
                raise ServerFailed(str(self._crew.fault)) from self._crew.fault
            served = self._crew.served
            now = monotonic()
            self._look(now)
            if now >= self._swept_at + _SWEEP_S or self._is_due(now):
                self._swept_at = now
                self._sweep(now)
            self._complain()
            self._flushing.flush()

    def _is_due(self, now: float) -> bool:
        """Whether something is to be looked at before the next sweep."""
        return self._lot.hold is not None or self._lot.probed > 0 or 0 < self._door.blind_until <= now

    def _doze(self, *, closely: bool) -> None:
        if closely or self._leader_works():
            self._stir.wait(self._limits.stuck_after_s)
        else:
            self.dozing = True
            if not self._leader_works():  # it may have begun before it could see the flag
                self._stir.wait(self._idle_s())
            self.dozing = False

    def _leader_works(self) -> bool:
        leader = self._crew.leader
        return leader is not None and leader.busy

    def _idle_s(self) -> float | None:
        """How long nothing needs to be looked at."""
        with self._lock:
            held = self._lot.in_state(HELD, PROBED) if self._lot.hold is not None or self._lot.probed else []
            if held:
                return min(_SWEEP_S, max(0.001, min(connection.deadline for connection in held) - monotonic()))
            if self._door.blind_until:
                return max(0.001, self._door.blind_until - monotonic())
            if self._crew.busy:
                return _STREAM_LOOK_S
            return _SWEEP_S if len(self._lot) else None

    def _look(self, now: float) -> None:
        limits, crew = self._limits, self._crew
        with self._lock:
            leader = crew.leader
            if leader is not None and leader.busy and now - leader.since > limits.stuck_after_s:
                crew.locked_relieve()
            pressed = crew.leader is None
            for hand in list(crew.hands):
                if hand.busy and not hand.detached and self._may_leave(hand, now, pressed=pressed):
                    crew.locked_detach(hand)
            crew.locked_appoint()

    def _may_leave(self, hand: PoolThread, now: float, *, pressed: bool) -> bool:
        """Whether a request need not be counted any more: it goes on for long, or others wait while it waits itself."""
        limits, work = self._limits, hand.work
        if now - hand.since > limits.stream_after_s and _goes_on(hand):
            return True
        waiting = work.wire.waiting if pressed and isinstance(work, Connection) else 0.0
        return bool(waiting) and now - waiting > limits.stuck_after_s

    def _sweep(self, now: float) -> None:
        self._slow.look(list(self._crew.hands), now)
        with self._lock:
            self._door.look_again(now)
            ready = self._lot.sweep(now)
        if ready:
            self._poller.wake()


def exchange_of(hand: PoolThread) -> Exchange | None:
    """What a thread of the crew works at."""
    work = hand.work
    return work.handler.exchange if isinstance(work, Connection) else None


def _goes_on(hand: PoolThread) -> bool:
    """It streams, or waits for its client: it needs no processor, and may take very long."""
    exchange, work = exchange_of(hand), hand.work
    waits = isinstance(work, Connection) and bool(work.wire.waiting)
    return waits or (exchange is not None and (exchange.streaming or exchange.hijacked))
