"""Run the project's companions: those that its files declare. The declarations are read at each start of a worker.

A companion starts once the environment is complete and BEFORE_START has run. Nothing that it does affects the worker.
Runs in the supervisor's loop.

Decision 45 says why.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import StartError
from appliance.supervisor.companions import companion_guard
from appliance.supervisor.companions.companion import Companion
from appliance.supervisor.companions.marked_processes import end_marked
from appliance.supervisor.companions.process_files import PROCFILE, TABLE, Declared
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.companions.process_files import Problem
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.steps.analysis import Analysis

_ROUNDS = 20  # searches for processes that fork while they are ended


class Companions:
    """The companions of one project.

    Args:
        runtime: the supervisor's.
        gone: called when nothing is left of one that was removed.
        spawn: starts a process.
    """

    def __init__(
        self, runtime: Runtime, gone: Callable[[], None], *, spawn: Callable[..., Handle] = child_starts.spawn
    ) -> None:
        self._runtime = runtime
        self._gone = gone
        self._log = runtime.log
        self._spawn = spawn
        self._run_id = secrets.token_hex(8)  # stands in the marks: the companions of another appliance have another id
        self._companions: dict[str, Companion] = {}
        self._analysis: Analysis | None = None
        self._declared = Declared()
        self._saved_at = 0.0  # of code that companions have not followed yet (CLOCK_MONOTONIC); 0 for none
        self._closed = False
        self._guard: Handle | None = None

    # -- what happens --------------------------------------------------------------------------------------------------

    def booting(self, analysis: Analysis) -> None:
        """Start, change and end companions as they are declared now: a worker is being started."""
        if analysis is self._analysis or self._closed:
            return
        self._analysis = analysis
        before, self._declared = self._declared, analysis.companions
        self._report(before, analysis.companions)
        names = {process.name for process in analysis.companions.processes}
        for name, companion in list(self._companions.items()):
            if name not in names:
                companion.remove()
        for process in analysis.companions.processes:
            if process.env:
                self._log.add_secrets(process.env)
            self._companion(process.name).declare(process, analysis.project.root, analysis.variables)
        if self._companions:
            self._start_guard()

    def saved(self) -> None:
        """Note that the application is reloaded: its code was saved, or somebody has asked for it."""
        self._saved_at = time.monotonic()

    def serving(self) -> None:
        """Start the companions again that follow the code, if it has changed: the application has been imported."""
        saved_at, self._saved_at = self._saved_at, 0.0
        if saved_at:
            for companion in list(self._companions.values()):
                companion.reloaded(saved_at)

    def starting(self) -> bool:
        """Whether a companion that follows the code was just started: it may be the writer of a changed file."""
        return any(companion.starting() for companion in self._companions.values())

    def ended(self, child: Handle) -> None:
        """Take the end of a process."""
        for companion in list(self._companions.values()):
            companion.ended(child)

    def guard_ended(self, child: Handle) -> None:
        """Take the end of the guard; the next start of a companion starts another one."""
        if child is self._guard:
            self._guard = None

    def close(self) -> None:
        """End all companions: the appliance stops."""
        self._closed = True
        for companion in list(self._companions.values()):
            companion.remove()
        if self._guard is not None:
            self._runtime.children.retire(self._guard, 0.0)

    def living(self) -> bool:
        """Whether a companion may still run, or a process that a companion has started."""
        return bool(self._companions)

    def kill_rest(self) -> None:
        """Kill remaining processes that have left their process group: the supervisor ends now."""
        if self._analysis is not None and self._analysis.companions.processes:
            for _ in range(_ROUNDS):
                if not end_marked(f"{self._run_id}/", signal.SIGKILL, below=os.getpid()):
                    return

    def status(self) -> list[dict[str, Any]]:
        """Return each companion as JSON values."""
        return [companion.status() for companion in self._companions.values()]

    # -- their parts ---------------------------------------------------------------------------------------------------

    def _companion(self, name: str) -> Companion:
        if name not in self._companions:
            runtime = self._runtime
            self._companions[name] = Companion(
                name, f"{self._run_id}/{name}/", runtime.loop, runtime.children, runtime.log,
                grace_s=runtime.settings.grace_s, spawn=self._spawn, forget=self._forget,
            )  # fmt: skip
        return self._companions[name]

    def _forget(self, name: str) -> None:
        self._companions.pop(name, None)
        self._gone()

    def _start_guard(self) -> None:
        """Start the guard that ends companions after the supervisor, where the kernel would not do so."""
        if self._guard is not None or os.getpid() == 1 or not sys.platform.startswith("linux"):
            return
        command = [sys.executable, "-I", "-m", companion_guard.__name__, f"{self._run_id}/"]
        try:
            child = self._spawn(
                Role.GUARD, 0, command, environment=self._runtime.process, folder=Path("/"), channel=False,
                options=child_starts.Options(open_input=True, outlives=True),
            )  # fmt: skip
        except StartError:
            return  # the next change tries again; the guard is needed only if the supervisor is killed
        child.became_ready()
        self._guard = self._runtime.children.add(child)

    def _report(self, before: Declared, now: Declared) -> None:
        for name, command in now.served:
            if (name, command) not in before.served:
                self._log.event(
                    "info", "companion.skipped", companion=name, command=command,
                    reason="the appliance serves the application itself",
                    action=f"Nothing, if it is the application's server. Else declare it in {TABLE}, "
                    f"or give it another name than web in {PROCFILE}.",
                )  # fmt: skip
        new = [problem for problem in now.problems if problem not in before.problems]
        for problem in _first_of_each(new):
            line: dict[str, Any] = {"line": problem.line} if problem.line else {}
            count = sum(each.file == problem.file for each in new)
            self._log.event(
                "warning", "companion.unread", file=problem.file, **line, reason=problem.reason, count=count,
                action=problem.action,
            )  # fmt: skip


def _first_of_each(problems: list[Problem]) -> list[Problem]:
    """Return the first problem of each file: a file of another format would have a problem in each line."""
    return list({problem.file: problem for problem in reversed(problems)}.values())[::-1]
