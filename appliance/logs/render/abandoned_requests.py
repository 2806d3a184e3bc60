"""The access record of a request whose worker died before it could send one. Runs in the supervisor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.protocol.access_record import AccessRecord

if TYPE_CHECKING:
    from appliance.protocol.inflight import Running

_LINE = re.compile(r"(\S+) ([^\s?]*)(?:\?(\S*))? HTTP/(1\.[01])\r\n")
_CUT = re.compile(r"(\S+) ([^\s?]*)(?:\?(\S*))?")  # the line was longer than what was kept of it
_AGENT = re.compile(r"\r\nuser-agent:[ \t]*([^\r\n]*)\r\n", re.IGNORECASE)


def record(request: Running, *, now: float, wall: float, reason: str) -> AccessRecord:
    """Return the record of a request that was under way when the worker ended, at ``now`` (CLOCK_MONOTONIC)."""
    head = request.head.decode("latin-1") + "\r\n"
    line = _LINE.match(head) or _CUT.match(head)
    agent = _AGENT.search(head)
    return AccessRecord(
        event="request.aborted",
        ended_us=int(wall * 1_000_000),
        duration_us=int(max(0.0, now - request.started) * 1_000_000),
        method=line[1] if line else None,
        path=line[2] if line else None,
        query=(line[3] if line else None) or "",
        version=line[4] if line and line.re is _LINE else None,
        user_agent=agent[1] if agent else None,
        request_id=request.request_id,
        reason=reason,
    )
