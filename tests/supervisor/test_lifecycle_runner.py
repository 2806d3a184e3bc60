"""The lifecycle as it runs: an action that fails becomes an event, and is tried again where that may help."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import StartError
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.lifecycle_runner import RETRY_S, LifecycleRunner
from appliance.supervisor.reporting.defects import Defects
from tests.supervisor.fakes import FakeLog, FakeLoop


class Project:
    """A lifecycle whose actions fail where the test says so, and are remembered."""

    def __init__(self) -> None:
        self.log, self.loop = FakeLog(), FakeLoop()
        self.performed: list[lifecycle_events.Action] = []
        self.error: Exception | None = None  # of each start of a worker
        log: Any = self.log
        loop: Any = self.loop
        self.lifecycle = LifecycleRunner(log, loop, Defects(log))
        self.lifecycle.route(dict.fromkeys(lifecycle_events.Action.__subclasses__(), self._perform), lambda _: None)
        self.lifecycle.on_event(lifecycle_events.Analysed(1, installed=True))

    def _perform(self, action: lifecycle_events.Action) -> None:
        self.performed.append(action)
        if isinstance(action, lifecycle_events.Boot) and self.error is not None:
            raise self.error

    @property
    def starts(self) -> int:
        """How often a worker was started."""
        return sum(isinstance(action, lifecycle_events.Boot) for action in self.performed)

    def save(self) -> None:
        """Code is saved: a worker is started, after another analysis if one is needed."""
        self.lifecycle.on_event(lifecycle_events.CodeChanged())
        if self.lifecycle.state.phase is Phase.ANALYSING:
            self.lifecycle.on_event(lifecycle_events.Analysed(self.lifecycle.state.job, installed=True))

    def can_not_start(self, *, passing: bool = True) -> None:
        """A worker can't be started from now on."""
        self.error = StartError("no process", expected="one", action="wait", what="a worker", passing=passing)


@pytest.fixture
def project() -> Project:
    """A project whose first worker is being started."""
    return Project()


def test_a_start_that_fails_is_tried_again(project: Project):
    """A start that failed is shown as broken, and tried again after longer and longer waits."""
    project.can_not_start()
    project.save()
    for wait in (*RETRY_S, RETRY_S[-1]):
        project.loop.advance(0.0)
        assert project.lifecycle.state.phase is Phase.BROKEN
        starts = project.starts
        project.loop.advance(wait / 2)
        assert project.starts == starts
        project.loop.advance(wait / 2)
        assert project.starts == starts + 1
    assert {name for _, name, _ in project.log.events} == {StartError.event}


def test_the_first_wait_is_short_again(project: Project):
    """Once a worker has served, the next start that fails is tried again soon."""
    project.can_not_start()
    project.save()
    project.loop.advance(sum(RETRY_S))
    project.error = None
    project.loop.advance(RETRY_S[-1])
    project.lifecycle.on_event(lifecycle_events.WorkerReady(project.lifecycle.state.generation))
    assert project.lifecycle.state.phase is Phase.SERVING
    project.can_not_start()
    project.save()
    starts = project.starts
    project.loop.advance(RETRY_S[0] + 0.01)
    assert project.starts == starts + 1


def test_a_start_that_cannot_succeed_is_reported_and_waits_for_a_save(project: Project):
    """A start that fails for a reason that does not pass, or by a defect, is reported, and waits for the next save."""
    project.can_not_start(passing=False)
    project.save()
    project.loop.advance(10 * RETRY_S[-1])
    assert (project.starts, project.lifecycle.state.phase) == (2, Phase.BROKEN)
    project.error = ValueError("a defect")
    project.save()
    project.loop.advance(10 * RETRY_S[-1])
    assert (project.starts, project.lifecycle.state.phase) == (3, Phase.BROKEN)
    assert [name for _, name, _ in project.log.events] == [StartError.event, "supervisor.failed"]


def test_a_failed_action_that_nobody_waits_for_is_logged(project: Project):
    """The failure of an action that ends something is logged, and changes nothing: no phase waits for it."""
    before = project.lifecycle.state
    project.lifecycle.action_failed(lifecycle_events.Retire(3), ValueError("a defect"))
    project.loop.advance(10 * RETRY_S[-1])
    assert (project.lifecycle.state, len(project.log.events)) == (before, 1)
