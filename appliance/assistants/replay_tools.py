"""The tool that sends a recorded request again, and compares its response with the recorded one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.assistants.tool_call import ToolError
from appliance.protocol.page_messages import REPLAYED_S

if TYPE_CHECKING:
    from appliance.assistants.tool_call import Call
    from appliance.assistants.tool_sources import Sources

    Found = dict[str, Any]

_CONFIRM = (
    "{} may change data. Nothing was sent yet. If that is wanted, ask the person, and call again with confirm: true."
)


def replay_request(sources: Sources, call: Call) -> Found:
    """Send a request again, edited if that is asked for, and return how the response differs."""
    given = dict(call.arguments)
    asked = {**given, "confirmed": given.pop("confirm", False)}
    asked.pop("confirm", None)
    answer = sources.ask(f"replay {json.dumps(asked)}", timeout_s=REPLAYED_S)
    if "error" in answer:
        raise ToolError.of_text(str(answer["error"]))
    if "unconfirmed" in answer:
        return {"sent": False, "next": _CONFIRM.format(answer["unconfirmed"])}
    differences = answer.get("differences", [])
    return {
        "sent": True,
        "method": answer.get("method"),
        "same": not differences,
        "differences": differences,
        "before": answer.get("before"),
        "after": answer.get("after"),
        "left_out": answer.get("left_out"),
        "notes": answer.get("notes"),
        "request_number": answer.get("replayed"),
        "next": "get_request with request_number shows its queries, its log and its exception.",
    }
