"""Make the JSON of ``appliance status`` and of the health check, from the parts of the supervisor.

``status_socket`` sends it. Runs in the supervisor's loop.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance.protocol.record import Record
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.reporting.run_history import ERROR_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.supervisor.lifecycle import State
    from appliance.supervisor.lifecycle_events import Page
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.reports import Reports
    from appliance.supervisor.reporting.run_history import RunHistory
    from appliance.supervisor.reporting.status_socket import Answerer
    from appliance.supervisor.saves.reload_trigger import ReloadTrigger
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.worker_group import WorkerGroup

# The state of a process that will be ready later. Other processes have only the state that they run.
_BEFORE_READY = {
    Role.WORKER: "starting",
    Role.PRELOADER: "starting",
    Role.STANDIN: "starting",
    Role.SPARE: "waiting",
    Role.SNAPSHOT: "starting",
}
_HEALTH = {Phase.SERVING: "healthy", Phase.BROKEN: "unhealthy"}


class StatusFacts(Record):
    """The current state of the supervisor's parts."""

    state: State
    page: Page | None  # the stand-in's page; None while a worker serves
    worker: Handle | None
    children: tuple[Handle, ...]
    analysis: Analysis | None


class StatusAnswers:
    """Answers the questions ``status``, ``snapshot`` and ``stacks`` of the status socket.

    Args:
        optional: returns the JSON value of each optional part, by its name.
        reload_costs: returns what else the question ``snapshot`` asks for.
    """

    def __init__(
        self,
        reports: Reports,
        facts: Callable[[], StatusFacts],
        *,
        workers: WorkerGroup,
        reload_trigger: ReloadTrigger,
        optional: Mapping[str, Callable[[], Any]],
        reload_costs: Callable[[], dict[str, Any]],
    ) -> None:
        self._history = reports.history
        self._stacks = reports.stacks
        self._facts = facts
        self._workers = workers
        self._reload_trigger = reload_trigger
        self._optional = optional
        self._reload_costs = reload_costs

    def answerers(self) -> Mapping[str, Answerer]:
        """Return a function for each question."""
        return {
            "status": lambda callback: callback(self.status()),
            "snapshot": lambda callback: callback(self.snapshot()),
            "stacks": self._send_stacks,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the facts for ``appliance check --reload``: the cost of a save of each module."""
        return {**self.status(), **self._reload_costs()}

    def status(self) -> dict[str, Any]:
        """Return the answer for ``appliance status`` and the health check."""
        standstill = self._workers.standstill
        standstill.request_probe()
        return {
            **status_of(self._facts(), self._history, standstill.stuck),
            "watching": self._reload_trigger.status(),
            "preload": self._workers.preloading.status(),
            **{name: value() for name, value in self._optional.items()},
        }

    def _send_stacks(self, callback: Callable[[dict[str, Any]], None]) -> None:
        worker = self._facts().worker
        if worker is None:
            callback({"pid": None, "stacks": ""})
        else:
            self._stacks.ask(worker, lambda text: callback({"pid": worker.pid, "stacks": text}))


def status_of(facts: StatusFacts, history: RunHistory, stuck: str = "") -> dict[str, Any]:
    """Return JSON values by name; ``stuck``: why the worker that accepts answers no request."""
    state, page, worker = facts.state, facts.page, facts.worker
    target = facts.analysis.project.target if facts.analysis else None
    error = page if page is not None and page["status"] == 500 else None
    return {
        "health": "unhealthy" if stuck else _HEALTH.get(state.phase, "starting"),
        "state": state.phase.value,
        "stuck": stuck or None,
        "generation": state.generation,
        "attempt": state.job + state.generation,  # grows with each analysis and each start
        "url": history.url,
        "project": history.project,
        "application": {"name": target.name, "framework": target.framework} if target else None,
        "python": worker.python if worker else None,
        "worker_pid": worker.pid if worker else None,
        "processes": [_process(child) for child in facts.children],
        "uptime_s": history.uptime_s,
        "last_reload": history.last_reload,
        "reloads": list(history.reloads),
        "error": {key: error.get(key) for key in ERROR_FIELDS} if error else None,
        "last_error": history.last_error,
    }


def _process(child: Handle) -> dict[str, Any]:
    started = _BEFORE_READY.get(child.role, "running")
    state = "ending" if child.ending else "ready" if child.ready_at is not None else started
    age_s = round(time.monotonic() - child.started, 3)
    return {"role": child.role, "pid": child.pid, "generation": child.generation, "state": state, "age_s": age_s}
