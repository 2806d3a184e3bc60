"""One request's record to one access event, in OpenTelemetry's names.

Owns the names, the levels and which secrets in a query are never written. Knows nothing of the server that made the
record beyond ``channel.ACCESS_FIELDS``. Runs wherever lines are rendered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENTS = frozenset({"request.finished", "request.refused", "request.aborted", "websocket.closed"})

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
# Whether a query may hold one at all: 0.3 µs, where taking it to pieces costs 1.1. A key may be percent-encoded.
_suspicious = re.compile(rf"(?:^|&)(?:{'|'.join(sorted(SECRETS))})=|%").search
_RARE = ("trace_id", "span_id", "http.route", "reason")
_NOTHING_RARE = [None] * len(_RARE)


def event(record: Sequence[Any]) -> tuple[str, str, dict[str, Any]]:
    """Level, event and fields of one record (ACCESS_FIELDS' values), not sanitised yet; what is absent is left out.

    Names with a dot are OpenTelemetry's (semantic conventions for HTTP); the convention has none for the rest.

    Raises:
        ValueError, TypeError: this is no record.
    """
    # Written out, since it runs for every request: built from a table of names it takes 1.5 µs more.
    name, _, took, first, method, path, query, version, status, size, client, port, agent, request, *rare = record
    if name not in EVENTS:
        raise ValueError(f"no access event: {name!r:.80}")
    if len(rare) != len(_RARE):
        raise ValueError(f"an access record of {len(record)} fields")
    if not f"{path}{query}{agent}".isascii():
        path, query, agent = _as_sent(path), _as_sent(query), _as_sent(agent)
    fields = {"http.request.method": method, "url.path": path}
    if method not in METHODS:
        fields = _unknown_method(method) | {"url.path": path}
    if query:
        fields["url.query"] = redacted(query) if _suspicious(query) else query
    fields["http.response.status_code"] = status
    fields["duration_s"] = took and took / 1_000_000
    fields["first_byte_s"] = first and first / 1_000_000
    fields["http.response.body.size"] = size
    fields["request_id"] = request
    fields["client.address"] = client
    fields["user_agent.original"] = agent
    fields["network.protocol.version"] = version
    fields["server.port"] = port
    if rare != _NOTHING_RARE:
        fields.update(zip(_RARE, rare, strict=True))
    if None in fields.values():
        fields = {key: value for key, value in fields.items() if value is not None}
    return _level(name, status), name, fields


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


def redacted(query: str) -> str:
    """The query with the values of secret keys replaced by OpenTelemetry's word; all else as it was sent."""
    return "&".join(
        f"{key}=REDACTED" if equals and unquote_plus(key) in SECRETS else part
        for part in query.split("&")
        for key, equals, _ in (part.partition("="),)
    )
