"""An import that raised is reported, explained by another analysis, or followed by an installation."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.messages import Failed
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle import State
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers.failed_imports import FailedImports
from tests.supervisor.fakes import Holding, handle

BROKEN = Failed({"message": "No module named 'flask'"})


class Project:
    """A project whose newest worker's import has failed."""

    def __init__(self) -> None:
        self.child = handle()
        self.child.generation = 1
        self.supplies = self.outdated = self.looks = False
        self.reported: list[Handle] = []
        self.events: list[lifecycle_events.Event] = []
        self.differs: Callable[[bool], None] | None = None
        parts: Any = SimpleNamespace(
            current=self.child, may_be_outdated=lambda *_: self.outdated,
            failed=lambda _: None, import_failed=lambda child, _: self.reported.append(child),
        )  # fmt: skip
        steps: Any = SimpleNamespace(
            analysis=SimpleNamespace(plan="plan"), reanalysis=SimpleNamespace(again=self._again),
            installation=SimpleNamespace(add_backport=lambda *_: self.supplies),
        )  # fmt: skip
        self.lifecycle = SimpleNamespace(state=State(phase=Phase.BOOTING, generation=1), on_event=self.events.append)
        lifecycle: Any = self.lifecycle
        self.failed_imports = FailedImports(parts, steps, parts, lifecycle, self._hold)
        self.holding: Holding | None = None

    def _hold(self, what: str, again: Callable[[], None]) -> bool:
        return self.holding is not None and self.holding(what, again)

    def _again(self, _known: object, differs: Callable[[bool], None]) -> bool:
        self.differs = differs
        return self.looks


@pytest.fixture
def project() -> Project:
    """A project that nothing but its code explains."""
    return Project()


def test_a_failure_is_reported(project: Project):
    """A failure that nothing else explains is the worker's; so is one that no other analysis can be made for."""
    project.failed_imports.handle(project.child, BROKEN)
    project.outdated = True
    project.failed_imports.handle(project.child, BROKEN)
    assert (project.reported, project.events) == ([project.child] * 2, [])


def test_what_the_next_environment_holds_is_installed(project: Project):
    """A failure by a package that is installed next is not reported: the project has changed."""
    project.supplies = True
    project.failed_imports.handle(project.child, BROKEN)
    assert (project.reported, project.events) == ([], [lifecycle_events.ProjectChanged()])
    project.failed_imports.handle(handle(), BROKEN)
    assert len(project.reported) == 1, "of an older worker nothing is installed"


@pytest.mark.parametrize("differs", [True, False])
def test_a_failure_waits_for_another_analysis(project: Project, differs: bool):
    """A failure after a save waits for another analysis, and is reported if that says the same."""
    project.outdated = project.looks = True
    project.failed_imports.handle(project.child, BROKEN)
    assert (project.reported, project.events, project.child.reported) == ([], [], True)
    assert project.differs is not None
    project.differs(differs)
    assert bool(project.reported) is not differs
    assert project.events == ([lifecycle_events.ProjectChanged()] if differs else [])


@pytest.mark.parametrize("state", [State(phase=Phase.ANALYSING, generation=1), State(Phase.BOOTING, generation=2)])
def test_a_save_meanwhile_makes_it_old(project: Project, state: State):
    """Another save while the project is analysed again makes the failure outdated."""
    project.outdated = project.looks = True
    project.failed_imports.handle(project.child, BROKEN)
    project.lifecycle.state = state
    assert project.differs is not None
    project.differs(True)
    assert (project.reported, project.events) == ([], [])


@pytest.mark.parametrize("superseded", [True, False])
def test_a_failed_import_waits_while_files_arrive(project: Project, superseded: bool):
    """An import that fails with half of the files is expected to end, and reported unless more files have come."""
    project.holding = Holding()
    project.failed_imports.handle(project.child, BROKEN)
    assert (project.reported, project.child.reported) == ([], True)
    if superseded:
        project.lifecycle.state = State(Phase.BOOTING, generation=2)
    project.holding.release()
    assert project.reported == ([] if superseded else [project.child])
