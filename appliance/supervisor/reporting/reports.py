"""Make the supervisor's own reports: its start and end, its history, its status, and stacks.

Runs in the supervisor's loop.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.supervisor.reporting.run_history import RunHistory
from appliance.supervisor.reporting.stack_dumps import StackDumps
from appliance.supervisor.reporting.status_socket import StatusSocket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.supervisor.address import Address
    from appliance.supervisor.reporting.status_socket import Answerer
    from appliance.supervisor.runtime import Runtime


class Reports:
    """The reports of one appliance.

    Args:
        runtime: the supervisor's.
        address: where it listens.
    """

    def __init__(self, runtime: Runtime, address: Address) -> None:
        self._runtime = runtime
        self.address = address
        self.history = RunHistory(address.url, str(runtime.settings.project))
        self.stacks = StackDumps(runtime.loop)
        self._status: StatusSocket | None = None

    def start(self, answerers: Mapping[str, Answerer], pages_url: str) -> None:
        """Answer on the status socket, and log the start."""
        settings, log = self._runtime.settings, self._runtime.log
        self._status = StatusSocket(Path(settings.status_socket), answerers, self._runtime.loop)
        if (reason := self._status.open()) is not None:
            log.event("warning", "status.unavailable", reason=reason)
        log.event("info", "appliance.started", **self.address.fields(str(settings.project)))
        if settings.pages == "on":
            log.event("info", "pages.started", url=pages_url)
        for event, fields in settings.notices:
            log.event("warning", event, **dict[str, Any](fields))

    def finish(self) -> None:
        """Remove the status socket, and log the end."""
        if self._status is not None:
            self._runtime.defects.guarded(self._status.close)
        self._runtime.log.event("info", "appliance.stopped", uptime_s=self.history.uptime_s)
