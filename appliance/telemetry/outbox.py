"""Queue the data of one signal, up to a limit, and send them from a thread of its own.

Theory of operation. The exporter of the SDK tries again what failed, for OTEL_EXPORTER_OTLP_TIMEOUT. A batch that it
gives up is put back, as long as the collector may take it later; beyond the limit the oldest is lost, and counted. A
batch that the collector refuses is lost at once; if that is too large for it, it is sent in halves.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

from appliance.telemetry.collector_session import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.telemetry.collector_session import CollectorSession
    from appliance.telemetry.delivery import DeliveryReports

MOST = 8192  # items that are kept
BATCH = 512
DELAY_S = 1.0  # from the first item to its batch: a person looks at what was just done
PAUSE_S = 1.0  # after a failure; the SDK has waited before
_FULL = "more comes than can be sent"
_ENDED = "the appliance has ended before it was sent"
_ROOM = "Give the collector more room, or send less (OTEL_TRACES_SAMPLER)."


class Outbox:
    """The items of one signal.

    Args:
        export: sends a batch by the SDK; it never raises.
        interrupt: makes an ``export`` that waits give up.
        session: knows what became of it.
        delivery: reports that.
        wake: what the thread waits on: between batches, and after a failure.
    """

    def __init__(
        self,
        export: Callable[[Sequence[Any]], object],
        interrupt: Callable[[], None],
        session: CollectorSession,
        delivery: DeliveryReports,
        *,
        wake: threading.Event | None = None,
    ) -> None:
        self._export = export
        self._interrupt = interrupt
        self._session = session
        self._delivery = delivery
        self._items: deque[Any] = deque()
        self._sending = 0
        self._lock = threading.Lock()
        self._wake = wake or threading.Event()
        self._ending = self._interrupted = False
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def add(self, items: Sequence[Any]) -> None:
        """Take items; those that find no room push the oldest out."""
        if not items:
            return
        with self._lock:
            first = not self._items
            self._items.extend(items)
            surplus = self._drop_surplus()
            wakes = first or len(self._items) >= BATCH
        if surplus:
            self._delivery.lost(surplus, _FULL, _ROOM)
        if wakes:
            self._wake.set()

    def end_soon(self) -> None:
        """Send the kept items at once: this process ends."""
        self._ending = True
        self._wake.set()
        if self._is_in_trouble:
            self._interrupted = True
            self._interrupt()

    def finish(self, until: float) -> None:
        """Wait for the sending until this time (CLOCK_MONOTONIC); items that are left then are lost."""
        self._thread.join(max(0.0, until - monotonic()))
        with self._lock:
            left = len(self._items) + self._sending
        if left:
            outcome = self._session.outcome
            reason, action = (outcome.reason, outcome.action) if self._is_in_trouble else (_ENDED, _ROOM)
            self._delivery.lost(left, reason, action)
        self._delivery.finish()

    @property
    def _is_in_trouble(self) -> bool:
        """Whether the collector has taken nothing lately, or refuses the batch that is under way for now."""
        return self._delivery.in_trouble or self._session.outcome.temporary

    def _drop_surplus(self) -> int:
        surplus = max(0, len(self._items) - MOST)
        for _ in range(surplus):
            self._items.popleft()
        return surplus

    def _run(self) -> None:
        while not self._ending or self._items:
            self._wait_for_batch()
            with self._lock:
                batch = [self._items.popleft() for _ in range(min(BATCH, len(self._items)))]
                self._sending = len(batch)
            if not batch:
                continue
            left, outcome = self._send(batch)
            with self._lock:
                self._items.extendleft(reversed(left))
                self._sending = 0
                surplus = self._drop_surplus()
            if surplus:
                self._delivery.lost(surplus, outcome.reason, outcome.action)
            if left:
                if self._ending:
                    return
                self._wait(max(PAUSE_S, outcome.retry_after_s))

    def _wait_for_batch(self) -> None:
        """Wait for the first item, and then a moment for more."""
        if not self._items:
            self._wake.wait()
            self._wake.clear()
        if not self._ending and len(self._items) < BATCH:
            self._wake.wait(DELAY_S)
        self._wake.clear()

    def _send(self, batch: list[Any]) -> tuple[list[Any], Outcome]:
        """Send a batch; return what may be sent later, and the outcome."""
        if self._interrupted:
            return batch, self._session.outcome
        self._session.outcome = Outcome(taken=False, reason="it can't be encoded")
        with contextlib.suppress(Exception):  # the SDK's own: the outcome tells
            self._export(batch)
        outcome = self._session.outcome
        if outcome.taken:
            if outcome.rejected:
                self._delivery.lost(outcome.rejected, outcome.reason, outcome.action)
            else:
                self._delivery.arrived()
        elif outcome.temporary:
            self._delivery.delayed(outcome)
            return batch, outcome
        elif outcome.too_large and len(batch) > 1:
            half = len(batch) // 2
            left, _ = self._send(batch[:half])
            more, outcome = self._send(batch[half:])
            return [*left, *more], outcome
        else:
            self._delivery.lost(len(batch), outcome.reason, outcome.action)
        return [], outcome

    def _wait(self, seconds: float) -> None:
        until = monotonic() + seconds
        while not self._ending and (left_s := until - monotonic()) > 0:
            self._wake.wait(left_s)
            self._wake.clear()
