"""Describe a reload: how its worker was made, why not in a faster way, and how long each part took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.protocol.record import Record

if TYPE_CHECKING:
    from appliance.protocol.messages import Ready
    from appliance.supervisor.processes.handles import Handle


class Save(Record):
    """A save that the next ready worker serves.

    Attributes:
        at: when the watcher reported it, on CLOCK_MONOTONIC.
        seen_s: how long before ``at`` the first file event of the save came; None if a signal asked for the reload.
    """

    at: float
    seen_s: float | None

    def timeline(self, child: Handle, message: Ready, reason: str = "") -> dict[str, Any]:
        """The reload's parts, in seconds; the whole begins when the save was reported.

        ``reason``: why the worker was not made in a faster way; empty where no setting asks for one.
        """
        total = (child.ready_at or self.at) - self.at
        how = message.how or ("forked" if child.is_forked else "cold")
        parts: dict[str, Any] = {"duration_s": round(total, 4), "how": how, "forked": child.is_forked}
        if reason and how != "swapped":
            parts["reason"] = reason
        if self.seen_s is not None:
            parts["seen_s"] = round(self.seen_s, 4)
        if message.began:
            parts["start_s"] = round(max(0.0, message.began - self.at), 4)
        return {**parts, "import_s": message.import_s}
