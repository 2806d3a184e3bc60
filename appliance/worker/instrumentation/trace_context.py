"""Hand the trace of a request on to the services that the project calls in it (W3C Trace Context).

Runs in the threads of the requests, for each outgoing call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...server.wsgi.access_log.request_ids import trace_of
from .tracing import traces_itself

if TYPE_CHECKING:
    from ...server.wsgi.access_log.exchange import Exchange

NAMES = frozenset({"traceparent", "tracestate"})


def outgoing_fields(exchange: Exchange, span_id: str = "") -> list[tuple[str, str]]:
    """Return the fields to add to a call that this request makes; none where the request belongs to no trace.

    ``span_id`` is that of the call, where it has a span; else its parent is the request's own span.

    The caller adds them only if the project has set neither of ``NAMES`` itself. A participant that records no span of
    its own passes on ``traceparent`` and ``tracestate`` unchanged (Trace Context, 3.4); an invalid ``traceparent`` is
    dropped with its ``tracestate`` (4.3).
    """
    if traces_itself():  # then the project decides which of its spans is the parent
        return []
    trace = exchange.trace
    if trace is not None:
        given = [("traceparent", trace.traceparent(span_id))]
        return [*given, ("tracestate", trace.state)] if trace.state else given
    values = exchange.head.values if exchange.head is not None else {}
    parent = values.get("HTTP_TRACEPARENT", "")
    if trace_of(parent) == (None, None):
        return []
    state = values.get("HTTP_TRACESTATE", "")
    return [("traceparent", parent), *([("tracestate", state)] if state else [])]
