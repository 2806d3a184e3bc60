"""Handle an import of the application that raised: install what it needs, analyse the project again, or report it.

Runs in the supervisor's loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.protocol.messages import Failed
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Snapshot
    from appliance.supervisor.saves.reload_trigger import ReloadTrigger
    from appliance.supervisor.steps.installation import Installation
    from appliance.supervisor.steps.reanalysis import Reanalysis
    from appliance.supervisor.workers.workers import Workers


class FailedImports:
    """Decides which failures may be explained by something other than the project's code.

    Args:
        snapshot: returns the current state of the supervisor's parts.
        on_event: takes an event of the lifecycle.
    """

    def __init__(
        self,
        workers: Workers,
        installation: Installation,
        reanalysis: Reanalysis,
        reload_trigger: ReloadTrigger,
        *,
        snapshot: Callable[[], Snapshot],
        on_event: Callable[[lifecycle_events.Event], None],
    ) -> None:
        self._workers = workers
        self._installation = installation
        self._reanalysis = reanalysis
        self._reload_trigger = reload_trigger
        self._snapshot = snapshot
        self._on_event = on_event

    def handle(self, child: Handle, message: Failed) -> None:
        """Take a worker's report that its import of the application raised."""
        analysis = self._snapshot().analysis
        newest = child is self._workers.current
        if analysis is not None and newest and self._installation.supply(analysis.plan, message.report):
            child.explained()
            self._on_event(lifecycle_events.ProjectChanged())
        elif self._workers.may_be_outdated(child, message) and self._reanalysis.again(
            analysis, partial(self._analysed_again, child, message)
        ):
            child.explained()
        else:
            self._report(child, message)

    def _analysed_again(self, child: Handle, message: Failed, differs: bool) -> None:  # noqa: FBT001  one call
        state = self._snapshot().state
        if state.phase is not Phase.BOOTING or state.generation != child.generation:
            return  # another save came
        if differs:
            self._on_event(lifecycle_events.ProjectChanged())
        else:
            self._report(child, message)

    def _report(self, child: Handle, message: Failed) -> None:
        self._reload_trigger.failed(message.report)
        self._workers.import_failed(child, message)
