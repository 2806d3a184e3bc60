"""One request for an assistant, part by part: the request, its effects, its lines of the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from appliance.assistants.project_frames import project_file, project_frames
from appliance.desk.queries import repeated_queries
from appliance.desk.queries.recorded_queries import count_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Found = dict[str, Any]

PARTS = ("overview", "request", "response", "queries", "effects", "log", "traceback")
_OF_EACH_LINE = frozenset({"timestamp", "role", "pid", "request_id", "id"})
_NOT_RECORDED = "This was not recorded: too many requests came at once, or the worker has died."
_QUERIES = 40
_SLOWEST = 5


def moment(at: float | None) -> str:
    """Return a time in UTC."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


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


def part_of(found: Found, part: str, project: str, offset: int) -> Found:
    """Return one part of a request that ``questions.request`` has returned."""
    makers: dict[str, Callable[[], Found]] = {
        "overview": lambda: _overview(found, project),
        "request": lambda: _message(found, "fields", "body", "body_note"),
        "response": lambda: _message(found, "response_fields", "content", "content_note"),
        "queries": lambda: _queries(found, project, offset),
        "effects": lambda: _effects(found, project),
        "log": lambda: log_of(found, offset),
        "traceback": lambda: {"traceback": (found["error"] or {}).get("traceback") or "No exception was raised."},
    }
    return makers[part]()


def _overview(found: Found, project: str) -> Found:
    details, fields = found["details"] or {}, found["fields"]
    queries = details.get("queries", [])
    return {
        **short(found),
        "queries": count_queries(queries) + _not_kept(found) if found["details"] is not None else None,
        "queries_ms": round(sum(each["duration_s"] for each in queries) * 1000, 2) if queries else None,
        "repeated_queries": repeated_groups(details.get("repeated", []), project),
        "outgoing_calls": len(details.get("outgoing", ())),
        "mails": len(details.get("mail", ())),
        "first_byte_ms": round(fields["first_byte_s"] * 1000, 2) if fields.get("first_byte_s") else None,
        "timing_ms": {name[:-2]: round(took * 1000, 2) for name, took in (found.get("timing") or {}).items()},
        "reason": fields.get("reason"),
        "request_id": found["request_id"],
        "error": error_of(found["error"], project),
        "request_body": (details.get("body") or "")[:300],
        "response_start": (details.get("content") or "")[:300],
        "log": [line_of(each) for each in _shown(found["lines"])[:10]],
        "log_lines": len(_shown(found["lines"])),
        "parts": f"Call get_request with part: {', '.join(PARTS[1:])}.",
        "note": "" if details else _NOT_RECORDED,
    }


def repeated_groups(groups: Sequence[Found], project: str) -> list[Found]:
    """Return the queries that one line repeats, for an assistant."""
    return [
        {
            "times": each["count"],
            "line": project_place(each["place"], project),
            "sql": each["sql"],
            "ms": round(each["duration_s"] * 1000, 2),
            "advice": repeated_queries.ADVICE,
        }
        for each in groups
    ]


def project_place(place: str, project: str) -> str:
    """Return a place of the form ``file:line``, relative to the project where it is its own."""
    file, _, line = place.rpartition(":")
    return f"{project_file(file, project) or file}:{line}" if file else place


def error_of(error: Found | None, project: str) -> Found | None:
    """Return an exception with the frames of the project."""
    if error is None:
        return None
    file = str(error.get("file") or "")
    return {
        "error": error.get("error"),
        "place": f"{project_file(file, project) or file}:{error.get('line')}" if file else "",
        "action": error.get("action"),
        "own_frames": project_frames(str(error.get("traceback") or ""), project),
    }


def _message(found: Found, fields: str, content: str, note: str) -> Found:
    details = found["details"]
    if details is None:
        return {"note": _NOT_RECORDED}
    return {"status": found["status"], "fields": details[fields], "content": details[content], "note": details[note]}


def _not_kept(found: Found) -> int:
    """Return how many queries were only counted."""
    return int((found["details"] or {}).get("queries_left_out") or 0)


def _queries(found: Found, project: str, offset: int) -> Found:
    queries = (found["details"] or {}).get("queries", [])
    shown = [_query(each, project) for each in queries[offset : offset + _QUERIES]]
    end = offset + len(shown)
    return {
        "count": len(queries) + _not_kept(found),
        "not_kept": _not_kept(found) or None,
        "repeated": repeated_groups((found["details"] or {}).get("repeated", []), project),
        "slowest": [_query(each, project) for each in sorted(queries, key=lambda each: -each["duration_s"])[:_SLOWEST]],
        "queries": shown,
        "more": f"The next queries: offset={end}." if end < len(queries) else "",
    }


def _effects(found: Found, project: str) -> Found:
    """Return the effects of a request, except its queries."""
    details = found["details"] or {}
    return {
        "outgoing_calls": [_effect(each, project) for each in details.get("outgoing", ())],
        "mails": [_effect(each, project) for each in details.get("mail", ())],
        "templates": [_effect(each, project) for each in details.get("templates", ())],
        "caches": [_effect(each, project) for each in details.get("cache", ())],
        "memory": details.get("memory"),
        "note": "" if details else _NOT_RECORDED,
    }


def _effect(each: Found, project: str) -> Found:
    plain = {name: value for name, value in each.items() if name not in {"began_s", "duration_s", "place", "html"}}
    took = {} if each.get("duration_s") is None else {"ms": round(each["duration_s"] * 1000, 2)}
    line = {"line": project_place(each["place"], project)} if each.get("place") else {}
    return {**plain, **took, **line}


def _query(each: Found, project: str) -> Found:
    return {
        "sql": each["sql"],
        "line": project_place(each["place"], project),
        "ms": round(each["duration_s"] * 1000, 3),
        "at_ms": round(each["began_s"] * 1000, 2),
        **{name: each[name] for name in ("rows", "parameters", "error") if each.get(name) not in {None, ""}},
    }


def _shown(lines: list[Found]) -> list[Found]:
    return [each for each in lines if each["event"] != "application.failed"]


def line_of(each: Found) -> Found:
    """Return a line of the log without what an assistant does not need."""
    return {name: value for name, value in each.items() if name not in _OF_EACH_LINE}


def log_of(found: Found, offset: int) -> Found:
    """Return the lines of a request."""
    lines = _shown(found["lines"])
    shown = [line_of(each) for each in lines[offset : offset + 100]]
    end = offset + len(shown)
    note = "" if lines else "The request has printed and logged nothing."
    return {"log": shown, "more": f"The next lines: offset={end}." if end < len(lines) else "", "note": note}


def failure(error: Found | None, project: str) -> Found | None:
    """Return a failure of the status for an assistant."""
    if not error:
        return None
    file = str(error.get("file") or "")
    details = str(error.get("details") or "")
    return {
        "title": error.get("title"),
        "lead": error.get("lead"),
        "place": f"{project_file(file, project) or file}:{error.get('line')}" if file else "",
        "action": error.get("action"),
        "own_frames": project_frames(details, project),
        "details": details[-3000:],
    }
