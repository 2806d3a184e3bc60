"""A request that its worker did not live to tell of, as the record that the worker would have sent.

Owns what can be read off the beginning of its head. Runs in the supervisor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.protocol.channel import ACCESS_FIELDS

if TYPE_CHECKING:
    from appliance.protocol.inflight import Running

_LINE = re.compile(r"(\S+) ([^\s?]*)(?:\?(\S*))? HTTP/(1\.[01])\r\n")
_CUT = re.compile(r"(\S+) ([^\s?]*)(?:\?(\S*))?")  # the line was longer than what was kept of it
_AGENT = re.compile(r"\r\nuser-agent:[ \t]*([^\r\n]*)\r\n", re.IGNORECASE)


def record(request: Running, *, now: float, wall: float, reason: str) -> list[Any]:
    """An access record of a request that was under way when the worker ended, at ``now`` (CLOCK_MONOTONIC)."""
    head = request.head.decode("latin-1") + "\r\n"
    line = _LINE.match(head) or _CUT.match(head)
    agent = _AGENT.search(head)
    fields = {
        "event": "request.aborted",
        "ended_us": int(wall * 1_000_000),
        "duration_us": int(max(0.0, now - request.started) * 1_000_000),
        "method": line[1] if line else None,
        "path": line[2] if line else None,
        "query": (line[3] if line else None) or "",
        "version": line[4] if line and line.re is _LINE else None,
        "user_agent": agent[1] if agent else None,
        "request_id": request.request_id,
        "reason": reason,
    }
    return ["access", *(fields.get(name) for name in ACCESS_FIELDS)]
