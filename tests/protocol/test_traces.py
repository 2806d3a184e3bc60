"""W3C Trace Context, as a client may send it, and which traces are exported."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.protocol.traces import SAMPLERS, Parent, Sampler, SpanIds, Trace, parent_of, state_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("field", "flags"),
    [(f"00-{TRACE}-{SPAN}-01", 1), (f"00-{TRACE}-{SPAN}-00", 0), (f"cc-{TRACE}-{SPAN}-09-what-may-come", 9)],
)
def test_a_valid_parent_is_read(field: str, flags: int):
    """Trace, span and flags of version 00 are read, and of a later one with more fields."""
    assert parent_of(field) == Parent(TRACE, SPAN, flags)


@pytest.mark.parametrize(
    "field",
    [
        "", "00", f"00-{TRACE}-{SPAN}", f"00-{TRACE}-{SPAN}-01-", f"00-{TRACE}-{SPAN}-1", f"00-{TRACE}-{SPAN}-0g",
        f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01", f" 00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n", "00-" + "\u0661" * 32 + f"-{SPAN}-01",
    ],
)  # fmt: skip
def test_an_invalid_parent_begins_a_new_trace(field: str):
    """A field that is not exactly of the form begins a new trace."""
    assert parent_of(field) is None


@pytest.mark.parametrize(
    ("field", "state"),
    [
        ("a=1", "a=1"), ("a=1, b@c=2 3", "a=1,b@c=2 3"), ("a=1,,b=2", "a=1,b=2"), ("", ""), ("a", ""), ("A=1", ""),
        ("a=1,a=2", ""), ("a=b=c", ""), ("a=1,\u00e9=2", ""), (",".join(f"k{each}=1" for each in range(33)), ""),
        ("a=" + "x" * 600, ""),
    ],
)  # fmt: skip
def test_a_state_is_handed_on_or_dropped(field: str, state: str):
    """A valid list of members, each key once; otherwise nothing of it."""
    assert state_of(field) == state


@given(st.text(max_size=200))
def test_whatever_comes_is_read(text: str):
    """No text is an error."""
    parent_of(text)
    assert state_of(state_of(text)) == state_of(text)


def test_ids_of_traces_and_spans_do_not_repeat():
    """Ids have their length and do not repeat; children of one span are different from each other."""
    ids = SpanIds()
    spans = {ids.span_id() for _ in range(1000)}
    traces = {ids.trace_id() for _ in range(1000)}
    assert (len(spans), {len(each) for each in spans}) == (1000, {16})
    assert (len(traces), {len(each) for each in traces}) == (1000, {32})
    trace = Trace(TRACE, "f" * 16)
    children = {trace.child_span_id(number) for number in range(1, 1000)}
    assert (len(children), {len(each) for each in children}) == (999, {16})
    assert trace.traceparent(trace.child_span_id(1)) == f"00-{TRACE}-{trace.child_span_id(1)}-01"
    assert parent_of(trace.traceparent()) == Parent(TRACE, "f" * 16, 1)


def test_a_sampler_decides_as_the_sdk():
    """Each sampler of the specification decides as that of OpenTelemetry's SDK does."""
    from opentelemetry.sdk.trace import sampling  # noqa: PLC0415  half a second
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context  # noqa: PLC0415

    ids = SpanIds()
    for name in SAMPLERS:
        known: Any = sampling._KNOWN_SAMPLERS[name]
        theirs = known(0.3) if name.endswith("ratio") else known
        for parent in (None, Parent(TRACE, SPAN, 1), Parent(TRACE, SPAN, 0)):
            for _ in range(50):
                trace_id = ids.trace_id() if parent is None else parent.trace_id
                context = None
                if parent is not None:
                    remote = SpanContext(int(TRACE, 16), int(SPAN, 16), True, TraceFlags(parent.flags))
                    context = set_span_in_context(NonRecordingSpan(remote))
                decided = theirs.should_sample(context, int(trace_id, 16), "GET").decision.is_sampled()
                assert Sampler(name, 0.3).samples(trace_id, parent) == decided
