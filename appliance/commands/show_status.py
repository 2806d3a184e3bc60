"""``appliance status``: print what the supervisor of this project does.

This module makes the text for people; ``--json`` prints the supervisor's answer unchanged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.config.settings import read_early
from appliance.duration_text import rounded_duration
from appliance.logs.sanitise import sanitise
from appliance.plural import counted, first_names
from appliance.supervisor.reporting.status_socket import ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STATES = {
    "analysing": "finding the application",
    "installing": "installing the project's dependencies",
    "preparing": "running the commands of BEFORE_START",
    "booting": "importing the project",
    "serving": "serving the project",
    "broken": "the project can't be served",
    "stopping": "the appliance is stopping",
}
_ROLES = {"standin": "stand-in"}
_SHOWN_ELSEWHERE = {"companion", "guard"}
_STUCK = "`appliance status --stacks` shows where it is. A save starts another worker."
_MAX_NAMES = 8  # more names become "and N more"
Status = dict[str, Any]


def command(process: Mapping[str, str], flags: Mapping[str, str], *, as_json: bool, live: bool, stacks: bool) -> int:
    """Print the status; return 0 if the project is served (``--live``: if the supervisor answers), 1 if not.

    Raises:
        NotRunningError: no supervisor answers.
    """
    path = Path(read_early(process, flags, Path.cwd()).status_socket)
    if stacks:
        return _stacks(path, as_json=as_json)
    status = ask(path)
    if "generation" not in status and not as_json:
        rest = "only root and the appliance's own user see the rest"
        sys.stdout.write(f"{status['health']}: {status['state']} ({rest})\n")
        return 0 if live or status["health"] == "healthy" else 1
    sys.stdout.write((json.dumps(status) if as_json else sanitise(describe(status), lines=True)) + "\n")
    return 0 if live or status["health"] == "healthy" else 1


def describe(status: Status) -> str:
    """Return the status as text for people: the state, what is wrong, the facts, what was wrong before."""
    generation = f" (generation {status['generation']})" if status["generation"] else ""
    state = _STATES.get(status["state"], status["state"])
    lines = [f"{status['health']}: {state}{generation}"]
    error, last = status.get("error"), status.get("last_error")
    if status.get("stuck"):
        lines += ["", f"The worker answers no request: {status['stuck']}.", _STUCK]
    if error:
        lines += ["", *_error_lines(error)]
    lines += ["", *(f"{name:<12} {text}" for name, text in _facts(status) if text)]
    if last and not error:
        lines += ["", f"last error, fixed since ({last['at']}):"]
        lines += _error_lines({**last, "action": "", "details": ""})
    return "\n".join(lines)


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    application, watching = status.get("application"), status.get("watching")
    yield "url", status["url"]
    yield "application", f"{application['name']} ({application['framework'] or 'WSGI'})" if application else ""
    yield "project", status["project"]
    yield "uptime", rounded_duration(status["uptime_s"])
    for child in status.get("processes") or ():
        if child["role"] in _SHOWN_ELSEWHERE:
            continue
        python = f", Python {status['python']}" if child["pid"] == status.get("worker_pid") else ""
        generation = f", generation {child['generation']}" if child["generation"] else ""
        pid = f", pid {child['pid']}" if child["pid"] else ""  # a copy that has not said its number
        about = f"{child['state']} for {rounded_duration(child['age_s'])}{pid}{generation}"
        yield _ROLES.get(child["role"], child["role"]), about + python
    for each in status.get("companions") or ():
        yield "companion", f"{each['name']}: {_companion(each)}"
    if watching:
        polled = f"; polled: {first_names(watching['polled'], _MAX_NAMES)}" if watching.get("polled") else ""
        count = ""
        if "folders" in watching:
            count = f", {counted(watching['count'], 'file')} in {counted(watching['folders'], 'folder')}"
        yield "watching", f"by {watching['how']}{count}{polled}" if "how" in watching else watching.get("reason", "")
    preload = status.get("preload")
    if preload and (preload["modules"] or preload["why"]):
        why = f": {preload['why']}" if preload["why"] else ""
        left = f", left out: {first_names(sorted(preload['left_out']), _MAX_NAMES)}" if preload["left_out"] else ""
        yield "preloaded", f"{counted(preload['modules'], 'module')} ({preload['state']}{why}){left}"
    reload = status.get("last_reload")
    if reload:
        times = [
            f"{name.removesuffix('_s')} {rounded_duration(value)}" for name, value in reload.items() if _is_time(name)
        ]
        yield "last reload", f"generation {reload['generation']}, {reload['at']}: {', '.join(times)}"
    yield from _snapshot_facts(status)
    debugger = status.get("debugger")
    if debugger:
        clients = [f"pid {pid}" for pid in debugger["attached_pids"]]
        waits = ", a worker waits for a client" if debugger["waiting_pids"] else ""
        yield "debugger", f"{debugger['address']}, attached: {first_names(clients, _MAX_NAMES) or 'nobody'}{waits}"


def _snapshot_facts(status: Status) -> Iterator[tuple[str, str]]:
    """Yield how the last reloads were made, why not in a faster way, and what is known of the snapshot."""
    for each in reversed(status.get("reloads") or ()):
        why = f": {each['reason']}" if each.get("reason") else ""
        yield "reload", f"generation {each['generation']}, {each['how']} in {rounded_duration(each['duration_s'])}{why}"
    snapshot = status.get("snapshot")
    if not snapshot or snapshot["state"] == "off":
        return
    why = f": {snapshot['why']}" if snapshot["why"] else ""
    if snapshot["pid"]:
        yield "snapshot", f"ready, {counted(snapshot['modules'], 'module')}"
    else:
        yield "snapshot", f"{snapshot['state']}{why}"
    if snapshot["checkpoints"]:
        yield "checkpoints", f"before {first_names([each['file'] for each in snapshot['checkpoints']], _MAX_NAMES)}"
    for module, reason in list(snapshot["blocked"].items())[:_MAX_NAMES]:
        yield "not swapped", f"{module}: {reason}"
    if len(snapshot["blocked"]) > _MAX_NAMES:
        yield "not swapped", f"{counted(len(snapshot['blocked']) - _MAX_NAMES, 'module')} more"
    if snapshot["off"]:
        yield "not swapped", f"after a mismatch: {first_names(snapshot['off'], _MAX_NAMES)}"


def _companion(companion: Status) -> str:
    """Return how a companion does: its state, since when, its process, its restarts and its last end."""
    pid = f", pid {companion['pid']}" if companion["pid"] else ""
    restarts = f", restarted {counted(companion['restarts'], 'time')}" if companion["restarts"] else ""
    last = f", last {companion['last_exit']}" if companion["last_exit"] else ""
    return f"{companion['state']} for {rounded_duration(companion['since_s'])}{pid}{restarts}{last}"


def _is_time(name: str) -> bool:
    return name.endswith("_s")


def _error_lines(error: Status) -> list[str]:
    where = f"{error['file']}:{error['line']}" if error.get("file") else ""
    return [text for text in (error["title"], where, error["lead"], error["action"], error["details"]) if text]


def _stacks(path: Path, *, as_json: bool) -> int:
    answer = ask(path, "stacks", timeout_s=5.0)
    if as_json:
        sys.stdout.write(json.dumps(answer) + "\n")
    elif "pid" not in answer:
        sys.stdout.write("Only root and the appliance's own user see stacks.\n")
    elif answer["pid"] is None:
        sys.stdout.write("No worker is running.\n")
    elif not answer["stacks"]:
        sys.stdout.write(f"The worker (pid {answer['pid']}) is stopped, or waits in the kernel: it did not answer.\n")
    else:
        stacks = sanitise(answer["stacks"], lines=True)
        sys.stdout.write(f"The worker's threads (pid {answer['pid']}), the innermost call first:\n{stacks}")
    return 0 if answer.get("stacks") else 1
