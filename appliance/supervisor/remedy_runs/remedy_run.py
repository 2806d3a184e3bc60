"""Run one remedy: a command of the project's, or the change of a file, as a child that can be ended at any time.

Decides nothing over time. Each thing that happens becomes an event of ``remedy_states``, and the actions of that table
are performed here. Runs in the supervisor's loop.
"""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.errors import ApplianceError
from appliance.remedies import apply_edit
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.remedy_runs import remedy_states as states
from appliance.supervisor.remedy_runs.remedy_output import RemedyOutput
from appliance.supervisor.steps.before_start import GRACE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from appliance.logs.log import Log
    from appliance.remedies.remedy import ProjectFacts, Proposal, Remedy
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

TIMEOUT_S = 900.0


class RemedyRun:
    """Runs remedies, one at a time.

    Args:
        loop: the supervisor's.
        children: starts and ends processes.
        log: gets the events; the output goes there as that of every child.
        environment: that of the appliance itself, for a change of a file.
        offered: returns the ids of the remedies that pages show.
        show: called with the remedy's id, the state, lines and a reason (``RemedyProgress``).
        succeeded: called with a remedy that has succeeded.
        failed: called with the id of a remedy that has failed.
    """

    def __init__(
        self,
        loop: Loop,
        children: Children,
        log: Log,
        environment: Mapping[str, str],
        *,
        offered: Callable[[], Collection[str]],
        show: Callable[[str, str, list[str], str], None],
        succeeded: Callable[[Remedy], None],
        failed: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._children = children
        self._log = log
        self._environment = environment
        self._offered = offered
        self._show = show
        self._succeeded = succeeded
        self._failed = failed
        self._state = states.State()
        self._performers: dict[type[states.Action], Callable[[Any], None]] = {
            states.Run: self._run,
            states.EndProcess: self._end_process,
            states.Refuse: self._refuse,
            states.ReportDone: lambda action: self._show(action.remedy, "done", [], ""),
            states.ReportSuccess: self._report_success,
            states.ReportFailure: self._report_failure,
        }
        self._offer: tuple[Remedy, ProjectFacts] | None = None  # of the last button press
        self._remedy: Remedy | None = None  # the one that runs
        self._child: Handle | None = None
        self._began = 0.0
        self._timeout: Timer | None = None
        self._output = RemedyOutput(loop, self._show_lines)

    def _on(self, event: states.Event) -> None:
        self._state, actions = states.step(self._state, event)
        state_table.perform(self._performers, actions)

    @property
    def running(self) -> str:
        """The id of the remedy that runs; empty for none."""
        return self._state.remedy

    # -- what happens --------------------------------------------------------------------------------------------------

    def press(self, remedy: str, offer: tuple[Remedy, ProjectFacts] | None, refusal: str) -> None:
        """Run the remedy with this id, unless ``refusal`` says why not; ``offer``: None if no such remedy is known."""
        self._offer = offer
        self._on(states.Pressed(remedy, refusal, in_thread=offer is not None and offer[0].proposal.action is not None))

    def cancel(self, remedy: str) -> None:
        """End the remedy with this id, if it runs."""
        self._on(states.CancelRequested(remedy))

    def output(self, blocks: Iterable[bytes]) -> None:
        """Add output of the child."""
        self._output.add(blocks)

    def ended(self, child: Handle) -> None:
        """The child has ended."""
        if child is not self._child:
            return
        self._child = None
        # The process that changes a file says in one line why it could not.
        message = self._output.last_line if self._remedy is not None and self._remedy.proposal.edit else ""
        self._ended(self._state.run, "" if child.returncode == 0 else message or child.how())

    def _ended(self, run: int, failure: str) -> None:
        self._on(states.Ended(run, failure, frozenset(self._offered())))

    # -- the actions ---------------------------------------------------------------------------------------------------

    def _run(self, action: states.Run) -> None:
        if self._offer is None:
            raise RuntimeError("a remedy runs that was never offered")
        remedy, facts = self._offer
        self._remedy, made = remedy, remedy.proposal
        self._began = time.monotonic()
        self._output.clear()
        what: dict[str, Any] = {"file": made.edit.file} if made.edit else {"command": remedy.command_line}
        self._log.event(
            "info", "remedy.started", remedy=remedy.kind, **{key: each for key, each in what.items() if each}
        )
        self._show(remedy.id, "running", [], "")
        if made.action is not None:
            self._act(action.run, made.action)
            return
        try:
            self._child = self._children.add(self._spawn(made, facts))
        except Exception as error:  # noqa: BLE001  whatever it is, the page must not wait for this run
            self._ended(action.run, error.found if isinstance(error, ApplianceError) else _text(error))
            return
        timed_out = states.TimedOut(action.run, f"{TIMEOUT_S:.0f} s")
        self._timeout = self._loop.call_later(TIMEOUT_S, partial(self._on, timed_out))

    def _spawn(self, made: Proposal, facts: ProjectFacts) -> Handle:
        if made.edit is not None:
            argv = [sys.executable, "-I", "-m", apply_edit.__name__]
            variables = {**self._environment, apply_edit.VARIABLE: made.edit.job(facts.root)}
        else:
            argv, variables = list(made.command), {**(made.variables or facts.variables), **made.shown}
        return child_starts.spawn(Role.REMEDY, 0, argv, environment=variables, folder=facts.root, channel=False)

    def _act(self, run: int, action: Callable[[], bool]) -> None:
        def act() -> None:
            try:
                failure = "" if action() else "the appliance could not do it"
            except Exception as error:  # noqa: BLE001  whatever it is, the page must not wait for it
                failure = _text(error)
            self._loop.post(partial(self._ended, run, failure))

        try:
            threading.Thread(target=act, name="remedy", daemon=True).start()
        except (RuntimeError, MemoryError) as error:  # no thread is free
            self._ended(run, f"no thread is free: {error}")

    def _end_process(self, _action: states.EndProcess) -> None:
        if self._child is not None:
            self._children.retire(self._child, GRACE_S)

    def _refuse(self, action: states.Refuse) -> None:
        self._log.event("warning", "remedy.refused", reason=action.reason)
        self._show(action.remedy[:64], "refused", [], action.reason)

    def _report_success(self, _action: states.ReportSuccess) -> None:
        if (remedy := self._finish()) is not None:
            self._log.event("info", "remedy.finished", remedy=remedy.kind, duration_s=self._duration_s())
            self._show(remedy.id, "done", [], "")
            self._succeeded(remedy)

    def _report_failure(self, action: states.ReportFailure) -> None:
        if (remedy := self._finish()) is not None:
            self._log.event(
                "warning", "remedy.failed", remedy=remedy.kind, reason=action.reason, duration_s=self._duration_s()
            )
            self._show(remedy.id, "failed", [], self._log.masked(action.reason))
            self._failed(remedy.id)

    def _finish(self) -> Remedy | None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        self._output.flush()
        remedy, self._remedy = self._remedy, None
        return remedy

    def _duration_s(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _show_lines(self, lines: list[str]) -> None:
        if self._remedy is not None:
            self._show(self._remedy.id, "running", self._log.masked(lines), "")


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
