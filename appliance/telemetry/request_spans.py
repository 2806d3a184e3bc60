"""Turn a request's line of the log into its span, by the semantic conventions for HTTP servers.

Secrets are masked in the line already.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from appliance.protocol.traces import SAMPLED, Parent, Sampler, SpanIds

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COPIED = (
    "http.request.method", "http.request.method_original", "http.response.status_code", "http.response.body.size",
    "http.route", "url.path", "url.query", "client.address", "user_agent.original", "network.protocol.version",
    "server.port",
)  # fmt: skip
_OWN = {"generation": "appliance.generation", "role": "appliance.role", "request_id": "appliance.request_id"}


class RequestSpans:
    """Makes spans of requests.

    Args:
        sampler: decides about requests that no worker has begun: they were refused, or the stand-in has answered.
        scheme: of the URLs.
    """

    def __init__(self, resource: Resource, scope: InstrumentationScope, sampler: Sampler, scheme: str) -> None:
        self._resource = resource
        self._scope = scope
        self._sampler = sampler
        self._scheme = scheme
        self._ids = SpanIds()

    def of(self, line: dict[str, Any]) -> ReadableSpan | None:
        """Return the span of this line; None if its trace is not exported.

        Raises:
            ValueError, KeyError, TypeError: the line is not of a request.
        """
        ids = self._ids_of(line)
        if ids is None:
            return None
        trace_id, span_id, parent_id, state = ids
        end = nanoseconds(line["timestamp"])
        attributes = {name: line[name] for name in _COPIED if name in line}
        attributes["url.scheme"] = self._scheme
        attributes.update({name: line[key] for key, name in _OWN.items() if key in line})
        if error := error_type(line):
            attributes["error.type"] = error
        return ReadableSpan(
            name=name_of(line),
            context=context(trace_id, span_id, state=state),
            parent=context(trace_id, parent_id, state=state, remote=True) if parent_id else None,
            resource=self._resource,
            attributes=attributes,
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR, line.get("reason")) if error else Status(StatusCode.UNSET),
            start_time=end - round((line.get("duration_s") or 0) * 1_000_000_000),
            end_time=end,
            instrumentation_scope=self._scope,
        )

    def _ids_of(self, line: dict[str, Any]) -> tuple[str, str, str, str] | None:
        """Return the ids of trace, span and parent, and the trace's state; None if the trace is not exported."""
        flags = line.get("trace_flags")
        if flags is not None:
            if not int(flags, 16) & SAMPLED:
                return None
            return line["trace_id"], line["span_id"], line.get("parent_span_id", ""), line.get("trace_state", "")
        parent = Parent(line["trace_id"], line["span_id"], SAMPLED) if "trace_id" in line else None
        trace_id = self._ids.trace_id() if parent is None else parent.trace_id
        if not self._sampler.samples(trace_id, parent):
            return None
        return trace_id, self._ids.span_id(), "" if parent is None else parent.span_id, ""


def name_of(line: dict[str, Any]) -> str:
    """Return a low-cardinality span name: the method, and the route if the framework reports it."""
    method = line.get("http.request.method", "HTTP").replace("_OTHER", "HTTP")
    return f"{method} {line['http.route']}" if "http.route" in line else method


def error_type(line: dict[str, Any]) -> str:
    """Return why a request has failed; "" if it has not: a mistake of the client is not an error of the server."""
    if line["event"] == "request.aborted":
        return "aborted"
    status = line.get("http.response.status_code", 0)
    return str(status) if status >= 500 else ""


def nanoseconds(timestamp: str) -> int:
    """Return a line's time in nanoseconds since the epoch, exactly."""
    since = datetime.fromisoformat(timestamp) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def context(trace_id: str, span_id: str, *, state: str = "", remote: bool = False) -> SpanContext:
    """Return a context of the SDK."""
    known = TraceState.from_header([state]) if state else None
    return SpanContext(int(trace_id, 16), int(span_id, 16), remote, TraceFlags(SAMPLED), known)
