"""The access record of a request whose worker died before it could send one. Runs in the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.protocol import request_summary
from appliance.protocol.access_record import AccessRecord
from appliance.protocol.traces import read_origin

if TYPE_CHECKING:
    from appliance.protocol.inflight import Running


def record(request: Running, *, now: float, wall: float, reason: str) -> AccessRecord:
    """Return the record of a request that was under way when the worker ended, at ``now`` (CLOCK_MONOTONIC)."""
    found = request_summary.of_head(request.head)
    request_id, trace = read_origin(request.request_id)
    return AccessRecord(
        event="request.aborted",
        ended_us=int(wall * 1_000_000),
        duration_us=int(max(0.0, now - request.started) * 1_000_000),
        method=found.method,
        path=found.path,
        query=found.query or "",
        version=found.version,
        user_agent=found.user_agent,
        request_id=request_id,
        trace=trace,
        reason=reason,
    )
