"""Failures of the supervisor itself: reported once, told to the lifecycle, and tried again where that may help."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import StartError
from appliance.supervisor import lifecycle_events
from appliance.supervisor.failures import REPEAT_S, RETRY_S, Failures
from tests.supervisor.fakes import FakeLog, FakeLoop


class Project:
    """The failures of one supervisor, and what the lifecycle hears of them."""

    def __init__(self) -> None:
        self.log, self.loop = FakeLog(), FakeLoop()
        self.events: list[lifecycle_events.Event] = []
        parts: Any = (self.log, self.loop, self.events.append)
        self.failures = Failures(*parts)

    def fails(self, *, passing: bool = True) -> None:
        """A worker can't be started."""
        error = StartError("no process", expected="one", action="wait", what="a worker", passing=passing)
        self.failures.performing(lifecycle_events.Boot(3), error)


@pytest.fixture
def project() -> Project:
    """A supervisor that nothing has failed in."""
    return Project()


def defect() -> None:
    """Fail as a step of the supervisor may."""
    raise ValueError("a defect")


def test_a_defect_goes_no_further(project: Project):
    """A defect is one error with its place, and the next of a row is still called."""
    assert not project.failures.guarded(defect)
    assert project.failures.guarded(lambda: None)
    ((level, name, fields),) = project.log.events
    assert (level, name) == ("error", "supervisor.failed")
    assert (fields["reason"], fields["count"]) == ("ValueError: a defect", 1)
    assert all(fields[part] for part in ("place", "action"))


def test_a_defect_that_comes_again_and_again(project: Project, clock: list[float]):
    """A place that fails without end is reported once a minute, with how often it has failed since."""
    for _ in range(5):
        project.failures.guarded(defect)
        clock[0] += 1.0
    clock[0] += REPEAT_S
    project.failures.guarded(defect)
    assert [fields["count"] for _, _, fields in project.log.events] == [1, 5]


def test_a_log_that_fails(project: Project):
    """Where the log itself fails, the failure is lost, and the supervisor goes on."""
    project.log.on_event = defect
    project.failures.report(ValueError("a defect"))
    assert project.log.events == []


def test_a_start_that_fails_is_tried_again(project: Project):
    """The lifecycle hears of a start that failed, with a page, and has it tried again after longer and longer waits."""
    for wait in (*RETRY_S, RETRY_S[-1]):
        project.events.clear()
        project.fails()
        project.loop.advance(wait - 0.01)
        assert [type(event) for event in project.events] == [lifecycle_events.WorkerFailed]
        project.loop.advance(0.02)
        assert len(project.events) == 2
    assert {name for _, name, _ in project.log.events} == {StartError.event}


def test_the_first_wait_is_short_again(project: Project):
    """Once a worker has served, the next start that fails is tried again soon."""
    for _ in RETRY_S:
        project.fails()
    project.loop.advance(sum(RETRY_S))
    project.failures.recovered()
    project.events.clear()
    project.fails()
    project.loop.advance(RETRY_S[0])
    assert len(project.events) == 2


def test_a_start_that_can_not_succeed(project: Project):
    """A start that fails for a reason that does not pass, or by a defect, is reported, and waits for the next save."""
    project.fails(passing=False)
    project.failures.performing(lifecycle_events.Boot(3), ValueError("a defect"))
    project.loop.advance(10 * RETRY_S[-1])
    assert [type(event) for event in project.events] == [lifecycle_events.WorkerFailed] * 2
    assert [name for _, name, _ in project.log.events] == [StartError.event, "supervisor.failed"]


def test_an_action_that_nobody_waits_for(project: Project):
    """The failure of an action that ends something is logged, and no event: no phase waits for it."""
    project.failures.performing(lifecycle_events.Retire(3), ValueError("a defect"))
    project.loop.advance(10 * RETRY_S[-1])
    assert (project.events, len(project.log.events)) == ([], 1)
