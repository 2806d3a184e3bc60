"""The tools about the present state: the status, the project's routes, the stacks of the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.assistants.project_frames import project_frames, threads
from appliance.assistants.request_parts import failure, moment
from appliance.assistants.tool_call import ToolError
from appliance.assistants.tool_sources import AS_OWN_USER
from appliance.desk import recorded_requests
from appliance.desk.recorded_lines import unfinished_requests

if TYPE_CHECKING:
    from appliance.assistants.tool_call import Call
    from appliance.assistants.tool_sources import Sources

    Found = dict[str, Any]

_PLAIN = ("health", "state", "stuck", "generation", "attempt", "url", "project", "application", "python", "uptime_s")


def status(sources: Sources, _call: Call) -> Found:
    """Return the status: what is served, what is broken, what was broken before."""
    current = sources.status()
    project = str(current.get("project"))
    last = current.get("last_error")
    return {
        **{name: current.get(name) for name in _PLAIN},
        "error": failure(current.get("error"), project),
        "last_error_fixed_since": {"at": last["at"], **(failure(last, project) or {})}
        if last and not current.get("error")
        else None,
        "last_reload": current.get("last_reload"),
        "processes": current.get("processes"),
        "companions": current.get("companions"),
        "requests_are_recorded": bool(current.get("desk")),
    }


def list_routes(sources: Sources, call: Call) -> Found:
    """Return the routes that were requested, with their durations before and after the last save."""
    wanted = str(call.arguments.get("text", "")).lower()
    with sources.desk() as connection:
        found, saved = recorded_requests.routes(connection), recorded_requests.last_save(connection)
    listed = [_route(each) for each in found if wanted in f"{each['method']} {each['route']}".lower()]
    limit = call.arguments.get("limit", 50)
    return {
        "last_save": moment(saved) if saved else "Nothing was saved since the start.",
        "routes": listed[:limit],
        "more": f"{len(listed) - limit} more routes: a larger limit, or a text." if len(listed) > limit else "",
        "note": "" if listed else "No route was requested yet: only routes that got a request are known.",
    }


def _route(each: Found) -> Found:
    before, after = each["before"], each["after"]
    slower = ""
    if before and after and after["p50_s"] > 2 * before["p50_s"] and after["p50_s"] - before["p50_s"] > 0.02:
        slower = f"{after['p50_s'] / before['p50_s']:.1f} times slower than before the last save"
    return {
        "method": each["method"],
        "route": each["route"],
        "requests": each["count"],
        "errors": each["errors"],
        "before_save": _durations(before),
        "after_save": _durations(after),
        "slower": slower,
    }


def _durations(part: Found | None) -> str:
    if part is None:
        return ""
    return f"median {part['p50_s'] * 1000:.1f} ms, 95% {part['p95_s'] * 1000:.1f} ms, {part['count']} requests"


def worker_stacks(sources: Sources, call: Call) -> Found:
    """Return where the worker's threads stand that run the project's code, and which requests have run for long."""
    current = sources.status()
    project = str(current.get("project"))
    answer = sources.ask("stacks")
    if "pid" not in answer:
        raise ToolError("Only root and the appliance's own user see stacks.", action=AS_OWN_USER)
    if answer["pid"] is None:
        raise ToolError("No worker is running.", action="Call status for the reason.")
    found, others = threads(answer["stacks"], project)
    with sources.desk() as connection:
        slow = unfinished_requests(connection, recorded_requests.current_run(connection))
    result: Found = {
        "stuck": current.get("stuck"),
        "worker_pid": answer["pid"],
        "threads_in_the_project": found,
        "other_threads": others,
        "requests_that_still_run": [_slow(each, project) for each in slow],
    }
    if not answer["stacks"]:
        result["note"] = "The worker is stopped, or waits in the kernel: it did not answer."
    elif not found:
        result["note"] = "No thread runs the project's code now."
    if call.arguments.get("whole"):
        result["stacks"] = answer["stacks"]
    return result


def _slow(each: Found, project: str) -> Found:
    return {
        "method": each.get("http.request.method"),
        "path": each.get("url.path"),
        "running_s_when_reported": each.get("running_s"),
        "reported_at": each.get("timestamp"),
        "own_frames": project_frames(str(each.get("traceback") or ""), project),
    }
