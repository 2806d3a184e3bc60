"""The span of a request's line, by the semantic conventions."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, StatusCode

from appliance.protocol.traces import Sampler
from appliance.telemetry.request_spans import RequestSpans, nanoseconds

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
LINE: dict[str, Any] = {
    "timestamp": "2026-11-25T01:24:16.196050Z", "level": "info", "event": "request.finished", "role": "worker",
    "generation": 3, "http.request.method": "GET", "url.path": "/a", "http.response.status_code": 200,
    "duration_s": 0.5, "request_id": "id-1", "server.port": 8000, "trace_id": TRACE, "span_id": SPAN,
    "trace_flags": "01",
}  # fmt: skip


def span_of(sampler: Any = None, **changes: Any) -> Any:
    """The span of a line with these changes; None takes a field away."""
    spans = RequestSpans(Resource({}), InstrumentationScope("test"), sampler or Sampler(), "https")
    return spans.of({name: value for name, value in {**LINE, **changes}.items() if value is not None})


def test_a_span_has_its_times_and_ids():
    """The span ends with the line's time, exactly, and has begun as long before as the request took."""
    span = span_of(parent_span_id="c" * 16, trace_state="a=1")
    assert (span.end_time, span.end_time - span.start_time) == (1_795_569_856_196_050_000, 500_000_000)
    assert (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}") == (TRACE, SPAN)
    assert (f"{span.parent.span_id:016x}", span.parent.is_remote, span.context.trace_state.get("a")) == (
        "c" * 16,
        True,
        "1",
    )
    assert (span.kind, span.name, span.status.status_code) == (SpanKind.SERVER, "GET", StatusCode.UNSET)
    assert span.attributes["url.scheme"] == "https"
    assert span_of().parent is None


def test_a_span_has_the_name_of_its_route():
    """The route names the span if there is one; an unknown method does not."""
    assert span_of(**{"http.route": "/a/<id>"}).name == "GET /a/<id>"
    odd = span_of(**{"http.request.method": "_OTHER", "http.request.method_original": "BREW"})
    assert (odd.name, odd.attributes["http.request.method_original"]) == ("HTTP", "BREW")


@pytest.mark.parametrize(
    ("status", "event", "error"),
    [(404, "request.finished", None), (503, "request.finished", "503"), (None, "request.aborted", "aborted")],
)
def test_failures_are_of_the_server(status: int | None, event: str, error: str | None):
    """A failure that the client caused is not an error of the span."""
    span = span_of(event=event, reason="why", **{"http.response.status_code": status})
    assert span.attributes.get("error.type") == error
    assert span.status.status_code is (StatusCode.ERROR if error else StatusCode.UNSET)


def test_a_request_without_ids_gets_them():
    """One that was refused begins a trace, or continues that of its client; a sampler decides about it."""
    alone = span_of(trace_id=None, span_id=None, trace_flags=None)
    assert alone.parent is None
    child = span_of(trace_flags=None)
    assert f"{child.parent.span_id:016x}" == SPAN
    assert f"{child.context.span_id:016x}" != SPAN
    assert span_of(Sampler("always_off"), trace_flags=None) is None
    assert span_of(trace_flags="00") is None


def test_a_time_keeps_its_microseconds():
    """A time keeps its microseconds."""
    assert nanoseconds("2026-11-25T01:24:16.196051Z") == 1_795_569_856_196_051_000
