"""Show pages while no worker serves: the progress of a start, or a failure with the remedies that may help.

Runs in the supervisor's loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.protocol.messages import HandOverConnections
from appliance.supervisor import lifecycle_events
from appliance.supervisor.remedy_runs.offered_remedies import OfferedRemedies
from appliance.supervisor.reporting.progress_page import ProgressPage
from appliance.supervisor.workers.connection_router import ConnectionRouter

if TYPE_CHECKING:
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.supervisor.last_answer import LastAnswer
    from appliance.supervisor.lifecycle_runner import Performers
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.reporting.page_facts import PageFacts
    from appliance.supervisor.reporting.run_history import RunHistory
    from appliance.supervisor.runtime import Handlers, Runtime


class PageDisplay:
    """The pages of one appliance. The stand-in shows them, or ``last_answer``.

    Args:
        runtime: the supervisor's.
        spawner: starts the stand-in.
        last_answer: answers if no stand-in can be started.
        facts: what a page shows in addition to its failure.
        history: records the last failure.
    """

    def __init__(
        self, runtime: Runtime, spawner: Spawner, last_answer: LastAnswer, facts: PageFacts, history: RunHistory
    ) -> None:
        self._log = runtime.log
        self._facts = facts
        self._history = history
        self.remedies = OfferedRemedies(runtime, spawner)
        self.router = ConnectionRouter(
            runtime.loop, runtime.children, self.remedies.start_standin, last_answer, runtime.log
        )
        self.progress = ProgressPage(runtime.loop, self.router.progress, runtime.lifecycle, runtime.log.masked)

    def performers(self) -> Performers:
        """Return the function for each action."""
        return {
            lifecycle_events.ShowProgress: lambda action: self.progress.begin(action.phase),
        }

    def handlers(self) -> Handlers:
        """Return the function for each message."""
        return {
            HandOverConnections: lambda _, each, numbers: self.router.handed_over(each, numbers),
            **self.remedies.handlers(),
        }

    def remedy_output(self, _stream: str, lines: list[OutputLine]) -> None:
        """Add output of a remedy."""
        self.remedies.output(each.text for each in lines)

    def show_failure(self, action: lifecycle_events.ShowFailure) -> None:
        """Show why the project can't be served."""
        page = self.remedies.without_needs(self._log.masked(self._facts.complete(action.page)), self.router.broken)
        self._history.failed(page)
        self.router.broken(page)
