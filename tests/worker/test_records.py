"""The records of a worker are bounded: none is too large for the channel, and none fails a request."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.protocol.channel import Channel
from appliance.protocol.inflight import InFlight, Reading, Request
from appliance.protocol.messages import Failed, Records
from appliance.protocol.record import Message
from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.worker.message_bounds import LONGEST_MESSAGE, LONGEST_TEXT, limited, send
from appliance.worker.records import RecordSink


class Ends:
    """A sink, and what arrives from it."""

    def __init__(self) -> None:
        ours, theirs = Channel.pair()
        self.near, self.far = Channel(ours), Channel(theirs)
        self.broken: list[Exception] = []
        self.sink = RecordSink(self.near, broken=self.broken.append)
        self.batches: list[list[Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while True:
                for message, _ in self.far.receive():
                    assert isinstance(message, Records | Failed)
                    self.batches.append(message.batch if isinstance(message, Records) else [message.report])
        except Exception:  # noqa: BLE001  the end
            return

    def all(self) -> list[Any]:
        """Every record, once no more will come."""
        self.near.close()
        self._reader.join()
        self.far.close()
        return [record for batch in self.batches for record in batch]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A sink with its channel."""
    made = Ends()
    yield made
    made.all()


def test_a_record_of_70_megabytes_is_cut_and_says_so(ends: Ends):
    """A record of 70 MB arrives cut, and says so; the records beside it are whole."""
    ends.sink._records.append(["event", 0.0, "info", "one", {}])
    ends.sink.event("error", "application.failed", {"error": "x" * 70_000_000, "line": 3})
    one, reported = ends.all()
    assert one == ["event", 0.0, "info", "one", {}]
    assert (reported[4]["line"], len(reported[4]["error"]) < LONGEST_TEXT + 100) == (3, True)
    assert reported[4]["error"].endswith("... (70000000 characters)")


class Strange:
    """A value that JSON cannot hold, and whose representation raises."""

    def __repr__(self) -> str:
        raise RuntimeError


def test_a_record_that_json_cannot_hold(ends: Ends):
    """A value that JSON does not know is replaced by its type; a cycle ends."""
    circle: dict[str, Any] = {}
    circle["again"] = circle
    ends.sink.event("info", "strange", {"what": Strange(), "bytes": b"x", "circle": circle, "number": 2**100})
    (reported,) = ends.all()
    assert reported[4]["what"] == "<Strange>"
    assert reported[4]["bytes"] == "<bytes>"
    assert reported[4]["number"].startswith("1267650600228229")
    assert "deeper" in json.dumps(reported[4]["circle"])


def test_many_large_records_arrive_in_order(ends: Ends):
    """Sixty-four records of 60 KB each, too many for one batch, all arrive in order."""
    for number in range(64):
        ends.sink._records.append(["event", float(number), "info", "large", {"text": "x" * 60_000}])
    ends.sink.flush()
    assert [record[1] for record in ends.all()] == [float(number) for number in range(64)]


def test_a_report_of_an_import_is_bounded(ends: Ends):
    """A message that is not a record is bounded by the same means."""
    send(ends.near, Failed(report={"text": "y" * 40_000_000, "frames": [{"file": "a.py"}] * 50_000}))
    (report,) = ends.all()
    assert len(json.dumps(report)) < LONGEST_MESSAGE
    assert report["frames"][0] == {"file": "a.py"}


def test_a_channel_that_is_broken_is_reported(ends: Ends):
    """The sink's owner is called when nothing can be sent any more."""
    ends.all()
    ends.sink.event("info", "late", {})
    assert len(ends.broken) == 1


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


class SentBatches(Channel):
    """A channel that keeps what is sent on it."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []

    def send(self, message: Message, *_: object, **__: object) -> bool:
        """Keep a batch."""
        assert isinstance(message, Records)
        self.batches.append(message.batch)
        return True


class Interrupted(InFlight):
    """Another thread sends what there is, just before a request is marked as ended."""

    def __init__(self, descriptor: int, channel: SentBatches) -> None:
        super().__init__(descriptor)
        self.sink = RecordSink(channel, in_flight=self)
        self.sent_too_early: list[list[Any]] | None = None
        self._channel = channel

    def end(self, request: Request) -> None:
        """Send, then mark it."""
        self.sink.flush()
        self.sent_too_early = self._channel.batches[:]
        super().end(request)


def test_a_record_is_sent_once_its_request_has_ended():
    """While a request counts as running its record is not sent: if the process dies then, it would have two lines."""
    reading = Reading(4)
    in_flight = Interrupted(reading.descriptor, channel := SentBatches())
    exchange = Exchange(None, "127.0.0.1", 8000, 0.0, "request-1")
    in_flight.begin(exchange, b"GET / HTTP/1.1")
    in_flight.sink.exchange(exchange)
    assert in_flight.sent_too_early == []
    assert reading.running() == []
    in_flight.sink.flush()
    assert [len(batch) for batch in channel.batches] == [1]
    reading.close()


def test_a_recorded_request_is_reported_at_once():
    """A process that dies takes the lines with it that it has collected: those of recorded requests do not wait."""
    reading, channel = Reading(4), SentBatches()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sink = RecordSink(channel, in_flight=InFlight(reading.descriptor), details=theirs.detach())
    assert sink.begin is not None
    for started in (0.0, -1e6):  # the second one as if there had been too many
        exchange = Exchange(None, "127.0.0.1", 8000, started, "request")
        sink.begin(exchange, b"GET / HTTP/1.1\r\n\r\n")
        sink.exchange(exchange)
    assert [len(batch) for batch in channel.batches] == [1]
    sink.flush()
    assert [len(batch) for batch in channel.batches] == [1, 1]
    details = sink._details
    assert details is not None
    details.close()
    ours.close()
    reading.close()


@given(_VALUES)
def test_each_value_of_the_project_becomes_json(value: object):
    """Any value of the project becomes JSON, and is read as it was written."""
    made = limited(value)
    assert repr(json.loads(json.dumps(made))) == repr(made)
