"""Log the ends and results of the project's snapshots. Runs in the supervisor's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.supervisor.snapshots import snapshot_events as events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.logs.log import Log
    from appliance.protocol.snapshot_messages import SnapshotReady
    from appliance.supervisor.processes.handles import Handle


class SnapshotReports:
    """The events of one project's snapshots.

    Args:
        log: the supervisor's.

    Attributes:
        expected: the user has asked for snapshots: the log says why there is none.
    """

    def __init__(self, log: Log, *, expected: bool) -> None:
        self._log = log
        self.expected = expected
        self._refusals: set[str] = set()  # the reasons

    def performers(self) -> dict[type[events.Action], Callable[[Any], None]]:
        """Return the function for each action that only reports."""
        return {
            events.ReportRefused: self._refused,
            events.ReportEnded: lambda action: self._log.event("warning", "snapshot.ended", how=action.how),
            events.ReportVerified: lambda _: self._log.event("debug", "reload.verified"),
            events.ReportUnverified: lambda action: self._log.event("debug", "snapshot.unverified", reason=action.why),
        }

    def _refused(self, action: events.ReportRefused) -> None:
        level = "info" if self.expected and action.reason not in self._refusals else "debug"
        self._refusals.add(action.reason)
        self._log.event(level, "snapshot.refused", reason=action.reason)

    def ready(self, child: Handle, message: SnapshotReady) -> None:
        """Report that workers are forked from this snapshot."""
        self._log.event(
            "debug", "snapshot.ready", pid=child.pid, modules=message.modules, blocked=len(message.blocked),
            import_s=message.import_s, cpu_s=message.cpu_s,
        )  # fmt: skip

    def mismatch(self, generation: int, files: Iterable[str], names: Iterable[str]) -> None:
        """Report that swaps of these files have given another state than an import; ``names`` what differs."""
        self._log.event("warning", "reload.mismatch", generation=generation, files=list(files), names=list(names))
