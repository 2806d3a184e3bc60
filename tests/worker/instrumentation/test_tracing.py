"""The span that each request gets when it begins."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from appliance.protocol.request_details import unpack
from appliance.protocol.start.start_options import SamplerOptions
from appliance.protocol.traces import read_origin
from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser
from appliance.server.http.limits import Limits
from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.instrumentation.details import Details
from appliance.worker.instrumentation.trace_context import outgoing_fields
from appliance.worker.instrumentation.tracing import Tracing

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ALWAYS: SamplerOptions = {"name": "parentbased_always_on", "ratio": 1.0}


def begun(fields: str = "", options: SamplerOptions = ALWAYS, tracing: Tracing | None = None) -> Exchange:
    """A request with these fields, once it has begun."""
    raw = f"GET / HTTP/1.1\r\nHost: a\r\n{fields}".encode().removesuffix(b"\r\n")
    exchange = Exchange(HeadParser(FieldReader(Limits())).parse(raw), "127.0.0.1", 8000, 0.0, "id-1")
    (tracing or Tracing(options, lambda *_: None, lambda *_: None)).begin(exchange, raw)
    return exchange


def test_a_request_continues_the_trace_of_its_client():
    """A request's parent is its client's span, and the state goes on; the request's own id is new."""
    trace = begun(f"traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: a=1\r\ntracestate: b=2\r\n").trace
    assert trace is not None
    assert (trace.trace_id, trace.parent_span_id, trace.state, trace.sampled) == (TRACE, SPAN, "a=1,b=2", True)
    assert trace.span_id not in {SPAN, "0" * 16}


@pytest.mark.parametrize(
    "fields", ["", "traceparent: what\r\ntracestate: a=1\r\n", f"traceparent: 00-{TRACE}-{'0' * 16}-01\r\n"]
)
def test_a_request_begins_a_trace(fields: str):
    """Without a valid parent the trace is new, and has no state of others."""
    first, second = begun(fields).trace, begun(fields).trace
    assert first is not None
    assert second is not None
    assert (first.parent_span_id, first.state, first.sampled) == ("", "", True)
    assert first.trace_id not in {second.trace_id, TRACE}


def test_a_client_that_samples_nothing_is_obeyed():
    """The flag of the client is obeyed and handed on; the request still has ids."""
    exchange = begun(f"traceparent: 00-{TRACE}-{SPAN}-00\r\n")
    assert exchange.trace is not None
    assert not exchange.trace.sampled
    assert outgoing_fields(exchange) == [("traceparent", f"00-{TRACE}-{exchange.trace.span_id}-00")]


def test_calls_are_children_of_the_request():
    """A call gets the id of its own span, and the state of the trace; without one its parent is the request."""
    exchange = begun(f"traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: a=1\r\n")
    assert exchange.trace is not None
    assert outgoing_fields(exchange, "c" * 16) == [("traceparent", f"00-{TRACE}-{'c' * 16}-01"), ("tracestate", "a=1")]
    assert outgoing_fields(exchange)[0] == ("traceparent", f"00-{TRACE}-{exchange.trace.span_id}-01")


def test_the_record_and_the_output_have_the_ids():
    """The access record has all of the trace, and the frames of the output have its ids."""
    exchange = begun()
    trace = exchange.trace
    assert trace is not None
    assert exchange.record().trace == [trace.trace_id, trace.span_id, "", 1, ""]
    assert read_origin(exchange.origin) == ("id-1", [trace.trace_id, trace.span_id, "", 1])


def test_a_project_that_traces_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    """From the moment that it has a provider of its own, requests get no span of ours; that is logged once."""
    events: list[str] = []
    tracing = Tracing(ALWAYS, lambda *_: None, lambda _, event, __: events.append(event))
    module = SimpleNamespace(_TRACER_PROVIDER=None)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)
    assert begun(tracing=tracing).trace is not None
    module._TRACER_PROVIDER = type("Provider", (), {"__module__": "opentelemetry.sdk.trace"})()
    parent = f"traceparent: 00-{TRACE}-{SPAN}-01\r\n"
    exchanges = [begun(parent, tracing=tracing) for _ in range(3)]
    assert [each.trace for each in exchanges] == [None] * 3
    assert events == ["telemetry.left"]
    assert outgoing_fields(exchanges[0]) == []


def test_only_what_a_request_did_is_sent_for_spans():
    """The message has its queries and calls; there is none for a request that did nothing, or is not sampled."""
    exchange = begun()
    details = Details(b"GET /", whole=False)
    details.received(b"body")
    details.sent((b"response",))
    assert details.spans_of(exchange) is None
    exchange.started, exchange.finished, exchange.ended = 5.0, 7.0, 100.0
    call = {"method": "GET", "url": "http://a/", "place": "a.py:3"}
    details.effects.add_call(call)
    message = details.spans_of(exchange)
    assert message is not None
    found = unpack(message.pack())
    assert exchange.trace is not None
    assert found.info["trace"] == list(exchange.trace)
    assert (found.info["started_us"], found.info["effects"], found.body) == (98_000_000, {"calls": [call]}, b"")
    exchange.trace = exchange.trace._replace(flags=0)
    assert details.spans_of(exchange) is None
    assert current.get() is None
