"""When a project is analysed again after a save, and whose request the result answers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.errors import ApplicationError
from appliance.supervisor.steps.analysis import Analysis
from appliance.supervisor.steps.reanalysis import Reanalysis
from tests.supervisor.fakes import FakeLoop, no_process

ERROR = ApplicationError("no application", expected="one", action="write one")


def analysis(variables: str = "") -> Analysis:
    """An analysis whose workers would have these variables."""
    parts: Any = {
        "environment": SimpleNamespace(), "project": SimpleNamespace(target="app:app"), "plan": "plan",
        "variables": variables,
    }  # fmt: skip
    return Analysis(**parts)


class Project:
    """A project whose analyses end when the test says so."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.started: list[tuple[Any, Callable[[Any], None]]] = []
        self.startable = True
        parts: Any = (self.loop, SimpleNamespace(start=self._start))
        self.reanalysis = Reanalysis(*parts)
        self.differs: list[bool] = []
        self.results: list[Any] = []

    def _start(self, known: object, on_result: Callable[[Any], None]) -> None:
        if not self.startable:
            raise no_process()
        self.started.append((known, on_result))

    def ends(self, result: object) -> None:
        """The analysis that was started last has this result."""
        self.started[-1][1](result)


@pytest.fixture
def project() -> Project:
    """A project that nobody has saved."""
    return Project()


def test_an_analysis_knows_the_last_one(project: Project):
    """An analysis gets the project of the last one, or none at first, and its result is passed on."""
    project.reanalysis.analyse(None, project.results.append)
    known = analysis()
    project.reanalysis.analyse(known, project.results.append)
    assert [each for each, _ in project.started] == [None, known.project]
    project.ends(ERROR)
    assert project.results == [ERROR]


def test_a_failure_is_looked_into_once_a_save(project: Project):
    """Only a save since the last analysis is a reason to analyse again, and each save is one reason."""
    known = analysis()
    assert not project.reanalysis.again(known, project.differs.append)
    project.reanalysis.saved()
    assert project.reanalysis.again(known, project.differs.append)
    assert project.started[-1][0] is known.project
    assert not project.reanalysis.again(known, project.differs.append)
    project.reanalysis.saved()
    assert project.reanalysis.again(known, project.differs.append)


def test_an_analysis_that_was_asked_for_is_fresh(project: Project):
    """After an analysis that was made since the save, there is no reason for another one."""
    project.reanalysis.saved()
    project.reanalysis.analyse(None, project.results.append)
    assert not project.reanalysis.again(analysis(), project.differs.append)


def test_a_project_that_is_not_known_is_not_compared(project: Project):
    """Without an earlier analysis there is nothing to compare with."""
    project.reanalysis.saved()
    assert not project.reanalysis.again(None, project.differs.append)
    assert project.started == []


def test_a_failure_is_reported_if_no_thread_can_look_again(project: Project):
    """If no thread is free, the failure is reported without another analysis; the next one is looked into."""
    project.reanalysis.saved()
    project.startable = False
    assert not project.reanalysis.again(analysis(), project.differs.append)
    project.startable = True
    assert project.reanalysis.again(analysis(), project.differs.append)


@pytest.mark.parametrize("result", [analysis(), ERROR])
def test_the_same_project_differs_in_nothing(project: Project, result: object):
    """An equal analysis, or one that fails, does not explain the failure; nothing of it is kept."""
    project.reanalysis.saved()
    project.reanalysis.again(analysis(), project.differs.append)
    project.ends(result)
    assert project.differs == [False]
    project.reanalysis.analyse(None, project.results.append)
    assert len(project.started) == 2


def test_another_project_is_not_analysed_twice(project: Project):
    """The analysis that differs is the result of the request that follows from it, later in the loop."""
    other = analysis("DEBUG=1")

    def differs(does: bool) -> None:
        project.differs.append(does)
        project.reanalysis.analyse(None, project.results.append)
        assert project.results == [], "never before the call returns"

    project.reanalysis.saved()
    project.reanalysis.again(analysis(), differs)
    project.ends(other)
    project.loop.advance()
    assert (project.differs, project.results, len(project.started)) == ([True], [other], 1)
    project.reanalysis.analyse(None, project.results.append)
    assert len(project.started) == 2


def test_an_analysis_that_nobody_takes_is_dropped(project: Project):
    """If no request follows, the next request is a new analysis: the files may have changed."""
    project.reanalysis.saved()
    project.reanalysis.again(analysis(), project.differs.append)
    project.ends(analysis("DEBUG=1"))
    project.reanalysis.analyse(None, project.results.append)
    assert (project.differs, len(project.started)) == ([True], 2)
