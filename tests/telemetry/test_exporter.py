"""The exporter, with a real collector and whatever comes through its pipe."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from appliance.protocol.request_details import EXECUTE, RequestDetails
from appliance.protocol.start.first_messages import ExportLines
from appliance.telemetry.exporter import Exporter
from tests.certificates import make_certificate
from tests.collectors import Answer, Collector, collector

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FINISH_S = 30.0  # an appliance that stops gives less; a busy machine may take more
SIGNALS = ("traces", "logs", "metrics")
QUERY = [0, -1, 1, 2, -1, -1, -1, -1, EXECUTE]


@pytest.fixture
def collecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that listens, and whose address is set."""
    with collector() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc")
        yield made


def line(event: str = "request.finished", **fields: Any) -> bytes:
    """A line of the log."""
    known = {
        "timestamp": "2026-11-25T01:24:16.196050Z",
        "level": "info",
        "event": event,
        "role": "worker",
        "generation": 1,
    }
    return json.dumps({**known, **fields}).encode() + b"\n"


def request(number: int, **fields: Any) -> bytes:
    """A request's line."""
    named: dict[str, Any] = {"http.request.method": "GET", "url.path": f"/{number}", "http.response.status_code": 200}
    ids = {"trace_id": TRACE, "span_id": f"{number + 1:016x}", "trace_flags": "01"}
    return line(duration_s=0.002, **named, **ids, **fields)


def exported(
    data: Sequence[bytes | Callable[[], bytes]],
    messages: Sequence[bytes] = (),
    signals: Sequence[str] = SIGNALS,
    secrets: Sequence[str] = (),
) -> list[tuple[str, dict[str, object]]]:
    """Let an exporter read this to its end; what it has reported."""
    events: list[tuple[str, dict[str, object]]] = []
    sampler = {"name": "always_on", "ratio": 1.0}
    message = ExportLines(list(signals), {"service.name": "shop"}, sampler, "http", [], list(secrets))
    exporter = Exporter(message, lambda _, event, fields: events.append((event, fields)), FINISH_S)
    read, write = os.pipe()
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    running = threading.Thread(target=exporter.run, args=(read, ours))
    for each in messages:
        theirs.send(each)
    running.start()
    for piece in data:
        os.write(write, piece if isinstance(piece, bytes) else piece())
    os.close(write)
    running.join()
    theirs.close()
    ours.close()
    os.close(read)
    return events


def test_all_three_signals_arrive(collecting: Collector):
    """A request is a span, a log record and a duration; the fields of the variable are sent."""
    assert exported([request(1)]) == []
    (span,), (record,) = collecting.spans, collecting.records
    assert (span.service, span.item.name, record.item.body.string_value) == ("shop", "GET", "GET /1 200")
    assert (record.item.span_id, record.item.flags) == (span.item.span_id, 1)
    (metric,) = collecting.metrics
    assert metric.item.histogram.data_points[0].count == 1
    assert {fields["authorization"] for _, fields in collecting.requests} == {"Bearer abc"}


def test_what_a_request_did_arrives(collecting: Collector):
    """A message of a worker becomes spans and durations; its secrets are masked."""
    info = {
        "trace": [TRACE, SPAN, "", 1, ""],
        "started_us": 5,
        "queries": [QUERY],
        "texts": ["SELECT longsecret"],
    }
    messages = [RequestDetails(info, b"", b"", b"").pack(), b"garbage", RequestDetails({}, b"", b"", b"").pack()]
    later = json.dumps({"secrets": ["another"]}).encode() + b"\n"
    assert exported([later, request(1)], messages, secrets=["longsecret"]) == []
    kinds = sorted(got.item.name for got in collecting.spans)
    assert kinds[0] == "GET"
    assert len(kinds) == 2
    texts = [got.attributes["db.query.text"] for got in collecting.spans if got.item.name != "GET"]
    assert texts == ["SELECT ********"]
    assert {got.item.name for got in collecting.metrics} == {
        "http.server.request.duration",
        "db.client.operation.duration",
    }


def test_a_secret_that_is_named_before_a_message_is_masked_in_it(collecting: Collector):
    """If a line that names a secret and a message that holds it wait both, the line counts first."""
    message = ExportLines(["traces"], {"service.name": "shop"}, {"name": "always_on", "ratio": 1.0}, "http", [], [])
    exporter = Exporter(message, lambda *_: None, FINISH_S)
    read, write = os.pipe()
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, ours:
        os.write(write, json.dumps({"secrets": ["longsecret"]}).encode() + b"\n")
        info = {"trace": [TRACE, SPAN, "", 1, ""], "started_us": 5, "queries": [QUERY], "texts": ["longsecret"]}
        theirs.send(RequestDetails(info, b"", b"", b"").pack())
        running = threading.Thread(target=exporter.run, args=(read, ours))
        running.start()
        (span,) = collecting.wait_for(lambda: collecting.spans)
        os.close(write)
        running.join()
    os.close(read)
    assert span.attributes["db.query.text"] == "********"


def test_data_arrives_over_tls_with_the_certificate_of_the_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the certificate of its authority all arrives, compressed too; without, the advice names the variable."""
    certificate = make_certificate(tmp_path)
    with collector(certificate=certificate) as secure:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", secure.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        events = exported([request(1)], signals=["traces"])
        assert [event for event, _ in events] == ["telemetry.lost"]
        assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in str(events[0][1]["action"])
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificate[0]))
        assert exported([request(2)], signals=["traces"]) == []
        assert [got.attributes["url.path"] for got in secure.spans] == ["/2"]


def test_a_pause_that_the_collector_asks_for_is_kept(collecting: Collector, monkeypatch: pytest.MonkeyPatch):
    """The pause that a collector asks for is kept, also where it is longer than the SDK tries; nothing is lost."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    collecting.answers = [Answer(429, fields=(("Retry-After", "0.1"),)), Answer(503, fields=(("Retry-After", "1.5"),))]
    began = monotonic()

    def wait() -> bytes:
        collecting.wait_for(lambda: collecting.spans)
        return b""

    events = exported([request(1), wait], signals=["traces"])
    assert monotonic() - began > 1.5
    assert [event for event, _ in events] == ["telemetry.delayed", "telemetry.sent"]
    assert [got.attributes["url.path"] for got in collecting.spans] == ["/1"]


def test_lines_in_pieces_arrive_and_garbage_is_left_out(collecting: Collector):
    """A line may come in pieces; half a line, garbage and other objects are left out."""
    whole = request(1)
    other = [b'the end of one"}\n', b"[]\n", b"{}\n", b'"x"\n', line("request.finished", timestamp="now"), b'{"half']
    assert exported([whole[:10], whole[10:], *other]) == []
    assert len(collecting.spans) == 1


def test_values_that_otlp_can_not_hold(collecting: Collector):
    """Large integers, nested values and nulls of a project's own log arrive as far as they can."""
    extra = {"big": 2**70, "list": [1, "a", None, {"b": [2**64]}], "none": None, "text": "x" * 100_000}
    assert exported([line("project.logged", message="m", extra=extra, file="a.py", line=3)], signals=["logs"]) == []
    (record,) = collecting.records
    attributes = record.attributes
    assert (record.item.body.string_value, attributes["code.file.path"], attributes["code.line.number"]) == (
        "m",
        "a.py",
        3,
    )
    assert "extra" in attributes


def test_requests_of_a_generation_that_traces_itself_are_not_our_spans(collecting: Collector):
    """Requests of a generation that traces itself are not spans of ours; those of the next generation are."""
    next_one = request(3).replace(b'"generation": 1', b'"generation": 2')
    assert exported([request(1), line("telemetry.left"), request(2), next_one]) == []
    assert sorted(got.attributes["url.path"] for got in collecting.spans) == ["/1", "/3"]
    assert len(collecting.records) == 4


def test_many_requests_arrive_once(collecting: Collector):
    """None of many requests is lost or doubled on the way."""
    pieces = [b"".join(request(number) for number in range(start, start + 50)) for start in range(0, 1000, 50)]
    assert exported(pieces, signals=["traces"]) == []
    assert sorted(int(got.attributes["url.path"][1:]) for got in collecting.spans) == list(range(1000))
