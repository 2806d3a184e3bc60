"""Turn lines of the log into rows of the desk's tables. Secrets are masked in them already.

Runs in the recorder, after the lines were taken from the pipe: never in the path of a request.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from appliance.desk import effects
from appliance.desk.queries.recorded_queries import queries_of
from appliance.protocol.access_record import EVENTS
from appliance.protocol.request_details import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.desk.redaction import Redaction

REQUEST_COLUMNS = (
    "run", "generation", "at", "request_id", "event", "level", "method", "path", "query", "route", "status",
    "duration_s", "size", "line",
)  # fmt: skip
DETAIL_COLUMNS = (
    "run", "at", "request_id", "fields", "body", "body_note", "response_fields", "content", "content_note",
    "query_count", "queries", "effects", "replay_of",
)  # fmt: skip
LINE_COLUMNS = ("run", "generation", "at", "request_id", "event", "level", "line")
Row = tuple[Any, ...]
SLICE = 1000  # lines of one transaction: more at once take more memory, and save no time
_EVENT_WITHIN = 200  # bytes: after the time and the level, before anything of the project


class Rows(NamedTuple):
    """The rows of one batch, in order."""

    requests: list[Row]
    lines: list[Row]
    details: list[Row]


class Slice(NamedTuple):
    """Lines for one transaction.

    Attributes:
        lines: those to store.
        size: bytes of all lines, with those of requests that are too old to be kept.
        total: the number of all lines.
        removed: the number of these old requests.
    """

    lines: list[bytes]
    size: int
    total: int
    removed: int


def slices(data: bytes, most_requests: int) -> Iterator[Slice]:
    """Yield whole lines in their order, at least one slice; of a flood, the last requests alone."""
    lines = data.split(b"\n")[:-1]
    old = sum(map(_is_request, lines)) - most_requests if len(lines) > most_requests else 0
    kept: list[bytes] = []
    size = total = removed = 0
    for line in lines:
        size += len(line) + 1
        total += 1
        if removed < old and _is_request(line):
            removed += 1
            continue
        kept.append(line)
        if len(kept) >= SLICE:
            yield Slice(kept, size, total, removed)
            old -= removed
            kept, size, total, removed = [], 0, 0, 0
    yield Slice(kept, size, total, removed)


def _is_request(line: bytes) -> bool:
    return line.find(b'"event":"request.', 0, _EVENT_WITHIN) >= 0


def rows(lines: Iterable[bytes], run: str) -> Rows:
    """Return the rows of these lines; a line that can't be read as an event is left out.

    Args:
        lines: one JSON object each.
        run: names this run of the appliance: each counts its generations from 1.
    """
    found = Rows([], [], [])
    for line in lines:
        try:
            entry = orjson.loads(line)
            at = datetime.fromisoformat(entry["timestamp"]).timestamp()
            event, get = entry["event"], entry.get
        except (ValueError, TypeError, KeyError):
            continue
        text = line.decode("utf-8", "replace")
        if event not in EVENTS:
            found.lines.append((run, get("generation"), at, get("request_id"), event, get("level"), text))
            continue
        method = get("http.request.method_original") or get("http.request.method")
        found.requests.append(
            (
                run, get("generation"), at, get("request_id"), event, get("level"), method, get("url.path"),
                get("url.query"), get("http.route"), get("http.response.status_code"), get("duration_s"),
                get("http.response.body.size"), text,
            )
        )  # fmt: skip
    return found


def detail_row(message: bytes, run: str, redaction: Redaction, replay_of: int | None = None) -> Row | None:
    """Return the row of a message about one request; None if it can't be read.

    ``replay_of``: the number of the request that it repeats.
    """
    try:
        details = unpack(message)
        at, request_id = details.info["ended_us"] / 1_000_000, str(details.info["request_id"])
        found = redaction.readable(details)
        queries, query_count = queries_of(details.info, redaction)
        other = effects.readable(details.info, redaction)
    except Exception:  # noqa: BLE001  the project has the socket too, and may write anything
        return None
    fields, response_fields = (json.dumps(each) for each in (found.fields, found.response_fields))
    texts = (request_id, fields, found.body, found.body_note, response_fields, found.content, found.content_note)
    stored = (None if text is None else _storable(text) for text in texts)
    return (run, at, *stored, query_count, _storable(json.dumps(queries)), json.dumps(other), replay_of)


def _storable(text: str) -> str:
    """Return the text without lone surrogates, which SQLite refuses."""
    return text.encode("utf-8", "replace").decode()
