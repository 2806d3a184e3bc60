"""The tools about requests: the list, one of them, its log, and the recorded errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from appliance.assistants.request_parts import error_of, failure, line_of, log_of, moment, part_of, short
from appliance.assistants.tool_call import ToolError
from appliance.desk import recorded_requests
from appliance.desk.filters import Filters
from appliance.desk.raised_errors import errors, number_of
from appliance.desk.recorded_lines import LogFilters, log_lines

if TYPE_CHECKING:
    import sqlite3

    from appliance.assistants.tool_call import Call
    from appliance.assistants.tool_sources import Sources

    Found = dict[str, Any]


def list_requests(sources: Sources, call: Call) -> Found:
    """Return the requests that the filters let through, the newest first."""
    given = {"limit": 20, **call.arguments}
    filters = Filters.of_query(urlencode(given))
    if given.get("status") and not filters.status:
        raise ToolError(f"status is {given['status']!r}.", action="Give a status such as 404, or a class such as 5xx.")
    with sources.desk() as connection:
        found = recorded_requests.find(connection, filters)
        newest = recorded_requests.newest(connection)
    listed = [short(each) for each in found]
    result: Found = {"requests": listed, "newest_number": newest}
    if len(found) == filters.limit:
        oldest = found[-1]["id"]
        result["more"] = f"Older requests: the same call with before={oldest}."
    if not listed:
        result["note"] = "No request matches." if newest else "No request was recorded yet. Send one to the project."
    return result


def get_request(sources: Sources, call: Call) -> Found:
    """Return one request: an overview, or one of its parts."""
    project = str(sources.status().get("project"))
    number = call.arguments["number"]
    with sources.desk() as connection:
        found = recorded_requests.read(connection, number)
    if found is None:
        raise ToolError(
            f"Request {number} is not kept, or was never recorded.", action="Call list_requests for the numbers."
        )
    part, offset = call.arguments.get("part", "overview"), call.arguments.get("offset", 0)
    return {"number": number, **part_of(found, part, project, offset)}


def get_log(sources: Sources, call: Call) -> Found:
    """Return lines of the log, also those that belong to no request, the newest first."""
    given = dict(call.arguments)
    if (number := given.pop("request", None)) is not None:
        with sources.desk() as connection:
            found = recorded_requests.read(connection, number)
        if found is None:
            raise ToolError(
                f"Request {number} is not kept, or was never recorded.", action="Call list_requests for the numbers."
            )
        return {"request": number, **log_of(found, 0)}
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
                **line_of(each),
            }
            for each in lines
        ],
        "more": f"Older lines: the same call with before={lines[-1]['id']}." if len(lines) == filters.limit else "",
        "note": "" if lines else "No line matches.",
    }


def last_errors(sources: Sources, call: Call) -> Found:
    """Return the recorded exceptions in groups, each with the frames of the project, and what fails right now."""
    status = sources.status()
    project, limit = str(status.get("project")), call.arguments.get("limit", 10)
    with sources.desk(may_be_empty=True) as connection:  # the project may be broken from the start
        groups = errors(connection, limit, with_traceback=True)
        found = [_group(connection, each, project) for each in groups]
    return {
        "broken_now": failure(status.get("error"), project),
        "errors": found,
        "note": "" if found else "No exception was raised in a request.",
    }


def _group(connection: sqlite3.Connection, each: Found, project: str) -> Found:
    request = recorded_requests.read(connection, each["request"]) if each["request"] is not None else None
    about = f"{request['method']} {request['path']}" if request is not None else ""
    return {
        **(error_of(each, project) or {}),
        "times": each["count"],
        "first_at": moment(each["first_at"]),
        "last_at": moment(each["last_at"]),
        "generation": (request or {}).get("generation"),
        "request": about,
        "request_number": each["request"],
    }
