"""Handle a failed import of the application: install a missing package, analyse the project again, or report it.

Runs in the supervisor's loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.saves.held_failures import hold_nothing

if TYPE_CHECKING:
    from appliance.protocol.messages import Failed
    from appliance.supervisor.lifecycle_runner import LifecycleRunner
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.saves.held_failures import Hold
    from appliance.supervisor.saves.reload_trigger import ReloadTrigger
    from appliance.supervisor.steps.steps import Steps
    from appliance.supervisor.workers.workers import Workers


class FailedImports:
    """Decides which failures may have another reason than the project's code.

    Args:
        workers: those whose imports fail.
        steps: know the analysed and installed project, and can analyse and install it again.
        reload_trigger: watches the files of a failure.
        lifecycle: the supervisor's.
        hold: holds a failure back while files still arrive.
    """

    def __init__(
        self,
        workers: Workers,
        steps: Steps,
        reload_trigger: ReloadTrigger,
        lifecycle: LifecycleRunner,
        hold: Hold = hold_nothing,
    ) -> None:
        self._hold = hold
        self._workers = workers
        self._steps = steps
        self._reload_trigger = reload_trigger
        self._lifecycle = lifecycle

    def handle(self, child: Handle, message: Failed) -> None:
        """Take a worker's report that its import of the application raised."""
        analysis = self._steps.analysis
        newest = child is self._workers.current
        if analysis is not None and newest and self._steps.installation.add_backport(analysis.plan, message.report):
            child.explained()
            self._lifecycle.on_event(lifecycle_events.ProjectChanged())
        elif self._workers.may_be_outdated(child, message) and self._steps.reanalysis.again(
            analysis, partial(self._analysed_again, child, message)
        ):
            child.explained()
        else:
            self._report(child, message)

    def _analysed_again(self, child: Handle, message: Failed, differs: bool) -> None:  # noqa: FBT001  one call
        if not self._is_wanted(child):
            return  # another save came
        if differs:
            self._lifecycle.on_event(lifecycle_events.ProjectChanged())
        else:
            self._report(child, message)

    def _is_wanted(self, child: Handle) -> bool:
        state = self._lifecycle.state
        return state.phase is Phase.BOOTING and state.generation == child.generation

    def _report(self, child: Handle, message: Failed) -> None:
        if self._is_wanted(child) and self._hold("import", partial(self._report_held, child, message)):
            child.explained()
            return
        self._reload_trigger.failed(message.report)
        self._workers.import_failed(child, message)

    def _report_held(self, child: Handle, message: Failed) -> None:
        if self._is_wanted(child):
            self._report(child, message)
