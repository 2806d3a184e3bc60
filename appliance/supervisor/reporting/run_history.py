"""Keep the status's facts about the past: when the appliance started, its last reload, its last error.

Runs in the supervisor's loop.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance.logs.render.timestamp import Timestamps

if TYPE_CHECKING:
    from appliance.supervisor.lifecycle_events import Page

RELOADS = 10  # how many of the last reloads are kept
ERROR_FIELDS = ("title", "lead", "file", "line", "action", "details")  # of a failure's page


@dataclass
class RunHistory:
    """The facts from the start to the stop; ``status_json`` shows them.

    Attributes:
        url: the address for a browser.
        project: the project's folder.
        started: seconds since the epoch; ``started_monotonic``: the same moment on CLOCK_MONOTONIC.
        last_reload: the last reload that a worker serves; None before the first.
        reloads: the last reloads, the newest last.
        last_error: the last failure; kept until the next failure.
    """

    url: str | None  # None if it is not known
    project: str
    started: float = field(default_factory=time.time)
    started_monotonic: float = field(default_factory=time.monotonic)
    last_reload: dict[str, Any] | None = None
    reloads: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=RELOADS))
    last_error: dict[str, Any] | None = None
    _timestamp: Timestamps = field(default_factory=Timestamps)

    @property
    def uptime_s(self) -> float:
        """Seconds since the start, by the monotonic clock."""
        return round(time.monotonic() - self.started_monotonic, 3)

    def failed(self, page: Page) -> None:
        """Record the last error; kept until the next one."""
        shown = {key: page.get(key) for key in ERROR_FIELDS}
        self.last_error = {"at": self._timestamp(time.time()), **shown}

    def reloaded(self, generation: int, timeline: dict[str, Any]) -> None:
        """Record a reload that now serves; ``timeline`` are the fields of its event."""
        self.last_reload = {"at": self._timestamp(time.time()), "generation": generation, **timeline}
        self.reloads.append(self.last_reload)
