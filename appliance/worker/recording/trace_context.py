"""Hand the trace of a request on to the services that the project calls in it (W3C Trace Context).

Runs in the threads of the requests, for each outgoing call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...server.wsgi.recording.request_ids import trace_of

if TYPE_CHECKING:
    from ...server.wsgi.recording.exchange import Exchange

NAMES = frozenset({"traceparent", "tracestate"})


def outgoing_fields(exchange: Exchange) -> list[tuple[str, str]]:
    """Return the fields to add to a call that this request makes; none where the request belongs to no trace.

    The caller adds them only if the project has set neither of ``NAMES`` itself. A participant that records no span of
    its own hands ``traceparent`` and ``tracestate`` on unchanged (Trace Context, 3.4); one that is not valid is dropped
    with its ``tracestate`` (4.3).
    """
    values = exchange.head.values if exchange.head is not None else {}
    parent = values.get("HTTP_TRACEPARENT", "")
    if trace_of(parent) == (None, None):
        return []
    state = values.get("HTTP_TRACESTATE", "")
    return [("traceparent", parent), *([("tracestate", state)] if state else [])]
