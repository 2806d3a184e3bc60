"""Defects of the supervisor itself: each is reported once, with its place, and goes no further."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.supervisor.reporting.defects import REPEAT_S, Defects
from tests.supervisor.fakes import FakeLog


@pytest.fixture
def log() -> FakeLog:
    """The log of a supervisor that nothing has failed in."""
    return FakeLog()


@pytest.fixture
def defects(log: Any) -> Defects:
    """The defects of that supervisor."""
    return Defects(log)


def defect() -> None:
    """Fail as a step of the supervisor may."""
    raise ValueError("a defect")


def test_a_defect_goes_no_further(defects: Defects, log: FakeLog):
    """A defect is one error with its place, and the next of a row is still called."""
    assert not defects.guarded(defect)
    assert defects.guarded(lambda: None)
    ((level, name, fields),) = log.events
    assert (level, name) == ("error", "supervisor.failed")
    assert (fields["reason"], fields["count"]) == ("ValueError: a defect", 1)
    assert all(fields[part] for part in ("place", "action"))


def test_a_repeated_defect_is_reported_once_a_minute(defects: Defects, log: FakeLog, clock: list[float]):
    """A place that fails without end is reported once a minute, with how often it has failed since."""
    for _ in range(5):
        defects.guarded(defect)
        clock[0] += 1.0
    clock[0] += REPEAT_S
    defects.guarded(defect)
    assert [fields["count"] for _, _, fields in log.events] == [1, 5]


def test_the_supervisor_goes_on_if_the_log_fails(defects: Defects, log: FakeLog):
    """If the log itself fails, the failure is lost, and the supervisor goes on."""
    log.on_event = defect
    defects.report(ValueError("a defect"))
    assert log.events == []
