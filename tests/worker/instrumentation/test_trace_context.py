"""The trace of a request is handed on, or nothing is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.worker.instrumentation.trace_context import outgoing_fields

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"HTTP_TRACEPARENT": PARENT}, [("traceparent", PARENT)]),
        ({"HTTP_TRACEPARENT": PARENT, "HTTP_TRACESTATE": "a=1"}, [("traceparent", PARENT), ("tracestate", "a=1")]),
        ({"HTTP_TRACESTATE": "a=1"}, []),
        ({"HTTP_TRACEPARENT": f"{PARENT}-more", "HTTP_TRACESTATE": "a=1"}, []),
        ({}, []),
    ],
)
def test_only_a_valid_trace_is_handed_on(values: dict[str, str], fields: list[tuple[str, str]]):
    """Unchanged, with its state; a state without a valid parent belongs to nothing."""
    head: Any = SimpleNamespace(values=values)
    assert outgoing_fields(Exchange(head, "127.0.0.1", 8000, 0.0, "id")) == fields
    assert outgoing_fields(Exchange(None, "127.0.0.1", 8000, 0.0, "id")) == []
