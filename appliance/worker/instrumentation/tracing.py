"""Give each request its span, when it begins (W3C Trace Context). Runs in the threads of the requests.

Only if spans are exported. A project that traces itself makes its own spans for the same requests, with the same
parents. As soon as it does, our spans are left out, and one event reports that.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ...protocol.traces import SAMPLED, Sampler, SpanIds, Trace, parent_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...protocol.start.start_options import SamplerOptions
    from ...server.wsgi.access_log.exchange import Exchange

_API = "opentelemetry.trace"
_API_OWN = ("opentelemetry.trace", "opentelemetry.util")  # providers that export nothing


class Tracing:
    """Begins the spans of requests.

    Args:
        options: of the sampler.
        begin: what else is called when a request begins.
        report: logs an event: level, name, fields.
    """

    def __init__(
        self,
        options: SamplerOptions,
        begin: Callable[[Exchange, bytes], None],
        report: Callable[[str, str, dict[str, object]], None],
    ) -> None:
        self._sampler = Sampler(**options)
        self._begin = begin
        self._report = report
        self._ids = SpanIds()
        self._left = False

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Begin a request."""
        if not self._left and _API in sys.modules and traces_itself():
            self._leave()
        if not self._left:
            exchange.trace = self._trace_of(exchange)
        self._begin(exchange, head)  # this also records the trace in shared memory, in case this process dies

    def _trace_of(self, exchange: Exchange) -> Trace:
        fields = exchange.head.values if exchange.head is not None else {}
        parent = parent_of(fields["HTTP_TRACEPARENT"]) if "HTTP_TRACEPARENT" in fields else None
        ids = self._ids
        trace_id, caller = (ids.trace_id(), "") if parent is None else (parent.trace_id, parent.span_id)
        flags = SAMPLED if self._sampler.samples(trace_id, parent) else 0
        state = state_of(fields.get("HTTP_TRACESTATE", "")) if parent is not None else ""
        return Trace(trace_id, ids.span_id(), caller, flags, state)

    def _leave(self) -> None:
        self._left = True
        self._report("info", "telemetry.left", {"reason": "the project has set a tracer provider of its own"})


def traces_itself() -> bool:
    """Whether the project has set a tracer provider of OpenTelemetry."""
    # Its name is private: the public function would make a provider that an environment variable names.
    provider = getattr(sys.modules.get(_API), "_TRACER_PROVIDER", None)
    return provider is not None and not type(provider).__module__.startswith(_API_OWN)
