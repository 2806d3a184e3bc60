"""Turn lines of the log into rows of the desk's tables. Secrets are masked in them already.

Runs in the recorder, after the lines were taken from the pipe: never in the path of a request.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from appliance.protocol.access_record import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUEST_COLUMNS = (
    "run", "generation", "at", "request_id", "event", "level", "method", "path", "query", "route", "status",
    "duration_s", "size", "line",
)  # fmt: skip
LINE_COLUMNS = ("run", "generation", "at", "request_id", "event", "level", "line")
Row = tuple[Any, ...]


class Rows(NamedTuple):
    """The rows of one batch, in order."""

    requests: list[Row]
    lines: list[Row]


def rows(lines: Iterable[bytes], run: str) -> Rows:
    """Return the rows of these lines; a line that can't be read as an event is left out.

    Args:
        lines: one JSON object each.
        run: names this run of the appliance: each counts its generations from 1.
    """
    found = Rows([], [])
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
