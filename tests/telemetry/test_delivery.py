"""What is told of a collector that comes and goes: each loss is counted, and nothing is told twice."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.telemetry import delivery
from appliance.telemetry.collector_session import Outcome

AWAY = Outcome(taken=False, reason="Connection refused", action="start it", temporary=True)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> tuple[delivery.Delivery, list[tuple[str, Any]], list[float]]:
    """A delivery, the name and the count of each event, and the time."""
    now = [1000.0]
    monkeypatch.setattr(delivery, "monotonic", lambda: now[0])
    events: list[tuple[str, Any]] = []
    made = delivery.Delivery("spans", "http://c", lambda _, event, fields: events.append((event, fields.get("count"))))
    return made, events, now


def test_an_absence_is_told_once(told):
    """One event when it begins, one when it ends; nothing in between."""
    state, events, _ = told
    state.arrived()
    for _ in range(5):
        state.delayed(AWAY)
    assert events == [("telemetry.delayed", None)]
    assert state.in_trouble
    state.arrived()
    state.arrived()
    assert events == [("telemetry.delayed", None), ("telemetry.sent", 0)]
    assert not state.in_trouble


def test_losses_are_counted(told):
    """The first loss is told at once, the rest with the end of the trouble."""
    state, events, _ = told
    state.delayed(AWAY)
    state.lost(3, "full", "")
    state.lost(4, "full", "")
    state.arrived()
    assert events[1:] == [("telemetry.lost", 3), ("telemetry.lost", 4), ("telemetry.sent", 7)]


def test_trouble_that_comes_and_goes_is_told_rarely(told):
    """A collector that refuses every second batch makes two events a minute, and no loss is forgotten."""
    state, events, now = told
    for _ in range(50):
        state.lost(1, "400 Bad Request", "")
        state.arrived()
        now[0] += 1
    assert events == [("telemetry.lost", 1), ("telemetry.sent", 1)]
    now[0] += 60
    state.lost(1, "400 Bad Request", "")
    assert events[2:] == [("telemetry.lost", 50)]
    state.lost(1, "400 Bad Request", "")
    state.tell_loss()
    assert sum(count for event, count in events if event == "telemetry.lost") == 52
