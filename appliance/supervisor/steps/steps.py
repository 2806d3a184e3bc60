"""The steps before a worker starts, as the lifecycle asks for them: analyse the project, install, run BEFORE_START.

Holds the newest analysis of the project. Runs in the supervisor's loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.reporting import standin_pages
from appliance.supervisor.saves.held_failures import hold_nothing
from appliance.supervisor.steps.analysis import Analysis, Analyst, log_changes
from appliance.supervisor.steps.before_start import BeforeStart
from appliance.supervisor.steps.installation import Installation
from appliance.supervisor.steps.reanalysis import Reanalysis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from appliance.config.env import Environment
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.supervisor.lifecycle_runner import Performers
    from appliance.supervisor.reporting.progress_page import ProgressPage
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.saves.held_failures import Hold


class Steps:
    """Performs the steps of one project.

    Args:
        runtime: the supervisor's.
        flags: the appliance's own, for the installer.
        environment: the project's, as it was read at the start.
        page: shows what a step prints.
        analysed: functions of the parts that must know a new analysis before the lifecycle does.
        hold: holds a failure back while files still arrive.
    """

    def __init__(
        self,
        runtime: Runtime,
        flags: Sequence[str],
        environment: Environment | None,
        *,
        page: ProgressPage,
        analysed: Sequence[Callable[[Analysis], None]],
        hold: Hold = hold_nothing,
    ) -> None:
        settings, process, log, loop = runtime.settings, runtime.process, runtime.log, runtime.loop
        self._log = log
        self._lifecycle = runtime.lifecycle
        self._hold = hold
        self._page = page
        self._takers = analysed
        self.analysis: Analysis | None = None
        self.reanalysis = Reanalysis(loop, Analyst(settings, process, log, loop.post, environment))
        self.installation = Installation(
            runtime.children, flags, process, settings.project,
            log=log, on_event=runtime.lifecycle.on_event, page=page, hold=hold,
        )  # fmt: skip
        self.before_start = BeforeStart(loop, runtime.children, log, runtime.lifecycle, hold=hold)

    def performers(self) -> Performers:
        """Return the function for each action."""
        return {
            lifecycle_events.Analyse: self._analyse,
            lifecycle_events.Install: self._install,
            lifecycle_events.CancelInstall: lambda _: self.installation.cancel(),
            lifecycle_events.Prepare: self._prepare,
            lifecycle_events.CancelPreparation: lambda _: self.before_start.cancel(),
        }

    def saved(self, written: Iterable[Path]) -> bool:
        """Take a save; return False if a command of BEFORE_START that failed has written these files itself."""
        may_be_own = self._lifecycle.state.phase is Phase.BROKEN or self.before_start.is_held
        if may_be_own and self.before_start.wrote(written):
            return False
        self.reanalysis.saved()
        return True

    def preparation_output(self, _stream: str, lines: list[OutputLine]) -> None:
        """Take output of BEFORE_START's commands."""
        self.before_start.output_lines(lines)
        self._page.output(Phase.PREPARING, (each.text for each in lines))

    def _analyse(self, action: lifecycle_events.Analyse) -> None:
        self.reanalysis.analyse(self.analysis, partial(self._analysed, action.job))

    def _analysed(self, job: int, result: Analysis | ApplianceError) -> None:
        if job != self._lifecycle.state.job:
            return
        if isinstance(result, ApplianceError):
            phase = self._lifecycle.state.phase
            if phase is not Phase.ANALYSING or self._hold("analysis", partial(self._analysed, job, result)):
                return
            self._log.event("error", result.event, **result.fields())
            self._lifecycle.on_event(lifecycle_events.AnalysisFailed(job, standin_pages.of_error(result)))
            return
        try:
            self._take(result)
            done = self.before_start.is_done(result)
        except Exception as error:  # noqa: BLE001  whatever it is, the lifecycle must not wait for this analysis
            self._lifecycle.action_failed(lifecycle_events.Analyse(job), error)
            return
        self._lifecycle.on_event(lifecycle_events.Analysed(job, installed=result.plan.installed, prepared=done))

    def _take(self, analysis: Analysis) -> None:
        log_changes(self._log, self.analysis, analysis)
        self.analysis = analysis
        self._log.add_secrets(analysis.environment.values, analysis.environment.secrets())
        for take in self._takers:
            take(analysis)

    def _install(self, action: lifecycle_events.Install) -> None:
        self.installation.start(action.job, self.analysis.plan if self.analysis else None)

    def _prepare(self, action: lifecycle_events.Prepare) -> None:
        if self.analysis is not None:
            self.before_start.start(action.job, self.analysis)
