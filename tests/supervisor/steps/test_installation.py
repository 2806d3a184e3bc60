"""The installer as a child, with fake processes: what its lines and its end mean."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.supervisor import lifecycle_events
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.steps.installation import GRACE_S, Installation
from tests.supervisor.fakes import FakeChildren, FakeLog, handle

PLAN: Any = SimpleNamespace(source="requirements.txt", environment=Path("/env/a"), application="")


class Project:
    """One project's installer, and the lifecycle's events about it."""

    def __init__(self) -> None:
        self.children, self.log = FakeChildren(), FakeLog()
        self.events: list[lifecycle_events.Event] = []
        self.commands: list[list[str]] = []
        parts: Any = (self.children, ["--offline"], {}, Path("/project"))
        log: Any = self.log
        page: Any = SimpleNamespace(installs=lambda _: None, expect_install=lambda _: None, output=lambda *_: None)
        self.installation = Installation(*parts, log=log, on_event=self.events.append, page=page, spawn=self.spawn)
        self.children.ended = self.installation.ended

    def spawn(self, argv: list[str], *, job: int, **_: object) -> Handle:
        """As the supervisor's."""
        self.commands.append(argv)
        child = handle("installer")
        child.generation = job
        return child

    def ends(self, status: int, *report: bytes) -> None:
        """The installer writes its report, and ends."""
        for line in report:
            self.installation.line("stdout", line)
        self.children.end(self.children.alive[-1], status)


@pytest.fixture
def project() -> Project:
    """A project whose installer is the test's."""
    return Project()


def test_an_installation_reports_its_end(project: Project):
    """An installer that ends well is reported with its job, and the log holds its progress."""
    project.installation.start(3, PLAN)
    project.installation.line("stderr", b"Resolved 4 packages")
    project.ends(0)
    assert (project.commands, project.events) == ([["--offline"]], [lifecycle_events.Installed(3)])
    assert project.log.named("install.output") == [{"text": "Resolved 4 packages"}]


def test_the_application_that_is_known(project: Project):
    """The installer is given the application, which a broken file may hide from it."""
    project.installation.start(1, SimpleNamespace(**{**vars(PLAN), "application": "app.py"}))  # type: ignore[arg-type]
    assert project.commands == [["--offline", "--near=app.py"]]


def test_another_environment_than_was_planned(project: Project):
    """An installer that has made another environment has the project analysed again; twice the same is accepted."""
    for expected in (lifecycle_events.ProjectChanged(), lifecycle_events.Installed(1)):
        project.installation.start(1, PLAN)
        project.ends(0, b'{"environment": "/env/b"}')
        assert project.events[-1] == expected


@pytest.mark.parametrize(
    ("report", "event"),
    [
        (b'{"event": "install.failed", "found": "no such package"}', "install.failed"),
        (b'{"event": "interpreter.missing", "found": "no Python 3.7"}', "interpreter.missing"),
    ],
)
def test_a_failure_is_reported_as_the_installer_says(project: Project, report: bytes, event: str):
    """A failed installation is one event with the installer's own words, and a page."""
    project.installation.start(1, PLAN)
    project.ends(5, report)
    (logged,) = project.log.named(event)
    assert logged["found"].startswith("no ")
    assert isinstance(project.events[0], lifecycle_events.InstallFailed)


def test_an_installer_that_says_nothing(project: Project):
    """An installer that ends without a valid report fails with three parts too."""
    for line in (b"", b"[1, 2]", b"no JSON"):
        project.installation.start(1, PLAN)
        project.ends(-9, line)
    logged = project.log.named("install.failed")
    assert [all(each[part] for part in ("found", "expected", "action")) for each in logged] == [True] * 3


def test_what_the_installer_adapted(project: Project):
    """What the installer has adapted is a warning, and not its report."""
    project.installation.start(1, PLAN)
    project.ends(0, b'{"event": "install.adapted", "reason": "no wheel"}')
    assert project.log.named("install.adapted") == [{"reason": "no wheel"}]
    assert project.events == [lifecycle_events.Installed(1)]


def test_an_installation_that_is_given_up(project: Project):
    """Another installation, or a cancel, ends the one before, whose end is not reported."""
    project.installation.start(1, PLAN)
    first = project.children.alive[0]
    project.installation.start(2, PLAN)
    project.children.end(first, -15)
    assert (project.children.retired, project.events) == ([(first, GRACE_S)], [])
    project.installation.cancel()
    project.ends(-15)
    assert project.events == []


@pytest.mark.parametrize(
    ("message", "package"), [("No module named 'imp'", "zombie-imp"), ("No module named 'flask'", "")]
)
def test_what_has_left_python(
    project: Project, monkeypatch: pytest.MonkeyPatch, message: str, package: str
):  # fmt: skip
    """An import that fails for a module that has left Python has that installed; any other has not."""
    wanted: list[str] = []

    def supply(_plan: object, requirement: str) -> bool:
        wanted.append(requirement)
        return True

    monkeypatch.setattr("appliance.supervisor.steps.installation.supply", supply)
    assert project.installation.supply(PLAN, {"message": message}) is bool(package)
    assert wanted == ([package] if package else [])
    assert [each["package"] for each in project.log.named("install.extended")] == wanted
