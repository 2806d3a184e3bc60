"""Turn an access record into an event, with OpenTelemetry's names and a level.

``access_rules`` says which values are not logged. Runs in the supervisor, and in a process that uses the server as a
library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.logs.access_rules import PLAIN
from appliance.protocol.access_record import EVENTS

if TYPE_CHECKING:
    from appliance.logs.access_rules import Rules
    from appliance.protocol.access_record import AccessRecord

# OpenTelemetry's registry, http.request.method: RFC 9110's methods, PATCH (RFC 5789) and QUERY; others are "_OTHER".
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})


def event(record: AccessRecord, rules: Rules = PLAIN) -> tuple[str, str, dict[str, Any]]:
    """Return level, event and fields of one record, not sanitised yet; a value that is absent has no field.

    Names with a dot are OpenTelemetry's (semantic conventions for HTTP); the convention has none for the rest.

    Raises:
        ValueError, TypeError, AttributeError: the record's values are not of their types.
    """
    # Written out, since it runs for every request: built from a table of names it takes 1.5 µs more.
    name, method, status = record.event, record.method, record.status
    path, query, agent = record.path, record.query, record.user_agent
    if name not in EVENTS:
        raise ValueError(f"no access event: {name!r:.80}")
    if not f"{path}{query}{agent}".isascii():
        path, query, agent = _as_sent(path), _as_sent(query), _as_sent(agent)
    fields: dict[str, Any] = {"http.request.method": method, "url.path": path}
    if method not in METHODS:
        fields = _unknown_method(method) | {"url.path": path}
    if query:
        fields["url.query"] = rules.redacted(query) if rules.suspicious(query) else query
    took, first = record.duration_us, record.first_byte_us
    fields["http.response.status_code"] = status
    fields["duration_s"] = took and took / 1_000_000
    fields["first_byte_s"] = first and first / 1_000_000
    fields["http.response.body.size"] = record.body_size
    fields["request_id"] = record.request_id
    fields["client.address"] = record.client_address
    fields["user_agent.original"] = agent
    fields["network.protocol.version"] = record.version
    fields["server.port"] = record.server_port
    _add_rare(fields, record)
    if (first or took or 0) >= rules.slow_us and name == "request.finished":
        fields["slow"] = True
    if None in fields.values():
        fields = {key: value for key, value in fields.items() if value is not None}
    level = _level(name, status)
    if level == "info" and path in rules.quiet and method in {"GET", "HEAD"}:
        level = "debug"
    return level, name, fields


def _add_rare(fields: dict[str, Any], record: AccessRecord) -> None:
    """Add the fields that most records lack, if this record has them."""
    if record.trace is not None:
        _add_trace(fields, *record.trace)
    if record.route is not None:
        fields["http.route"] = record.route
    if record.reason is not None:
        fields["reason"] = record.reason


def _add_trace(
    fields: dict[str, Any], trace_id: str, span_id: str, parent: str = "", flags: int | None = None, state: str = ""
) -> None:
    fields["trace_id"] = trace_id
    fields["span_id"] = span_id
    if flags is not None:  # else the ids are the caller's
        fields["trace_flags"] = f"{flags:02x}"
    if parent:
        fields["parent_span_id"] = parent
    if state:
        fields["trace_state"] = state


def _unknown_method(method: str | None) -> dict[str, Any]:
    if method is None:  # a head that could not be read
        return {}
    return {"http.request.method": "_OTHER", "http.request.method_original": _as_sent(method)}


def _level(name: str, status: int | None) -> str:
    if status is not None and status >= 500:
        return "error"
    if status is not None and status >= 400:
        return "warning"
    return "info" if name in {"request.finished", "websocket.closed"} else "warning"


def _as_sent(text: str | None) -> str | None:
    # The server reads a head as Latin-1, so that no byte is lost; what a client meant is UTF-8 (WHATWG URL, RFC 3987).
    try:
        return text and text.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text
