"""One request's record to one access event, in OpenTelemetry's names.

Owns the names, the levels and which secrets in a query are never written. Knows nothing of the server that made the
record beyond ``channel.ACCESS_FIELDS``. Runs wherever lines are rendered.
"""

from __future__ import annotations

from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from appliance.channel import ACCESS_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENTS = frozenset({"request.finished", "request.refused", "request.aborted", "websocket.closed"})

# The record's name to the line's, in the line's order. Names with a dot are OpenTelemetry's (semantic conventions for
# HTTP spans and metrics); the convention has none for the rest.
NAMES = MappingProxyType(
    {
        "method": "http.request.method",
        "path": "url.path",
        "query": "url.query",
        "status": "http.response.status_code",
        "duration_s": "duration_s",
        "first_byte_s": "first_byte_s",
        "body_size": "http.response.body.size",
        "reason": "reason",
        "request_id": "request_id",
        "route": "http.route",
        "client_address": "client.address",
        "user_agent": "user_agent.original",
        "version": "network.protocol.version",
        "server_port": "server.port",
        "trace_id": "trace_id",
        "span_id": "span_id",
    }
)
_LINE_NAMES = tuple(NAMES.values())
_in_line_order = itemgetter(*(ACCESS_FIELDS.index(name) for name in NAMES))
_SENT_AS_BYTES = ("http.request.method", "url.path", "url.query", "user_agent.original")

# OpenTelemetry's registry, http.request.method: RFC 9110's methods, PATCH (RFC 5789) and QUERY; others are "_OTHER".
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})

# OpenTelemetry's registry, url.query: the values of these keys are redacted, compared with regard to case. The first
# two stood in earlier versions (signatures of Amazon S3, version 2), and are no less secret.
SECRETS = frozenset(
    {
        "AWSAccessKeyId",
        "Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Goog-Signature",
        "sig",
    }
)


def event(record: Sequence[Any]) -> tuple[str, str, dict[str, Any]]:
    """Level, event and fields of one record (ACCESS_FIELDS' values), not sanitised yet; what is absent is left out.

    Raises:
        ValueError, TypeError: this is no record.
    """
    if len(record) != len(ACCESS_FIELDS):
        raise ValueError(f"an access record of {len(record)} fields; {len(ACCESS_FIELDS)} make one")
    name = record[0]
    if name not in EVENTS:
        raise ValueError(f"no access event: {name!r:.80}")
    fields = {
        key: value
        for key, value in zip(_LINE_NAMES, _in_line_order(record), strict=True)
        if value is not None and value != ""
    }
    method = fields.get("http.request.method")
    if method is not None and method not in METHODS:
        fields["http.request.method"] = "_OTHER"
        fields["http.request.method_original"] = _as_sent(method)
    for key in _SENT_AS_BYTES:
        value = fields.get(key)
        if value is not None and not value.isascii():
            fields[key] = _as_sent(value)
    if "url.query" in fields:
        fields["url.query"] = redacted(fields["url.query"])
    for key in ("duration_s", "first_byte_s"):
        if key in fields:
            fields[key] = round(fields[key], 6)
    return _level(name, fields.get("http.response.status_code")), name, fields


def _level(name: str, status: int | None) -> str:
    if status is not None and status >= 500:
        return "error"
    if status is not None and status >= 400:
        return "warning"
    return "info" if name in {"request.finished", "websocket.closed"} else "warning"


def _as_sent(text: str) -> str:
    # The server reads a head as Latin-1, so that no byte is lost; what a client meant is UTF-8 (RFC 3987, WHATWG URL).
    try:
        return text.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text


def redacted(query: str) -> str:
    """The query with the values of secret keys replaced by OpenTelemetry's word; all else as it was sent."""
    return "&".join(
        f"{key}=REDACTED" if equals and unquote_plus(key) in SECRETS else part
        for part in query.split("&")
        for key, equals, _ in (part.partition("="),)
    )
