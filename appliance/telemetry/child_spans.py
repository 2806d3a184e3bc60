"""Turn a worker's report about one request into spans: one for each query, one for each outgoing call.

The semantic conventions for database clients and HTTP clients give the names. Secrets are masked here: what comes is as
the project has it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from appliance.desk.queries.repeated_queries import shape
from appliance.masking import Mask, masked_call
from appliance.protocol.request_details import INLINED, NotedQuery
from appliance.protocol.traces import SpanIds, Trace
from appliance.telemetry.request_spans import context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
_OPERATION = re.compile(r"\s{0,100}([A-Za-z]{1,20})")
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|TABLE)\s{1,20}[\"`\[]?([\w.]{1,100})", re.IGNORECASE)
_SUMMARY_MAX = 2000  # characters of a query in which its table is looked for


class Step(NamedTuple):
    """A query, or a call: its span, and what its duration is counted by."""

    span: ReadableSpan
    seconds: float
    metric: str
    attributes: dict[str, Any]


class ChildSpans:
    """Makes spans of the queries and calls of requests.

    Args:
        names: parameters whose values are secret.
    """

    def __init__(self, resource: Resource, scope: InstrumentationScope, names: Iterable[str]) -> None:
        self._resource = resource
        self._scope = scope
        self._names = frozenset(name.lower() for name in names)
        self._ids = SpanIds()
        self._mask = Mask({}, names=self._names)

    def mask(self, values: Iterable[str]) -> None:
        """Mask these texts from now on, and all earlier ones."""
        self._mask = Mask({}, self._mask, list(values), names=self._names)

    def of(self, info: dict[str, Any]) -> list[Step]:
        """Return the spans of one request.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: the message is not of its form.
        """
        trace, started_us = Trace(*info["trace"]), int(info["started_us"])
        return [*self._queries(info, trace, started_us), *self._calls(info, trace, started_us)]

    def _queries(self, info: dict[str, Any], trace: Trace, started_us: int) -> Iterator[Step]:
        texts = [str(each) for each in info.get("texts", ())]

        def text_of(number: int) -> str:
            return texts[number] if 0 <= number < len(texts) else ""

        for numbers in info.get("queries", ()):
            query = NotedQuery(*map(int, numbers))
            sql, failed = text_of(query.text), text_of(query.error)
            counted: dict[str, Any] = {"db.system.name": "other_sql", **_summary(sql)}
            if failed:
                counted["error.type"] = failed
            attributes = {**counted, **_place(text_of(query.place))}
            if query.fetched_rows >= 0:
                attributes["db.response.returned_rows"] = query.fetched_rows
            if sql:
                without_values = shape(sql) if query.kind & INLINED else _LITERAL.sub("?", sql)
                attributes["db.query.text"] = self._mask.masked(without_values)
            name = counted.get("db.query.summary") or counted["db.system.name"]
            times = (started_us + query.began_us, query.took_us)
            span = self._span(name, trace, self._ids.span_id(), times, attributes, error=bool(failed))
            yield Step(span, query.took_us / 1_000_000, "db.client.operation.duration", counted)

    def _calls(self, info: dict[str, Any], trace: Trace, started_us: int) -> Iterator[Step]:
        for call in info.get("effects", {}).get("calls", ()):
            if "span_id" not in call:
                continue
            method, url, took_us = (
                str(call["method"]),
                self._masked_url(str(call["url"])),
                int(call.get("took_us") or 0),
            )
            counted: dict[str, Any] = {"http.request.method": method, **_server(url)}
            status = call.get("status")
            if status is not None:
                counted["http.response.status_code"] = int(status)
            error = str(call["error"]).partition(":")[0] if call.get("error") else ""
            if not error and status is not None and int(status) >= 400:
                error = str(status)
            if error:
                counted["error.type"] = error
            attributes = {**counted, "url.full": url, **_place(str(call.get("place", "")))}
            times = (started_us + int(call["began_us"]), took_us)
            reason = self._mask.masked(str(call["error"])) if call.get("error") else None
            span = self._span(method, trace, str(call["span_id"]), times, attributes, error=bool(error), reason=reason)
            yield Step(span, took_us / 1_000_000, "http.client.request.duration", counted)

    def _span(
        self,
        name: str,
        trace: Trace,
        span_id: str,
        times: tuple[int, int],
        attributes: dict[str, Any],
        *,
        error: bool = False,
        reason: str | None = None,
    ) -> ReadableSpan:
        began_us, took_us = times
        return ReadableSpan(
            name=name,
            context=context(trace.trace_id, span_id, state=trace.state),
            parent=context(trace.trace_id, trace.span_id, state=trace.state),
            resource=self._resource,
            attributes=attributes,
            kind=SpanKind.CLIENT,
            status=Status(StatusCode.ERROR, reason) if error else Status(StatusCode.UNSET),
            start_time=began_us * 1000,
            end_time=(began_us + took_us) * 1000,
            instrumentation_scope=self._scope,
        )

    def _masked_url(self, url: str) -> str:
        return self._mask.masked(masked_call(url, self._names))


def _summary(sql: str) -> dict[str, str]:
    """Return the operation and table of a query: few different texts, by which queries are counted."""
    operation = _OPERATION.match(sql)
    if operation is None:
        return {}
    verb = operation[1].upper()
    table = _TABLE.search(sql[:_SUMMARY_MAX])
    if table is None:
        return {"db.operation.name": verb, "db.query.summary": verb}
    return {
        "db.operation.name": verb,
        "db.collection.name": table[1],
        "db.query.summary": f"{verb} {table[1]}",
    }


def _place(text: str) -> dict[str, Any]:
    file, _, line = text.rpartition(":")
    return {"code.file.path": file, "code.line.number": int(line)} if file and line.isdigit() else {}


def _server(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return {}
    found: dict[str, Any] = {"server.address": parts.hostname} if parts.hostname else {}
    return {**found, "server.port": port} if port else found
