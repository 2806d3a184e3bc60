"""Report whether telemetry arrives: one event when it stops, one when it goes on, and each loss is counted."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.telemetry.collector_session import Outcome

    Report = Callable[[str, str, dict[str, object]], object]

REPEAT_S = 60.0  # between two reports, while sending fails and works by turns


class Delivery:
    """The state of one signal. Any thread may call it.

    Args:
        what: "spans", "log records", "metrics".
        url: of the collector.
        report: logs an event: level, name, fields.
    """

    def __init__(self, what: str, url: str, report: Report) -> None:
        self._what = what
        self._url = url
        self._report = report
        self._lock = threading.RLock()
        self._trouble = self._told = self._told_loss = False
        self._lost = 0  # since a loss was last told
        self._lost_in_all = 0  # since trouble was first told
        self._next = 0.0
        self._reason = self._action = ""

    @property
    def in_trouble(self) -> bool:
        """Whether the last data has not arrived."""
        return self._trouble

    def delayed(self, outcome: Outcome) -> None:
        """The collector takes nothing now; the data is kept."""
        with self._lock:
            self._trouble = True
            if not self._told and monotonic() >= self._next:
                self._mark_told()
                self._tell("warning", "telemetry.delayed", reason=outcome.reason, action=outcome.action)

    def lost(self, count: int, reason: str, action: str) -> None:
        """So much was lost."""
        with self._lock:
            self._trouble = True
            self._lost += count
            self._lost_in_all += count
            self._reason, self._action = reason, action
            if not self._told_loss and (self._told or monotonic() >= self._next):
                self._mark_told()
                self._told_loss = True
                self.tell_loss()

    def arrived(self) -> None:
        """Data has arrived."""
        with self._lock:
            self._trouble = False
            if self._told:
                self.tell_loss()
                self._tell("info", "telemetry.sent", count=self._lost_in_all)
                self._lost_in_all = 0
                self._told = self._told_loss = False

    def tell_loss(self) -> None:
        """Tell what was lost and not told yet."""
        with self._lock:
            if self._lost:
                count, self._lost = self._lost, 0
                self._tell("warning", "telemetry.lost", count=count, reason=self._reason, action=self._action)

    def _mark_told(self) -> None:
        self._told = True
        self._next = monotonic() + REPEAT_S

    def _tell(self, level: str, event: str, **fields: object) -> None:
        self._report(level, event, {"what": self._what, "url": self._url, **fields})
