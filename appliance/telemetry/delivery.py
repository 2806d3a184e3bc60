"""Report whether the data of one signal arrives: perform what ``delivery_states`` decides.

Runs in the exporter, in any of its threads.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.telemetry import delivery_states as states
from appliance.telemetry.delivery_states import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.telemetry.collector_session import Outcome

    Report = Callable[[str, str, dict[str, object]], object]

REPEAT_S = 60.0  # between two reports, while sending fails and works by turns


class DeliveryReports:
    """The reports of one signal. Any thread may call them.

    Args:
        what: "spans", "log records", "metrics".
        url: of the collector.
        report: logs an event: level, name, fields.
    """

    def __init__(self, what: str, url: str, report: Report) -> None:
        self._what = what
        self._url = url
        self._report = report
        self._lock = threading.Lock()
        self._state = states.State()
        self._held_until = 0.0  # CLOCK_MONOTONIC
        self._performers: dict[type[states.Action], Callable[[Any], None]] = {
            states.Hold: self._hold,
            states.ReportDelayed: self._report_delayed,
            states.ReportLost: self._report_lost,
            states.ReportSent: self._report_sent,
        }

    @property
    def in_trouble(self) -> bool:
        """Whether the last data has not arrived."""
        return self._state.phase is not Phase.ARRIVING

    def delayed(self, outcome: Outcome) -> None:
        """Note that the collector takes nothing now; the data is kept."""
        with self._lock:
            self._locked_on(states.Delayed(outcome.reason, outcome.action, self._locked_is_held()))

    def lost(self, count: int, reason: str, action: str) -> None:
        """Note that so many items were lost."""
        with self._lock:
            self._locked_on(states.Lost(count, reason, action, self._locked_is_held()))

    def arrived(self) -> None:
        """Note that the collector has taken data."""
        with self._lock:
            self._locked_on(states.Arrived())

    def finish(self) -> None:
        """Report the losses that are not reported yet: the exporter ends."""
        with self._lock:
            self._locked_on(states.Finished())

    def _locked_on(self, event: states.Event) -> None:
        self._state, actions = states.step(self._state, event)
        state_table.perform(self._performers, actions)

    def _locked_is_held(self) -> bool:
        return monotonic() < self._held_until

    def _hold(self, _action: states.Hold) -> None:
        self._held_until = monotonic() + REPEAT_S

    def _report_delayed(self, action: states.ReportDelayed) -> None:
        self._log("warning", "telemetry.delayed", reason=action.reason, action=action.action)

    def _report_lost(self, action: states.ReportLost) -> None:
        self._log("warning", "telemetry.lost", count=action.count, reason=action.reason, action=action.action)

    def _report_sent(self, action: states.ReportSent) -> None:
        self._log("info", "telemetry.sent", count=action.lost)

    def _log(self, level: str, event: str, **fields: object) -> None:
        self._report(level, event, {"what": self._what, "url": self._url, **fields})
