"""The tools that tell of requests: the list, one of them, its log, and the errors of the day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from appliance.assistants.own_frames import own_file, own_frames
from appliance.assistants.tool_call import ToolError
from appliance.desk import questions
from appliance.desk.filters import Filters
from appliance.desk.log_questions import LogFilters, log_lines
from appliance.desk.raised_errors import errors, number_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from appliance.assistants.sources import Sources
    from appliance.assistants.tool_call import Call

    Found = dict[str, Any]

PARTS = ("overview", "request", "response", "queries", "log", "traceback")
_OF_EACH_LINE = frozenset({"timestamp", "role", "pid", "request_id", "id"})
_QUERIES = 40
_SLOWEST = 5


def moment(at: float | None) -> str:
    """Return a time in UTC."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def list_requests(sources: Sources, call: Call) -> Found:
    """Return the requests that the filters let through, the newest first."""
    given = {"limit": 20, **call.arguments}
    filters = Filters.of_query(urlencode(given))
    if given.get("status") and not filters.status:
        raise ToolError(f"status is {given['status']!r}; expected: a status such as 404, or a class such as 5xx")
    with sources.desk() as connection:
        found = questions.requests(connection, filters)
        newest = questions.newest(connection)
    listed = [short(each) for each in found]
    result: Found = {"requests": listed, "newest_number": newest}
    if len(found) == filters.limit:
        oldest = found[-1]["id"]
        result["more"] = f"Older requests: the same call with before={oldest}."
    if not listed:
        result["note"] = "No request matches." if newest else "No request was recorded yet. Send one to the project."
    return result


def short(each: Found) -> Found:
    """Return a request as it stands in a list."""
    return {
        "number": each["id"],
        "at": moment(each["at"]),
        "method": each["method"],
        "path": (each["path"] or "") + (f"?{each['query']}" if each["query"] else ""),
        "route": each["route"],
        "status": each["status"],
        "ended": "" if each["event"] == "request.finished" else each["event"],
        "duration_ms": None if each["duration_s"] is None else round(each["duration_s"] * 1000, 2),
        "queries": each.get("queries"),
        "bytes": each["size"],
        "generation": each["generation"],
    }


def get_request(sources: Sources, call: Call) -> Found:
    """Return one request: an overview, or one of its parts."""
    project = str(sources.status().get("project"))
    number = call.arguments["number"]
    with sources.desk() as connection:
        found = questions.request(connection, number)
    if found is None:
        raise ToolError(f"Request {number} is not kept, or was never recorded. list_requests shows the numbers.")
    part, offset = call.arguments.get("part", "overview"), call.arguments.get("offset", 0)
    makers: dict[str, Callable[[], Found]] = {
        "overview": lambda: _overview(found, project),
        "request": lambda: _message(found, "fields", "body", "body_note"),
        "response": lambda: _message(found, "response_fields", "content", "content_note"),
        "queries": lambda: _queries(found, project, offset),
        "log": lambda: _log(found, offset),
        "traceback": lambda: {"traceback": (found["error"] or {}).get("traceback") or "No exception was raised."},
    }
    return {"number": number, **makers[part]()}


def _overview(found: Found, project: str) -> Found:
    details, fields = found["details"] or {}, found["fields"]
    queries = details.get("queries", [])
    return {
        **short(found),
        "queries": len(queries) if found["details"] is not None else None,
        "queries_ms": round(sum(each["duration_s"] for each in queries) * 1000, 2) if queries else None,
        "repeated_queries": repeated(details.get("repeated", []), project),
        "first_byte_ms": round(fields["first_byte_s"] * 1000, 2) if fields.get("first_byte_s") else None,
        "reason": fields.get("reason"),
        "request_id": found["request_id"],
        "error": error_of(found["error"], project),
        "request_body": (details.get("body") or "")[:300],
        "response_start": (details.get("content") or "")[:300],
        "log": [_line(each) for each in _shown(found["lines"])[:10]],
        "log_lines": len(_shown(found["lines"])),
        "parts": f"Call get_request with part: {', '.join(PARTS[1:])}.",
        "note": "" if details else "Head and content were not recorded: too many came at once, or its worker has died.",
    }


def repeated(groups: Sequence[Found], project: str) -> list[Found]:
    """Return the queries that one line repeats, for an assistant."""
    return [
        {
            "times": each["count"],
            "line": own_place(each["place"], project),
            "sql": each["sql"],
            "ms": round(each["duration_s"] * 1000, 2),
            "advice": "One query for each row of another one (N+1): load the related rows together.",
        }
        for each in groups
    ]


def own_place(place: str, project: str) -> str:
    """Return a place of the form ``file:line``, relative to the project where it is its own."""
    file, _, line = place.rpartition(":")
    return f"{own_file(file, project) or file}:{line}" if file else place


def error_of(error: Found | None, project: str) -> Found | None:
    """Return an exception with the frames of the project."""
    if error is None:
        return None
    file = str(error.get("file") or "")
    return {
        "error": error.get("error"),
        "place": f"{own_file(file, project) or file}:{error.get('line')}" if file else "",
        "action": error.get("action"),
        "own_frames": own_frames(str(error.get("traceback") or ""), project),
    }


def _message(found: Found, fields: str, content: str, note: str) -> Found:
    details = found["details"]
    if details is None:
        return {"note": "This was not recorded: too many requests came at once, or the worker has died."}
    return {"status": found["status"], "fields": details[fields], "content": details[content], "note": details[note]}


def _queries(found: Found, project: str, offset: int) -> Found:
    queries = (found["details"] or {}).get("queries", [])
    shown = [_query(each, project) for each in queries[offset : offset + _QUERIES]]
    end = offset + len(shown)
    return {
        "count": len(queries),
        "repeated": repeated((found["details"] or {}).get("repeated", []), project),
        "slowest": [_query(each, project) for each in sorted(queries, key=lambda each: -each["duration_s"])[:_SLOWEST]],
        "queries": shown,
        "more": f"The next queries: offset={end}." if end < len(queries) else "",
    }


def _query(each: Found, project: str) -> Found:
    return {
        "sql": each["sql"],
        "line": own_place(each["place"], project),
        "ms": round(each["duration_s"] * 1000, 3),
        "at_ms": round(each["began_s"] * 1000, 2),
    }


def _shown(lines: list[Found]) -> list[Found]:
    return [each for each in lines if each["event"] != "application.failed"]


def _line(each: Found) -> Found:
    return {name: value for name, value in each.items() if name not in _OF_EACH_LINE}


def _log(found: Found, offset: int) -> Found:
    lines = _shown(found["lines"])
    shown = [_line(each) for each in lines[offset : offset + 100]]
    end = offset + len(shown)
    note = "" if lines else "The request has printed and logged nothing."
    return {"log": shown, "more": f"The next lines: offset={end}." if end < len(lines) else "", "note": note}


def get_log(sources: Sources, call: Call) -> Found:
    """Return lines of the log, also those that belong to no request, the newest first."""
    given = dict(call.arguments)
    if (number := given.pop("request", None)) is not None:
        with sources.desk() as connection:
            found = questions.request(connection, number)
        if found is None:
            raise ToolError(f"Request {number} is not kept, or was never recorded. list_requests shows the numbers.")
        return {"request": number, **_log(found, 0)}
    given["q"] = given.pop("text", "")
    filters = LogFilters.of_query(urlencode({"limit": 30, **given}))
    with sources.desk() as connection:
        lines = log_lines(connection, filters)
        numbers = {each: number_of(connection, each) for each in {line.get("request_id") for line in lines}}
    return {
        "lines": [
            {
                "number": each["id"],
                "at": each["timestamp"],
                "request_number": numbers[each.get("request_id")],
                **_line(each),
            }
            for each in lines
        ],
        "more": f"Older lines: the same call with before={lines[-1]['id']}." if len(lines) == filters.limit else "",
        "note": "" if lines else "No line matches.",
    }


def last_errors(sources: Sources, call: Call) -> Found:
    """Return the exceptions of the day in groups, each with the frames of the project, and what fails right now."""
    status = sources.status()
    project, limit = str(status.get("project")), call.arguments.get("limit", 10)
    with sources.desk() as connection:
        groups = errors(connection, limit)
        found = [_group(connection, each, project) for each in groups]
    return {
        "broken_now": failure(status.get("error"), project),
        "errors": found,
        "note": "" if found else "No exception was raised in a request.",
    }


def _group(connection: sqlite3.Connection, each: Found, project: str) -> Found:
    request = questions.request(connection, each["request"]) if each["request"] is not None else None
    error = (request or {}).get("error") or each
    about = f"{request['method']} {request['path']}" if request is not None else ""
    return {
        **(error_of(error, project) or {}),
        "times": each["count"],
        "first_at": moment(each["first_at"]),
        "last_at": moment(each["last_at"]),
        "generation": (request or {}).get("generation"),
        "request": about,
        "request_number": each["request"],
    }


def failure(error: Found | None, project: str) -> Found | None:
    """Return a failure of the status for an assistant."""
    if not error:
        return None
    file = str(error.get("file") or "")
    details = str(error.get("details") or "")
    return {
        "title": error.get("title"),
        "lead": error.get("lead"),
        "place": f"{own_file(file, project) or file}:{error.get('line')}" if file else "",
        "action": error.get("action"),
        "own_frames": own_frames(details, project),
        "details": details[-3000:],
    }
