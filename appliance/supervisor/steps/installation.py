"""Run the installer as a child, log its progress, and report why it failed.

The child is ``appliance install --report``: it blocks, holds the locks, and can be ended at any time. It writes its
progress to descriptor 2, and a failure as one JSON object to descriptor 1.
"""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from appliance.environment.failures.backports import backport_of
from appliance.environment.install_progress import keep_duration, last_duration_s
from appliance.environment.plan import add_extra
from appliance.errors import InstallError, InterpreterError
from appliance.protocol.remedy_kinds import all_checked
from appliance.supervisor import lifecycle_events
from appliance.supervisor.processes import child_starts
from appliance.supervisor.reporting import standin_pages
from appliance.supervisor.saves.held_failures import hold_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from appliance.environment.plan import Plan
    from appliance.logs.log import Log
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.progress_page import ProgressPage
    from appliance.supervisor.saves.held_failures import Hold

GRACE_S = 0.5  # uv ends at once when asked to
# The parts of a failure's report, each with the text that is used if the part is missing.
_PARTS = {
    "found": "the installer ended without a reason",
    "expected": "an installation that ends well",
    "action": "Read its output in the log; it is tried again at the next save.",
}
# Names in a report that would replace the error's own fields, or the log's.
_NOT_DETAILS = frozenset({"self", "event", "needs", "findings", "level", "role", "generation", "at"})


class Installation:
    """At most one installation at a time; a new one ends the old.

    Args:
        children: the processes.
        flags: the appliance's own, for the installer.
        process: the environment of the appliance itself.
        project: the project's folder.
        log: takes the events.
        on_event: takes an event of the lifecycle.
        page: shows the progress.
        spawn: starts the installer.
        hold: holds a failure back while files still arrive.
    """

    def __init__(
        self,
        children: Children,
        flags: Sequence[str],
        process: Mapping[str, str],
        project: Path,
        *,
        log: Log,
        on_event: Callable[[lifecycle_events.Event], None],
        page: ProgressPage,
        spawn: Callable[..., Handle] = child_starts.spawn_installer,
        hold: Hold = hold_nothing,
    ) -> None:
        self._spawn = spawn
        self._hold = hold
        self._log = log
        self._page = page
        self._on_event = on_event
        self._children = children
        self._flags = flags
        self._process = process
        self._project = project
        self._child: Handle | None = None
        self._report: dict[str, Any] = {}
        self._environment = self._moved = ""

    def start(self, job: int, plan: Plan | None) -> None:
        """Run the installer for this plan."""
        self._log.event("info", "install.started", source=plan.source if plan else "")
        self.cancel()
        self._report = {}
        self._environment = str(plan.environment) if plan else ""
        self._page.expect_install(last_duration_s(plan.environment.parent, self._project) if plan else 0.0)
        # The installer would find no application in a file that a save has broken, and would make another environment.
        flags = [*self._flags, *([f"--near={plan.application}"] if plan and plan.application else [])]
        self._child = self._children.add(self._spawn(flags, environment=self._process, folder=self._project, job=job))

    def cancel(self) -> None:
        """End the installation, if there is one."""
        if self._child is not None:
            self._children.retire(self._child, GRACE_S)
            self._child = None

    def add_backport(self, plan: Plan, report: Mapping[str, Any]) -> bool:
        """Add the package of a module that has left Python to the next environment; return whether one was added.

        Args:
            plan: of the environment in which an import has failed.
            report: the worker's, on that import.
        """
        module, requirement = backport_of(str(report.get("message")))
        if not requirement or not add_extra(plan, requirement):
            return False
        package = re.split(r"[<>=]", requirement)[0]
        self._log.event("warning", "install.extended", package=package, reason=f"No module named {module!r}")
        return True

    def lines(self, stream: str, lines: Sequence[OutputLine]) -> None:
        """Take lines of the installer."""
        for each in lines:
            self.line(stream, each.text)
        if stream == "stderr":
            self._page.output(lifecycle_events.Phase.INSTALLING, (each.text for each in lines))

    def line(self, stream: str, text: bytes) -> None:
        """The installer has written a line: progress, or its report."""
        if stream == "stdout":
            try:
                report = orjson.loads(text)
            except orjson.JSONDecodeError:
                report = None
            if isinstance(report, dict):
                if report.get("event") == "install.progress":
                    self._page.installs(report)
                elif report.get("event") == "install.adapted":
                    self._log.event("warning", "install.adapted", reason=str(report.get("reason")))
                else:
                    self._report = report
                return
        self._log.event("info", "install.output", text=text.decode("utf-8", "replace"))

    def ended(self, child: Handle) -> None:
        """The installer has ended."""
        if child.ending:
            return
        if child.returncode == 0:
            duration_s = round(time.monotonic() - child.started, 3)
            self._log.event("info", "install.finished", duration_s=duration_s)
            if self._environment:
                keep_duration(Path(self._environment).parent, self._project, duration_s)
            # The environment is not the planned one: uv has chosen another Python, or a file was saved. Plan again.
            made = str(self._report.get("environment") or self._environment)
            moved = made not in {self._environment, self._moved}  # not twice for the same: that would never end
            self._moved = made
            self._on_event(lifecycle_events.ProjectChanged() if moved else lifecycle_events.Installed(child.generation))
        else:
            self._failed(child)

    def _failed(self, child: Handle) -> None:
        if child is not self._child or self._hold("install", partial(self._failed, child)):
            return
        error = self._error()
        self._log.event("error", error.event, **error.fields())
        self._on_event(lifecycle_events.InstallFailed(child.generation, standin_pages.of_error(error)))

    def _error(self) -> InstallError:
        """The reason of the failure, by the installer's report. A build of the project's may have written that."""
        report = self._report
        parts = {name: report[name] if isinstance(report.get(name), str) else text for name, text in _PARTS.items()}
        details = {name: value for name, value in report.items() if name not in _PARTS and name not in _NOT_DETAILS}
        if not _is_text(details.get("output")):
            details.pop("output", None)
        kind = InterpreterError if report.get("event") == InterpreterError.event else InstallError
        return kind(**parts, needs=all_checked(report.get("needs")), **details)


def _is_text(output: object) -> bool:
    return isinstance(output, str) or (isinstance(output, list) and all(isinstance(line, str) for line in output))
