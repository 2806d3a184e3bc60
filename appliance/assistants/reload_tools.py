"""The tools about reloads: the history, and the next one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance.assistants.project_frames import project_file
from appliance.assistants.request_parts import failure, moment
from appliance.desk import recorded_requests
from appliance.desk.recorded_lines import LogFilters, log_lines
from appliance.desk.reload_history import SERVES, reloads

if TYPE_CHECKING:
    from appliance.assistants.tool_call import Call
    from appliance.assistants.tool_sources import Sources

    Found = dict[str, Any]

_LOOK_S = 0.1  # between two looks; a look costs 0.3 ms
_PROGRESS_S = 2.0
_SETTLED = frozenset({"serving", "broken"})
_TIMES = ("duration_s", "total_s", "seen_s", "start_s", "import_s")
_RECORDED_S = 0.4  # until what was logged is recorded, at the usual load
_NEXT = "Send the requests that the change is about, then look at list_requests and last_errors."
_BEFORE_S = 10.0  # between a save and the call: an assistant needs some seconds for its next step


def reload_history(sources: Sources, call: Call) -> Found:
    """Return the recorded starts and reloads, the newest first."""
    limit = call.arguments.get("limit", 10)
    with sources.desk() as connection:
        found = reloads(connection, limit)
    project = str(sources.status().get("project"))
    listed = [_reload(each, project) for each in found]
    return {"reloads": listed, "note": "" if listed else "Nothing was started since recording began."}


def _reload(each: Found, project: str) -> Found:
    good = each["event"] in SERVES
    why = next((str(each[name]) for name in ("error", "message", "found", "how", "reason") if each.get(name)), "")
    kind = f"{each['type']}: " if each.get("type") and not why.startswith(str(each["type"])) else ""
    file = str(each.get("file") or "")
    times = [f"{name.removesuffix('_s')} {each[name] * 1000:.0f} ms" for name in _TIMES if each.get(name) is not None]
    return {
        "at": moment(each["at"]),
        "generation": each["generation"],
        "good": good,
        "event": each["event"],
        "saved": each["files"],
        "times": ", ".join(times),
        "forked": each.get("forked"),
        "how": each.get("how"),
        "error": "" if good else f"{kind}{why}",
        "place": f"{project_file(file, project) or file}:{each.get('line')}" if file and not good else "",
        "action": "" if good else each.get("action"),
    }


def wait_for_reload(sources: Sources, call: Call) -> Found:
    """Wait until a newer attempt serves or has failed, and say whether it is good."""
    status = sources.status()
    after = call.arguments.get("after_attempt", status["attempt"])
    within_s = call.arguments.get("timeout_s", 30)
    began = reported_at = looked_at = time.monotonic()
    since, settled = time.time() - _BEFORE_S, -1
    while True:
        if _is_past(status, after):
            if settled == status["attempt"]:
                return _outcome(sources, status)
            settled = status["attempt"]  # another save may follow at once: look again
            wait_s = _RECORDED_S
        else:
            wait_s = _LOOK_S
        now = time.monotonic()
        if now - looked_at > _RECORDED_S and status["state"] == "serving" and settled < 0:
            looked_at = now  # a save of code that came before the call has begun an attempt by now
            if reread := _reread(sources, status, since):
                return reread
        if now - began > within_s and settled < 0:
            return _nothing(status, after, within_s)
        if now - reported_at > _PROGRESS_S:
            reported_at = now
            call.progress(now - began, f"{status['state']}, generation {status['generation']}")
        if call.cancelled.wait(wait_s):
            return {"good": None, "outcome": "cancelled"}
        status = sources.status()


def _is_past(status: Found, attempt: int) -> bool:
    return bool(status["attempt"] > attempt and status["state"] in _SETTLED)


def _outcome(sources: Sources, status: Found) -> Found:
    project = str(status.get("project"))
    is_good = status["state"] == "serving" and not status.get("stuck")
    result: Found = {
        "good": is_good,
        "outcome": "The new code is imported, and serves." if is_good else "The new code does not serve.",
        "generation": status["generation"],
        "attempt": status["attempt"],
        "error": failure(status.get("error"), project),
        "stuck": status.get("stuck"),
        "last_reload": status.get("last_reload") if is_good else None,
    }
    if status.get("desk"):
        result["warnings"] = _warnings(sources, status["generation"])
    if is_good:
        result["next"] = _NEXT
    return result


def _warnings(sources: Sources, generation: int) -> list[str]:
    """Return the warnings of this generation at its start."""
    with sources.desk() as connection:
        run = recorded_requests.current_run(connection)
        lines = log_lines(connection, LogFilters(level="warning", generation=generation, run=run, limit=10))
    return [_warning(each) for each in reversed(lines)]


def _warning(each: Found) -> str:
    texts = (each.get(name) for name in ("text", "message", "error", "reason", "action"))
    return f"{each['event']}: " + ". ".join(str(text)[:500] for text in texts if text)


def _reread(sources: Sources, status: Found, since: float) -> Found | None:
    """Return the result for templates that were saved since then, and need no new generation; None if none were."""
    if not status.get("desk"):
        return None
    with sources.desk() as connection:
        reread = log_lines(connection, LogFilters(event="templates.reread", since=since, limit=1))
    if not reread:
        return None
    return {
        "good": True,
        "outcome": "Templates were saved, which the worker reads again: no new generation is needed.",
        "generation": status["generation"],
        "attempt": status["attempt"],
        "saved": reread[0].get("files"),
        "next": _NEXT,
    }


def _nothing(status: Found, after: int, within_s: int) -> Found:
    """Explain why no reload has followed."""
    return {
        "good": None,
        "outcome": f"No start after attempt {after} has ended within {within_s} s.",
        "state": status["state"],
        "attempt": status["attempt"],
        "error": failure(status.get("error"), str(status.get("project"))),
        "next": (
            "Check that the file that was saved is part of the project, and is not ignored. If the reload came before "
            "this call, reload_history shows it: next time, pass after_attempt from the status before the save."
        ),
    }
