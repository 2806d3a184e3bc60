"""Find recorded requests in the desk's database; answers are made of JSON values. Every function reads, none writes.

Each takes a connection of ``database.open_for_reading``; a row becomes a dict whose names are those of the JSON API
(docs/desk.md).

Runs in the recorder, in the stand-in, and in ``appliance requests`` and ``appliance mcp``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.desk import effects
from appliance.desk.filters import Filters
from appliance.desk.queries.recorded_queries import count_queries
from appliance.desk.queries.repeated_queries import find_repeated
from appliance.desk.raised_errors import error_of

if TYPE_CHECKING:
    import sqlite3

Found = dict[str, Any]

_SHORT = "id, run, generation, at, request_id, event, level, method, path, query, route, status, duration_s, size"
_LINES_MAX = 1000  # lines of one request
_SAMPLES = 10_000


def _detail(column: str, name: str) -> str:
    """Return the SQL for a column of a request's details, if the request has some."""
    return (
        f"(SELECT {column} FROM details WHERE details.request_id = requests.request_id AND details.run = requests.run "  # noqa: S608  names of ours
        f"AND abs(details.at - requests.at) < 0.000002) AS {name}"
    )


def current_run(connection: sqlite3.Connection) -> str:
    """Return the run that recorded last; "" if there is none."""
    last = "SELECT run, at FROM (SELECT run, at FROM {} ORDER BY id DESC LIMIT 1)"
    row = connection.execute(
        f"{last.format('requests')} UNION ALL {last.format('lines')} ORDER BY at DESC LIMIT 1"
    ).fetchone()
    return str(row["run"]) if row is not None else ""


def find(connection: sqlite3.Connection, filters: Filters) -> list[Found]:
    """Return the requests that the filters let through, the newest first."""
    condition, values = filters.condition(current_run(connection))
    order = "ASC" if filters.after is not None else "DESC"
    columns = f"{_SHORT}, {_detail('query_count', 'queries')}, {_detail('replay_of', 'replay_of')}"
    rows = connection.execute(
        f"SELECT {columns} FROM requests WHERE {condition} ORDER BY id {order} LIMIT ?",  # noqa: S608  texts of ours
        [*values, filters.limit],
    ).fetchall()
    found = [dict(row) for row in rows]
    return found[::-1] if filters.after is not None else found


def read(connection: sqlite3.Connection, number: int, filters: Filters | None = None) -> Found | None:
    """Return one request whole: its fields, and the lines of the log that belong to it; None if it is not kept.

    ``older`` and ``newer`` are the ids of its neighbours in the list of these filters, None if there is none.
    """
    row = connection.execute(f"SELECT {_SHORT}, line FROM requests WHERE id = ?", (number,)).fetchone()  # noqa: S608  as above
    if row is None:
        return None
    found = dict(row)
    found["fields"] = json.loads(found.pop("line"))
    # A client may send one id with many requests: only the lines of this generation, and of about this time, are its.
    began = row["at"] - (row["duration_s"] or 0.0)
    lines = connection.execute(
        "SELECT line FROM lines WHERE request_id = ? AND run = ? AND generation IS ? AND at BETWEEN ? AND ? "
        "ORDER BY id LIMIT ?",
        (row["request_id"], row["run"], row["generation"], began - 0.05, row["at"] + 1.0, _LINES_MAX),
    )
    found["lines"] = [json.loads(each["line"]) for each in lines]
    found["details"] = _details(connection, row)
    found["one_in"] = _one_in(connection, row, found["details"])
    found["error"] = error_of(found["lines"])
    found["timing"] = timing(found)
    asked = replace(filters or Filters(), limit=1, before=None, after=None)
    for name, neighbours in (("older", replace(asked, before=number)), ("newer", replace(asked, after=number))):
        found[name] = next((each["id"] for each in find(connection, neighbours)), None)
    return found


def _details(connection: sqlite3.Connection, row: sqlite3.Row) -> Found | None:
    """Return the fields and the content of a request and its response; None where they were not recorded."""
    found = connection.execute(
        "SELECT fields, body, body_note, response_fields, content, content_note, query_count, queries, effects, "
        "replay_of FROM details WHERE request_id = ? AND run = ? AND abs(at - ?) < 0.000002 LIMIT 1",
        (row["request_id"], row["run"], row["at"]),
    ).fetchone()
    if found is None:
        return None
    read = {name: json.loads(found[name]) for name in ("fields", "response_fields", "queries")}
    kept = dict(found)
    other = effects.NO_EFFECTS | json.loads(kept.pop("effects"))
    left_out = kept.pop("query_count") - count_queries(read["queries"])
    kept["queries_left_out"] = max(0, left_out)
    return {**kept, **read, "repeated": find_repeated(read["queries"]), **other}


def _one_in(connection: sqlite3.Connection, row: sqlite3.Row, details: Found | None) -> int:
    """Return N if one of N requests was recorded with its details at that moment; 1 if all were."""
    if details is not None:
        return int(details["requests_left_out"]) + 1
    after = connection.execute(  # the next one has counted this one
        "SELECT json_extract(effects, '$.requests_left_out') AS left_out FROM details "
        "WHERE run = ? AND at >= ? ORDER BY id LIMIT 1",
        (row["run"], row["at"]),
    ).fetchone()
    return (after["left_out"] or 0) + 1 if after is not None else 1


def timing(found: Found) -> dict[str, float] | None:
    """Return the parts of a request's duration: the queue, the application until the first byte, the sending.

    ``found`` is the request. None if the parts are not known, or nothing was sent.
    """
    queue = (found["details"] or {}).get("queue_s")
    first, whole = found["fields"].get("first_byte_s"), found["duration_s"]
    if queue is None or first is None or whole is None:
        return None
    return {"queue_s": queue, "application_s": max(0.0, first - queue), "send_s": max(0.0, whole - first)}


def project_found(connection: sqlite3.Connection) -> Found:
    """Return the last event ``project.found``; {} without any."""
    row = connection.execute("SELECT line FROM lines WHERE event = 'project.found' ORDER BY id DESC LIMIT 1").fetchone()
    return dict(json.loads(row["line"])) if row is not None else {}


def last_save(connection: sqlite3.Connection) -> float:
    """Return when the current generation became the one that serves, in seconds since 1970; 0.0 if none was saved."""
    # The last one by its number: a clock that was set back must not keep an earlier one.
    row = connection.execute("SELECT at FROM lines WHERE event = 'reload.finished' ORDER BY id DESC LIMIT 1").fetchone()
    return float(row["at"]) if row is not None else 0.0


def routes(connection: sqlite3.Connection) -> list[Found]:
    """Return each route with the count, median and 95th percentile of its durations, before and after the last save.

    Durations are in seconds. A route is the framework's pattern, or the path where the framework names none.
    """
    saved = last_save(connection)
    rows = connection.execute(
        "SELECT coalesce(route, path) AS route, method, duration_s, status, at FROM requests "
        "WHERE event = 'request.finished' AND duration_s IS NOT NULL AND method IS NOT NULL ORDER BY id DESC LIMIT ?",
        (_SAMPLES,),
    )
    groups: dict[tuple[str, str], list[tuple[float, float, int]]] = {}
    for row in rows:
        key = (row["method"], row["route"] or "")
        groups.setdefault(key, []).append((row["at"], row["duration_s"], row["status"] or 0))
    found = [_route(method, route, samples, saved) for (method, route), samples in groups.items()]
    return sorted(found, key=lambda each: -each["count"])


def _route(method: str, route: str, samples: list[tuple[float, float, int]], saved: float) -> Found:
    after = sorted(took for at, took, _ in samples if at >= saved)
    before = sorted(took for at, took, _ in samples if at < saved)
    return {
        "method": method,
        "route": route,
        "count": len(samples),
        "errors": sum(status >= 500 for _, _, status in samples),
        "before": _percentiles(before),
        "after": _percentiles(after),
        "samples": [[at, took] for at, took, _ in samples[:200]][::-1],
    }


def _percentiles(ordered: list[float]) -> Found | None:
    if not ordered:
        return None
    return {"count": len(ordered), "p50_s": _at(ordered, 50), "p95_s": _at(ordered, 95)}


def _at(ordered: list[float], percent: int) -> float:
    """Return the nearest-rank percentile."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def newest(connection: sqlite3.Connection) -> int:
    """Return the id of the newest request; 0 without any."""
    row = connection.execute("SELECT max(id) AS id FROM requests").fetchone()
    return int(row["id"] or 0)
