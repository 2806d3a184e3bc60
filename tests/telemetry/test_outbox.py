"""What is kept for a collector, and what becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

import pytest

from appliance.telemetry import outbox
from appliance.telemetry.collector_session import CollectorSession, Outcome
from appliance.telemetry.delivery import DeliveryReports
from appliance.telemetry.outbox import Outbox

TAKEN = Outcome(taken=True)
AWAY = Outcome(taken=False, reason="Connection refused", temporary=True)


class Sending:
    """An outbox whose collector is a function of the batch."""

    def __init__(self, answer: Callable[[Sequence[int]], Outcome]) -> None:
        self.arrived: list[int] = []
        self.lost = 0
        self.changed = threading.Condition()
        self.interrupted = threading.Event()
        self._answer = answer
        self.session = CollectorSession("traces")
        self.box = Outbox(
            self._export, self.interrupted.set, self.session, DeliveryReports("spans", "http://c", self._report)
        )

    def _export(self, batch: Sequence[int]) -> None:
        self.session.outcome = self._answer(batch)
        with self.changed:
            if self.session.outcome.taken:
                self.arrived += batch
            self.changed.notify_all()

    def _report(self, _: str, event: str, fields: dict[str, object]) -> None:
        if event == "telemetry.lost":
            self.lost += int(str(fields["count"]))

    def finish(self, within_s: float = 5.0) -> None:
        """End it."""
        self.box.hurry()
        self.box.finish(monotonic() + within_s)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a person."""
    monkeypatch.setattr(outbox, "DELAY_S", 0.01)
    monkeypatch.setattr(outbox, "PAUSE_S", 0.01)


def test_all_arrive_in_order():
    """What is added in pieces arrives once, in its order, in batches."""
    sizes: list[int] = []

    def answer(batch: Sequence[int]) -> Outcome:
        sizes.append(len(batch))
        return TAKEN

    sending = Sending(answer)
    for start in range(0, 5000, 50):
        sending.box.add(range(start, start + 50))
    sending.finish()
    assert (sending.arrived, sending.lost) == (list(range(5000)), 0)
    assert max(sizes) <= outbox.BATCH


def test_what_does_not_arrive_is_sent_again():
    """A collector that is away gets everything later, in order."""
    answers = [AWAY] * 5
    sending = Sending(lambda _: answers.pop() if answers else TAKEN)
    sending.box.add(range(10))
    with sending.changed:
        assert sending.changed.wait_for(lambda: len(sending.arrived) == 10, 10)
    sending.finish()
    assert (sending.arrived, sending.lost) == (list(range(10)), 0)


def test_the_oldest_are_lost_and_counted():
    """Beyond the limit the oldest go; all that does not arrive is counted."""
    away = threading.Event()
    sending = Sending(lambda _: AWAY if not away.is_set() else TAKEN)
    for start in range(0, outbox.MOST + 1000, 100):
        sending.box.add(range(start, start + 100))
    away.set()
    sending.finish()
    total = -(-(outbox.MOST + 1000) // 100) * 100
    assert len(sending.arrived) + sending.lost == total
    assert sending.arrived[-1:] == [total - 1] or sending.lost == total


def test_what_is_refused_is_lost_at_once():
    """A batch that the collector refuses does not hold up the next one."""
    sending = Sending(lambda batch: TAKEN if batch[0] else Outcome(taken=False, reason="400 Bad Request"))
    sending.box.add(range(outbox.BATCH + 1))
    sending.finish()
    assert sending.lost == outbox.BATCH
    assert sending.arrived == [outbox.BATCH]


def test_what_is_too_large_is_sent_in_halves():
    """A collector that takes little at once gets everything but the item that is too large alone."""

    def answer(batch: Sequence[int]) -> Outcome:
        return Outcome(taken=False, reason="413", too_large=True) if len(batch) > 3 or 77 in batch else TAKEN

    sending = Sending(answer)
    sending.box.add(range(100))
    sending.finish()
    assert (sending.arrived, sending.lost) == ([each for each in range(100) if each != 77], 1)


def test_the_end_waits_for_no_collector():
    """A collector that answers nothing costs no more than the given time, and what it did not get is counted."""
    never = threading.Event()

    def answer(_: Sequence[int]) -> Outcome:
        never.wait(30)
        return TAKEN

    sending = Sending(answer)
    sending.box.add(range(10))
    began = monotonic()
    sending.finish(0.3)
    assert monotonic() - began < 2
    assert sending.lost == 10
    never.set()


def test_a_collector_that_is_away_is_not_waited_for():
    """What waits to try again is interrupted at the end, and is lost with its reason."""
    sending = Sending(lambda _: AWAY)
    with sending.changed:
        sending.box.add(range(10))
        sending.changed.wait(5)
    began = monotonic()
    sending.finish(5.0)
    assert monotonic() - began < 3
    assert sending.lost == 10
