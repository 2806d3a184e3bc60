"""Run one companion: perform the actions of ``companion_states``, and report the companion's state.

Runs in the supervisor's loop.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.errors import StartError
from appliance.supervisor.companions import companion_states as states
from appliance.supervisor.companions.companion_states import Outcome
from appliance.supervisor.companions.marked_processes import MARK_VARIABLE
from appliance.supervisor.companions.remaining_processes import RemainingProcesses
from appliance.supervisor.companions.shell_commands import NO_PROGRAM, with_exec
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.child_starts import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.logs.log import Log
    from appliance.supervisor.companions.process_files import Process
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

STARTING_S = 2.0  # of a run, in which it may write files that are watched: code that it generates
EARLY_S = 10.0  # a program that fails after a longer run is started again after the first wait
_FAILED = "Read its output above, then correct its command, its code or its settings. It is started again after a wait."
_CRASHES = (
    "Read its output above, and correct its command, its code or its settings: a save of what declares it starts it "
    "at once. If it is not needed, name the others in APPLIANCE_COMPANIONS, or set APPLIANCE_COMPANIONS=off."
)
_NO_FOLDER = "Make the folder, or correct the companion's cwd, which is relative to the project."
_MISSING = (
    "Install the program that its output names: a Python package with the project's dependencies, another one in an "
    "image of your own. It is tried again every 30 s. If it is not needed here, leave its name out of "
    "APPLIANCE_COMPANIONS."
)


class Companion:
    """One companion, from its declaration until nothing is left of it.

    Args:
        name: as it is declared.
        mark: the value of the variable that its processes inherit.
        loop, children, log: the supervisor's.
        grace_s: how long it may take to end.
        spawn: starts a process.
        forget: called when nothing is left of it after it was removed.
    """

    def __init__(
        self,
        name: str,
        mark: str,
        loop: Loop,
        children: Children,
        log: Log,
        *,
        grace_s: float,
        spawn: Callable[..., Handle],
        forget: Callable[[str], None],
    ) -> None:
        self.name = name
        self._mark = mark
        self._loop = loop
        self._children = children
        self._log = log
        self._grace_s = grace_s
        self._spawn = spawn
        self._forget = forget
        self._state = states.State()
        self._performers: dict[type[states.Action], Callable[[Any], None]] = {
            states.Start: self._start,
            states.End: self._end,
            states.Clear: self._clear,
            states.RetryLater: self._retry_later,
            states.ReportEnd: self._report_end,
            states.ReportFailure: self._report_failure,
            states.Forget: lambda _: self._forget(self.name),
        }
        self._process: Process | None = None
        self._environment: Mapping[str, str] = {}
        self._folder = Path("/")
        self._inputs = ""
        self._child: Handle | None = None
        self._last: Handle | None = None  # the run that has ended
        self._timer: Timer | None = None
        self._started_at = -STARTING_S  # when the last run began (CLOCK_MONOTONIC)
        self._duration_s = 0.0  # duration of the last run
        self._since = time.monotonic()  # when the current phase began
        self._last_exit: str | None = None

    def _on(self, event: states.Event) -> None:
        before = self._state
        self._state, actions = states.step(before, event)
        if (before.phase, before.runs) != (self._state.phase, self._state.runs):
            self._since = time.monotonic()
        state_table.perform(self._performers, actions)

    # -- what happens --------------------------------------------------------------------------------------------------

    def declare(self, process: Process, root: Path, variables: Mapping[str, str]) -> None:
        """Run the process as it is declared now; a run with the same inputs goes on.

        Args:
            process: the declaration.
            root: the project's folder.
            variables: the environment of the project's processes.
        """
        environment = {"PYTHONUNBUFFERED": "1", **variables, **process.env, MARK_VARIABLE: self._mark}
        inputs = _digest(process.command, process.cwd, environment)
        self._process, self._environment, self._folder = process, environment, root / process.cwd
        if inputs != self._inputs:
            self._inputs = inputs
            self._on(states.Declared())

    def remove(self) -> None:
        """End the companion, and start it never again."""
        self._inputs = ""
        self._on(states.Removed())

    def reloaded(self, saved_at: float) -> None:
        """Start the companion again if it follows the code, and has not been started since the save."""
        if self._process is None or not self._process.reload:
            return
        if self._child is None or self._child.started < saved_at:
            self._on(states.Reloaded())

    def starting(self) -> bool:
        """Whether the companion follows the code, and was started a moment ago."""
        follows = self._process is not None and self._process.reload
        return follows and time.monotonic() - self._started_at < STARTING_S

    def ended(self, child: Handle) -> None:
        """Handle the end of a process, if the process is this companion's."""
        if child is not self._child:
            return
        self._child, self._last = None, child
        self._duration_s = round(time.monotonic() - child.started, 3)
        self._last_exit = child.how()
        code = child.returncode
        outcome = Outcome.SUCCESS if code == 0 else Outcome.MISSING if code in NO_PROGRAM else Outcome.FAILURE
        self._on(states.Ended(outcome, child.how(), early=self._duration_s < EARLY_S))

    def status(self) -> dict[str, Any]:
        """Return the companion as JSON values, for ``appliance status``."""
        return {
            "name": self.name,
            "state": self._state.phase.value,
            "pid": self._child.pid if self._child is not None else None,
            "restarts": max(0, self._state.runs - 1),
            "since_s": round(time.monotonic() - self._since, 3),
            "last_exit": self._last_exit,
            "command": self._process.command if self._process is not None else "",
            "reload": self._process is not None and self._process.reload,
        }

    # -- the actions ---------------------------------------------------------------------------------------------------

    def _start(self, action: states.Start) -> None:
        process = self._process
        if process is None:
            raise RuntimeError("a companion is started before it is declared")
        try:
            command = ["/bin/sh", "-c", with_exec(process.command)]
            child = self._spawn(
                Role.COMPANION, 0, command, environment=self._environment, folder=self._folder, channel=False,
                options=Options(self.name, open_input=True, ends_alone=True),
            )  # fmt: skip
        except StartError as error:
            misplaced = process.cwd and not self._folder.is_dir()
            self._on(states.StartFailed(error.found, _NO_FOLDER if misplaced else error.action))
            return
        self._started_at = child.became_ready()
        self._child = self._children.add(child)
        level = "info" if action.loud else "debug"
        self._log.event(level, "companion.started", companion=self.name, pid=child.pid, command=process.command)

    def _end(self, _action: states.End) -> None:
        if self._child is not None:
            self._children.retire(self._child, self._grace_s)

    def _clear(self, _action: states.Clear) -> None:
        """End the remaining processes that have left the companion's group; the group itself is ended anyway."""
        last = self._last
        has_group = last.has_group if last is not None else bool
        RemainingProcesses(self._loop, self._mark, has_group, partial(self._on, states.Cleared())).end()

    def _retry_later(self, action: states.RetryLater) -> None:
        self._timer = self._loop.call_later(action.after_s, partial(self._on, states.RetryDue(action.runs)))

    def _report_end(self, action: states.ReportEnd) -> None:
        level = "info" if action.loud else "debug"
        self._log.event(level, "companion.ended", companion=self.name, how=action.how, duration_s=self._duration_s)

    def _report_failure(self, action: states.ReportFailure) -> None:
        fields: dict[str, Any] = {"companion": self.name, "how": action.how, "after_s": action.after_s}
        if action.count:
            advice = action.action or _CRASHES
            self._log.event("error", "companion.crashing", **fields, count=action.count, action=advice)
        elif action.missing:
            self._log.event("warning", "companion.missing", **fields, action=_MISSING)
        else:
            self._log.event("warning", "companion.failed", **fields, action=action.action or _FAILED)


def _digest(*inputs: object) -> str:
    return hashlib.sha256(repr(inputs).encode("utf-8", "surrogateescape")).hexdigest()
