"""The queue for a collector, and the outcome of its items."""

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


class Wake(threading.Event):
    """An event whose waits end when it is set, or when the test lets their time pass: never by themselves.

    ``wait_s`` is the time of the last wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wait_s: float | None = None
        self._changed = threading.Condition()
        self._passed = self._waited_for = False

    def set(self) -> None:
        """As the event's."""
        with self._changed:
            super().set()
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """As the event's, except for its time."""
        with self._changed:
            self._waited_for, self.wait_s = True, timeout
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.is_set() or (self._passed and timeout is not None))
            self._passed = self._waited_for = False
            return self.is_set()

    def is_waited_for(self) -> bool:
        """Wait until a thread waits that nothing has woken; whether one does."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waited_for and not self.is_set(), 10)

    def pass_time(self) -> None:
        """Let the time of the present wait pass."""
        with self._changed:
            self._passed = True
            self._changed.notify_all()


class Sending:
    """An outbox whose collector is a function of the batch."""

    def __init__(self, answer: Callable[[Sequence[int]], Outcome], wake: Wake | None = None) -> None:
        self.arrived: list[int] = []
        self.lost = 0
        self.reasons: list[object] = []
        self.sizes: list[int] = []  # of each batch that was sent
        self.changed = threading.Condition()
        self.interrupted = threading.Event()
        self._answer = answer
        self.session = CollectorSession("traces")
        self.box = Outbox(
            self._export,
            self.interrupted.set,
            self.session,
            DeliveryReports("spans", "http://c", self._report),
            wake=wake,
        )

    def _export(self, batch: Sequence[int]) -> None:
        with self.changed:
            self.sizes.append(len(batch))
            self.changed.notify_all()
        self.session.outcome = self._answer(batch)
        with self.changed:
            if self.session.outcome.taken:
                self.arrived += batch
            self.changed.notify_all()

    def _report(self, _: str, event: str, fields: dict[str, object]) -> None:
        if event == "telemetry.lost":
            self.lost += int(str(fields["count"]))
            self.reasons.append(fields["reason"])

    def sends(self, batches: int) -> bool:
        """Wait until so many batches were sent; whether they were."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.sizes) >= batches, 10)

    def finish(self, within_s: float = 5.0) -> None:
        """End the outbox."""
        self.box.end_soon()
        self.box.finish(monotonic() + within_s)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a person."""
    monkeypatch.setattr(outbox, "DELAY_S", 0.01)
    monkeypatch.setattr(outbox, "PAUSE_S", 0.01)


def test_items_arrive_once_and_in_order():
    """Items added in pieces arrive once, in order, in batches."""
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
    assert sending.sizes[:4] == [100, 50, 25, 12]


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
    """Items that wait for another try are interrupted at the end, and lost with their reason."""
    sending = Sending(lambda _: AWAY)
    with sending.changed:
        sending.box.add(range(10))
        sending.changed.wait(5)
    began = monotonic()
    sending.finish(5.0)
    assert monotonic() - began < 3
    assert sending.lost == 10


def test_items_within_the_delay_are_one_batch():
    """Items that follow the first one soon are sent with it; the end of the process cuts the wait short."""
    wake = Wake()
    sending = Sending(lambda _: TAKEN, wake)
    for number in range(3):
        sending.box.add([number])
        assert wake.is_waited_for()
        assert sending.sizes == []
    sending.finish()
    assert (sending.sizes, sending.arrived) == ([3], [0, 1, 2])


def test_a_batch_is_sent_after_the_delay():
    """Items are sent when the delay has passed, and the next one begins another delay."""
    wake = Wake()
    sending = Sending(lambda _: TAKEN, wake)
    for batches in (1, 2):
        sending.box.add([0])
        assert wake.is_waited_for()
        assert (len(sending.sizes), wake.wait_s) == (batches - 1, outbox.DELAY_S)
        wake.pass_time()
        assert sending.sends(batches)
    sending.finish()
    assert sending.sizes == [1, 1]


@pytest.mark.parametrize("parts", [[outbox.BATCH], [outbox.BATCH - 1, 1]])
def test_a_full_batch_is_sent_at_once(parts: list[int]):
    """As soon as a batch is full it is sent, however much time is left."""
    wake = Wake()
    sending = Sending(lambda _: TAKEN, wake)
    for size in parts:
        assert wake.is_waited_for()
        assert sending.sizes == []
        sending.box.add([0] * size)
    assert sending.sends(1)
    assert sending.sizes == [outbox.BATCH]
    sending.finish()


def test_a_pause_follows_a_failure(monkeypatch: pytest.MonkeyPatch):
    """A collector that is away is not asked again at once, whatever is added; at the end it is not asked at all."""
    monkeypatch.setattr(outbox, "PAUSE_S", 100.0)
    wake = Wake()
    sending = Sending(lambda _: AWAY, wake)
    sending.box.add([1])
    assert wake.is_waited_for()
    wake.pass_time()
    assert sending.sends(1)
    assert wake.is_waited_for()
    sending.box.add([2])
    assert wake.is_waited_for()
    assert wake.wait_s is not None
    assert 90 < wake.wait_s <= 100
    sending.finish()
    assert (len(sending.sizes), sending.lost) == (1, 2)


def test_what_the_sdk_can_not_encode_is_lost():
    """If the SDK raises, the batch is lost with its reason, and the next one is sent."""

    def answer(batch: Sequence[int]) -> Outcome:
        if batch[0] == 0:
            raise ValueError(batch)
        return TAKEN

    sending = Sending(answer)
    sending.box.add(range(outbox.BATCH + 1))
    sending.finish()
    assert (sending.lost, sending.arrived) == (outbox.BATCH, [outbox.BATCH])
    assert sending.reasons == ["it can't be encoded"]


def test_an_outbox_holds_up_no_end_of_a_process():
    """An outbox's thread has a name, and is one that a process does not wait for: a collector may never answer."""
    before = set(threading.enumerate())
    sending = Sending(lambda _: TAKEN)
    (thread,) = set(threading.enumerate()) - before
    assert (thread.name, thread.daemon) == ("outbox", True)
    sending.finish()
    assert not thread.is_alive()
