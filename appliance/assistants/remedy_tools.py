"""The tools about remedies: list them, run one after it was shown, end one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from appliance.assistants.tool_call import ToolError

if TYPE_CHECKING:
    from appliance.assistants.tool_call import Call
    from appliance.assistants.tool_sources import Sources

    Found = dict[str, Any]

_LOOK_S = 0.2
_ENDED = frozenset({"done", "failed", "refused"})
_SHOWN_LINES = 50
_CONFIRM = (
    "Nothing was run yet. If this is what should be done, ask the person, then call run_remedy again with confirm: {}"
)


def list_remedies(sources: Sources, _call: Call) -> Found:
    """Return the remedies that may help with what has failed, and the last runs."""
    answer = sources.ask("remedies")
    found = [_remedy(each) for each in answer.get("remedies", ())]
    return {
        "remedies": found,
        "runs": [{"remedy": name, **_result(run)} for name, run in answer.get("runs", {}).items()],
        "note": "" if found else "No remedy is known for what has failed. last_errors shows the causes.",
    }


def _remedy(each: Found) -> Found:
    return {
        "remedy": each["id"],
        "label": each["label"],
        "why": each["why"],
        "command": each["command"],
        "diff": each["diff"],
        "runs_here": "yes" if each["runs"] else "no: this is a command for the person, on the host",
    }


def _result(run: Found) -> Found:
    return {"state": run["state"], "reason": run["reason"], "output": "\n".join(run["lines"][-_SHOWN_LINES:])}


def run_remedy(sources: Sources, call: Call) -> Found:
    """Show the steps of a remedy; with the value of that answer, run the remedy, and return how it has ended."""
    remedy, confirm = call.arguments["remedy"], call.arguments.get("confirm", "")
    known = next((each for each in sources.ask("remedies").get("remedies", ()) if each["id"] == remedy), None)
    if known is None:
        raise ToolError(
            "No such remedy is known: the code has changed since, or it never was.", action="Call list_remedies."
        )
    if not known["runs"]:
        raise ToolError(
            "The appliance can't run this.", action=f"Ask the person to run it on the host: {known['command']}"
        )
    if confirm != known["shown"]:
        changed = "What it does has changed since it was shown. " if confirm else ""
        return {**_remedy(known), "ran": False, "next": changed + _CONFIRM.format(known["shown"])}
    answer = _ask(sources, "run-remedy", remedy, shown=confirm)
    return _wait(sources, call, remedy, answer)


def cancel_remedy(sources: Sources, call: Call) -> Found:
    """End a remedy that runs."""
    remedy = call.arguments["remedy"]
    answer = _ask(sources, "cancel-remedy", remedy)
    run = answer.get("runs", {}).get(remedy)
    return {"remedy": remedy, **(_result(run) if run else {"state": "it was never run"})}


def _ask(sources: Sources, question: str, remedy: str, **more: str) -> Found:
    answer = sources.ask(f"{question} {json.dumps({'remedy': remedy, **more})}")
    if "error" in answer:
        raise ToolError.of_text(str(answer["error"]))
    return answer


def _wait(sources: Sources, call: Call, remedy: str, answer: Found) -> Found:
    began = reported_at = time.monotonic()
    within_s = call.arguments.get("timeout_s", 120)
    while True:
        run = answer.get("runs", {}).get(remedy) or {"state": "running", "reason": "", "lines": []}
        now = time.monotonic()
        if run["state"] in _ENDED:
            after = "Call wait_for_reload: the project is served again." if run["state"] == "done" else ""
            return {"remedy": remedy, "ran": run["state"] != "refused", **_result(run), "next": after}
        if now - began > within_s:
            message = "It still runs: list_remedies tells its end."
            return {"remedy": remedy, "ran": True, **_result(run), "next": message}
        if now - reported_at > 1.0:
            reported_at = now
            call.progress(now - began, run["lines"][-1] if run["lines"] else "running")
        if call.cancelled.wait(_LOOK_S):
            return {"remedy": remedy, "ran": True, **_result(run)}
        answer = sources.ask("remedies")
