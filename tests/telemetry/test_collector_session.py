"""The possible answers of a collector, and the outcome of each."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from appliance.telemetry.collector_session import CollectorSession, Outcome
from tests.collectors import Answer, Collector, collector


@pytest.fixture
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    with collector() as made:
        yield made


def outcome_of(url: str, timeout: float = 5.0) -> Outcome:
    """Return the outcome of one request."""
    with CollectorSession("traces") as session:
        session.name_url(url)
        with contextlib.suppress(requests.RequestException):
            session.request("POST", url, data=b"", timeout=timeout, allow_redirects=False)
        return session.outcome


@pytest.mark.parametrize(
    ("answer", "taken", "temporary", "reason"),
    [
        (Answer(200), True, False, ""),
        (Answer(200, "text/plain", b"garbage"), True, False, ""),
        (Answer(200, body=b"\xff\xffgarbage"), True, False, ""),
        (Answer(200, "text/html", b"<h1>shop</h1>"), False, False, "200 OK with text/html"),
        (Answer(302, fields=(("Location", "/login"),)), False, False, "302 Found"),
        (Answer(400), False, False, "400 Bad Request"),
        (Answer(401), False, False, "401 Unauthorized"),
        (Answer(404), False, False, "404 Not Found"),
        (Answer(429, fields=(("Retry-After", "7"),)), False, True, "429 Too Many Requests"),
        (Answer(500), False, False, "500 Internal Server Error"),
        (Answer(503, fields=(("Retry-After", "tomorrow"),)), False, True, "503 Service Unavailable"),
    ],
)  # fmt: skip
def test_only_retryable_answers_send_a_batch_again(
    collecting: Collector, answer: Answer, taken: bool, temporary: bool, reason: str
):
    """Success is success, whatever the body; only what OTLP calls so is sent again; each failure says what to do."""
    collecting.usual = answer
    outcome = outcome_of(f"{collecting.url}/v1/traces")
    assert (outcome.taken, outcome.temporary, outcome.reason) == (taken, temporary, reason)
    assert outcome.action
    assert outcome.retry_after_s == (7.0 if answer.status == 429 else 0.0)


def test_a_collector_may_name_the_time_of_the_next_try(collecting: Collector):
    """A date in Retry-After is waited for, up to five minutes; one that is over is not."""
    waits = {}
    for after in (-60, 60, 9_000):
        collecting.usual = Answer(503, fields=(("Retry-After", formatdate(time.time() + after, usegmt=True)),))
        waits[after] = outcome_of(f"{collecting.url}/v1/traces").retry_after_s
    assert 30 < waits.pop(60) <= 60
    assert waits == {-60: 0.0, 9_000: 300.0}


def test_a_413_asks_for_less_and_rejected_items_are_counted(collecting: Collector):
    """413 asks for less at once; a partial success counts what was thrown away."""
    collecting.usual = Answer(413)
    assert outcome_of(f"{collecting.url}/v1/traces").too_large
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = 3
    partial.partial_success.error_message = "too old"
    collecting.usual = Answer(200, body=partial.SerializeToString())
    outcome = outcome_of(f"{collecting.url}/v1/traces")
    assert (outcome.taken, outcome.rejected, outcome.reason) == (True, 3, "too old")


def test_a_collector_that_does_not_answer_is_asked_again_later():
    """A port without a listener, a name that nobody has, a listener that says nothing: all are for later."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        refused = outcome_of(f"http://127.0.0.1:{port}/v1/traces")
        listening.listen()
        silent = outcome_of(f"http://127.0.0.1:{port}/v1/traces", timeout=0.2)
        plain = outcome_of(f"https://127.0.0.1:{port}/v1/traces", timeout=0.2)
    assert (refused.temporary, refused.reason) == (True, "Connection refused")
    assert silent.temporary
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in silent.action
    assert not plain.taken


def test_a_wrong_certificate_or_scheme_is_named_in_the_advice(collecting: Collector):
    """If the collector of an https URL has no TLS, the advice names the certificate and the scheme."""
    outcome = outcome_of(collecting.url.replace("http://", "https://") + "/v1/traces")
    assert not outcome.taken
    assert not outcome.temporary
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in outcome.action
