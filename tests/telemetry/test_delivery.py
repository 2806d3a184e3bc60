"""The reports of a collector that fails and works by turns: each loss is counted, and nothing is reported twice."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.telemetry import delivery
from appliance.telemetry.collector_session import Outcome

AWAY = Outcome(taken=False, reason="Connection refused", action="start it", temporary=True)
Reported = tuple[delivery.DeliveryReports, list[tuple[str, Any]], list[float]]


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    """The reports of one signal, the name and the count of each event, and the time."""
    now = [1000.0]
    monkeypatch.setattr(delivery, "monotonic", lambda: now[0])
    events: list[tuple[str, Any]] = []
    made = delivery.DeliveryReports(
        "spans", "http://c", lambda _, event, fields: events.append((event, fields.get("count")))
    )
    return made, events, now


def test_each_event_names_the_signal_and_the_collector():
    """An event has its level, the signal, the URL, and what the table says."""
    events: list[tuple[str, str, dict[str, object]]] = []
    reports = delivery.DeliveryReports("spans", "http://c", lambda *event: events.append(event))
    reports.delayed(AWAY)
    reports.lost(3, "full", "send less")
    reports.arrived()
    spans = {"what": "spans", "url": "http://c"}
    assert events == [
        ("warning", "telemetry.delayed", {**spans, "reason": "Connection refused", "action": "start it"}),
        ("warning", "telemetry.lost", {**spans, "count": 3, "reason": "full", "action": "send less"}),
        ("info", "telemetry.sent", {**spans, "count": 3}),
    ]


def test_an_absence_is_reported_once(reported: Reported):
    """One event when it begins, one when it ends; nothing in between."""
    reports, events, _ = reported
    trouble = []
    reports.arrived()
    trouble.append(reports.in_trouble)
    for _ in range(5):
        reports.delayed(AWAY)
    assert events == [("telemetry.delayed", None)]
    trouble.append(reports.in_trouble)
    reports.arrived()
    reports.arrived()
    assert events == [("telemetry.delayed", None), ("telemetry.sent", 0)]
    assert [*trouble, reports.in_trouble] == [False, True, False]


def test_losses_are_counted(reported: Reported):
    """The first loss is reported at once, the rest with the end of the trouble."""
    reports, events, _ = reported
    reports.delayed(AWAY)
    reports.lost(3, "full", "")
    reports.lost(4, "full", "")
    reports.arrived()
    assert events[1:] == [("telemetry.lost", 3), ("telemetry.lost", 4), ("telemetry.sent", 7)]


@pytest.mark.parametrize("after_s", [59.9, 60.0])
def test_trouble_is_recent_for_a_minute(reported: Reported, after_s: float):
    """A delay is reported again from a minute after the last report; until then it is not."""
    reports, events, now = reported
    reports.delayed(AWAY)
    reports.arrived()
    now[0] += after_s
    reports.delayed(AWAY)
    assert events[2:] == ([("telemetry.delayed", None)] if after_s == 60.0 else [])
    assert reports.in_trouble


def test_a_refused_batch_in_two_makes_two_events_a_minute(reported: Reported):
    """A collector that refuses every second batch makes two events a minute, and no loss is forgotten."""
    reports, events, now = reported
    for _ in range(50):
        reports.lost(1, "400 Bad Request", "")
        reports.arrived()
        now[0] += 1
    assert events == [("telemetry.lost", 1), ("telemetry.sent", 1)]
    now[0] += 60
    reports.lost(1, "400 Bad Request", "")
    assert events[2:] == [("telemetry.lost", 50)]
    reports.lost(1, "400 Bad Request", "")
    reports.finish()
    assert sum(count for event, count in events if event == "telemetry.lost") == 52
