"""The answer to ``appliance status`` and to the health check, and what must be kept for it.

Kept are the time of the start, the last reload, and the last error. This module changes nothing else. Runs in the
supervisor's loop.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance.logs.render.timestamp import Timestamps
from appliance.supervisor.lifecycle import Phase

if TYPE_CHECKING:
    from appliance.supervisor.lifecycle import Page, State
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.steps.analysis import Analysis

_HEALTH = {Phase.SERVING: "healthy", Phase.BROKEN: "unhealthy"}
_OF_ERROR = ("title", "lead", "file", "line", "action", "details")


@dataclass(frozen=True)
class Snapshot:
    """The current state of the supervisor's parts."""

    state: State
    page: Page | None  # the stand-in's page; None while a worker serves
    worker: Handle | None
    children: tuple[Handle, ...]
    analysis: Analysis | None


@dataclass
class StatusReport:
    """Collects the report, from the start to the stop."""

    url: str | None  # None if it is not known
    project: str
    started: float = field(default_factory=time.time)
    started_monotonic: float = field(default_factory=time.monotonic)
    last_reload: dict[str, Any] | None = None
    last_error: dict[str, Any] | None = None
    _timestamp: Timestamps = field(default_factory=Timestamps)

    @property
    def uptime_s(self) -> float:
        """Seconds since the start, by the monotonic clock."""
        return round(time.monotonic() - self.started_monotonic, 3)

    def failed(self, page: Page) -> None:
        """Record the last error; kept until the next one."""
        shown = {key: page.get(key) for key in _OF_ERROR}
        self.last_error = {"at": self._timestamp(time.time()), **shown}

    def reloaded(self, generation: int, timeline: dict[str, Any]) -> None:
        """Record a reload that now serves; ``timeline`` are the fields of its event."""
        self.last_reload = {"at": self._timestamp(time.time()), "generation": generation, **timeline}

    def status(self, snapshot: Snapshot, stuck: str = "") -> dict[str, Any]:
        """Return the answer, JSON values by name; ``stuck``: why the worker that accepts answers no request."""
        state, page, worker = snapshot.state, snapshot.page, snapshot.worker
        target = snapshot.analysis.project.target if snapshot.analysis else None
        error = page if page is not None and page["status"] == 500 else None
        return {
            "health": "unhealthy" if stuck else _HEALTH.get(state.phase, "starting"),
            "state": state.phase.value,
            "stuck": stuck or None,
            "generation": state.generation,
            "url": self.url,
            "project": self.project,
            "application": {"name": target.name, "framework": target.framework} if target else None,
            "python": worker.python if worker else None,
            "worker_pid": worker.pid if worker else None,
            "processes": [_process(child) for child in snapshot.children],
            "uptime_s": self.uptime_s,
            "last_reload": self.last_reload,
            "error": {key: error.get(key) for key in _OF_ERROR} if error else None,
            "last_error": self.last_error,
        }


def _process(child: Handle) -> dict[str, Any]:
    waits = "waiting" if child.role == "spare" else "starting"  # a spare waits to be a worker
    state = "ending" if child.ending else "ready" if child.ready_at is not None else waits
    age_s = round(time.monotonic() - child.started, 3)
    return {"role": child.role, "pid": child.pid, "generation": child.generation, "state": state, "age_s": age_s}
