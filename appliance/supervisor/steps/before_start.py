"""Run the commands of BEFORE_START as a child: before the first worker, and again when their inputs change.

Decides nothing over time. Each thing that happens becomes an event of ``before_start_states``, and the actions of that
table are performed here.

``sh -e`` runs the text: newlines, ``;`` and ``&&`` have their meaning in a shell, and the first command that fails ends
the run. The inputs of a run are the commands, their environment and its variables.

Decision 12 says why.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.errors import PreparationError
from appliance.supervisor import lifecycle_events
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.reporting import standin_pages
from appliance.supervisor.saves.held_failures import hold_nothing
from appliance.supervisor.steps import before_start_states as states
from appliance.supervisor.steps.analysis import require_analysis
from appliance.watch.file_contents import TICK_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from appliance.logs.log import Log
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.supervisor.lifecycle_runner import LifecycleRunner
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.saves.held_failures import Hold
    from appliance.supervisor.steps.analysis import Analysis

GRACE_S = 2.0  # a migration may roll back when it is asked to end
_OUTPUT_LINES = 40  # of the run's output, which a page about its failure shows
_CHECK_S = 0.02  # between two checks of a run that is being ended


class BeforeStart:
    """At most one run at a time; a run with other inputs ends the one before, and begins once nothing of it is left.

    Args:
        loop, children, log: the supervisor's.
        lifecycle: takes the events; also that a run can't be started.
        spawn: starts the shell.
        hold: holds a failure back while files still arrive.

    Attributes:
        is_held: a failure is held back.
    """

    def __init__(
        self,
        loop: Loop,
        children: Children,
        log: Log,
        lifecycle: LifecycleRunner,
        *,
        spawn: Callable[..., Handle] = child_starts.spawn,
        hold: Hold = hold_nothing,
    ) -> None:
        self._spawn = spawn
        self._hold = hold
        self.is_held = False
        self._loop = loop
        self._children = children
        self._log = log
        self._on_event = lifecycle.on_event
        self._state = states.State()
        self._performers: dict[type[states.Action], Callable[[Any], None]] = {
            states.EndRun: self._end_run,
            states.CheckEarlierRuns: self._check_earlier_runs,
            states.ReportWait: lambda action: self._log.event("info", "preparation.waiting", pid=action.pid),
            states.Run: self._run,
            states.ReportNotStarted: lambda action: lifecycle.action_failed(
                lifecycle_events.Prepare(action.job), action.error
            ),
            states.ReportEnd: self._report_end,
        }
        self._analysis: Analysis | None = None  # the project as it was when the run was requested
        self._child: Handle | None = None
        self._earlier: list[Handle] = []  # runs of which a process may be left
        self._timer: Timer | None = None
        self._span = (0.0, 0.0)  # when the last run began and ended, by the clock of the files
        self._output: deque[str] = deque(maxlen=_OUTPUT_LINES)

    def _on(self, event: states.Event) -> None:
        self._state, actions = states.step(self._state, event)
        state_table.perform(self._performers, actions)

    def is_done(self, analysis: Analysis) -> bool:
        """Whether no command is left to run."""
        return not analysis.before_start or _inputs(analysis) == self._state.done

    def start(self, job: int, analysis: Analysis) -> None:
        """Run the commands, or let a run with the same inputs go on."""
        self._analysis = analysis
        self.is_held = False
        self._on(states.RunRequested(job, _inputs(analysis)))

    def cancel(self) -> None:
        """End the run, if there is one, and begin none."""
        self._on(states.CancelRequested())

    def wrote(self, paths: Iterable[Path]) -> bool:
        """Whether all these files were last written while the commands ran: by a command, and not by a person.

        Otherwise a command that writes files and fails would cause its own next run, without end.
        """
        started, ended = self._span
        # Without a run, no command has written a file. The file's time does not matter then: an archive may have set it
        # to 0.
        return started > 0.0 and all(_written_within(path, started, ended) for path in paths)

    def output_lines(self, lines: Sequence[OutputLine]) -> None:
        """Keep the output of the commands, for a page about their failure."""
        for each in lines:
            self._output.extend(each.text.decode("utf-8", "replace").split("\n"))

    def ended(self, child: Handle) -> None:
        """Note that the shell of the run has ended."""
        if child is not self._child:
            return
        self._child = None
        self._earlier.append(child)
        self._span = (self._span[0], time.time())
        succeeded = child.returncode == 0
        if succeeded:
            duration_s = round(time.monotonic() - child.started, 3)
            self._log.event("info", "preparation.finished", duration_s=duration_s)
        self._on(states.RunEnded(succeeded, child.how()))

    # -- the actions ---------------------------------------------------------------------------------------------------

    def _end_run(self, _action: states.EndRun) -> None:
        child, self._child = self._child, None
        if child is not None:
            self._children.retire(child, GRACE_S)
            self._earlier.append(child)

    def _check_earlier_runs(self, action: states.CheckEarlierRuns) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if action.later:
            self._timer = self._loop.call_later(_CHECK_S, partial(self._check_earlier_runs, states.CheckEarlierRuns()))
            return
        self._timer = None
        self._earlier = [run for run in self._earlier if run.returncode is None or run.has_group()]
        self._on(states.EarlierRunLives(self._earlier[0].pid) if self._earlier else states.EarlierRunsGone())

    def _run(self, action: states.Run) -> None:
        analysis = require_analysis(self._analysis, "the commands run")
        self._output.clear()
        self._log.event("info", "preparation.started", commands=analysis.before_start)
        self._span = (time.time(), 0.0)
        try:
            self._child = self._children.add(
                self._spawn(
                    Role.PREPARATION,
                    action.job,
                    ["/bin/sh", "-e", "-c", analysis.before_start],
                    environment=analysis.variables,
                    folder=analysis.project.root,
                    channel=False,
                )
            )
        except Exception as error:  # noqa: BLE001  whatever it is, the lifecycle must not wait for this run
            self._on(states.StartFailed(error))

    def _report_end(self, action: states.ReportEnd) -> None:
        if action.succeeded:
            self._on_event(lifecycle_events.Prepared(action.job))
            return
        self.is_held = self._hold("preparation", partial(self._report_held_end, action))
        if self.is_held:
            return
        error = PreparationError(
            f"a command of BEFORE_START failed: {action.how}",
            expected="commands that end with exit status 0",
            action="Read the output below, fix the command or its files, and save: the commands run again. "
            "Or change APPLIANCE_BEFORE_START.",
            needs=[{"kind": "run-again", "step": "commands"}],
            output=list(self._output),
        )
        self._log.event("error", error.event, **error.fields())
        self._on_event(lifecycle_events.PreparationFailed(action.job, standin_pages.of_error(error)))

    def _report_held_end(self, action: states.ReportEnd) -> None:
        if self.is_held and action.job == self._state.job:
            self._report_end(action)


def _inputs(analysis: Analysis) -> str:
    variables = "\0".join(f"{name}={value}" for name, value in sorted(analysis.variables.items()))
    whole = f"{analysis.before_start}\0{analysis.plan.fingerprint}\0{variables}"
    return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()


def _written_within(path: Path, started: float, ended: float) -> bool:
    try:
        return started - TICK_S <= path.stat().st_mtime <= ended
    except OSError:
        return False
