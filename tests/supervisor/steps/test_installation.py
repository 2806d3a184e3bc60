"""The installer as a child, with fake processes: what its lines and its end mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from appliance.conventions import SETUPTOOLS
from appliance.environment.install_progress import keep_duration, last_duration_s
from appliance.logs.project_output.output_lines import OutputLine
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.steps.installation import GRACE_S, Installation
from tests.supervisor.fakes import FakeChildren, FakeLog, Holding, handle

PLAN: Any = SimpleNamespace(source="requirements.txt", environment=Path("/env/a"), application="")


class Project:
    """One project's installer, and the lifecycle's events about it."""

    def __init__(self) -> None:
        self.children, self.log = FakeChildren(), FakeLog()
        self.events: list[lifecycle_events.Event] = []
        self.commands: list[list[str]] = []
        self.expected: list[float] = []
        self.progress: list[dict[str, Any]] = []
        self.shown: list[tuple[Phase, list[bytes]]] = []
        self.started: list[dict[str, Any]] = []
        parts: Any = (self.children, ["--offline"], {"HOME": "/root"}, Path("/project"))
        log: Any = self.log
        page: Any = SimpleNamespace(
            installs=self.progress.append, expect_install=self.expected.append,
            output=lambda phase, texts: self.shown.append((phase, list(texts))),
        )  # fmt: skip
        self.installation = Installation(
            *parts, log=log, on_event=self.events.append, page=page, spawn=self.spawn, hold=self._hold
        )
        self.holding: Holding | None = None
        self.children.ended = self.installation.ended

    def _hold(self, what: str, again: Callable[[], None]) -> bool:
        return self.holding is not None and self.holding(what, again)

    def spawn(self, argv: list[str], *, job: int, **options: object) -> Handle:
        """As the supervisor's."""
        self.commands.append(argv)
        self.started.append({"job": job, **options})
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


def test_the_installer_runs_beside_the_project(project: Project):
    """The installer has the appliance's own environment and the project's folder, and the log says what it reads."""
    project.installation.start(3, PLAN)
    assert project.started == [{"job": 3, "environment": {"HOME": "/root"}, "folder": Path("/project")}]
    assert project.log.events == [("info", "install.started", {"source": "requirements.txt"})]
    assert project.expected == [0.0]


def test_the_installer_finds_out_by_itself_without_a_plan(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """Without a plan the installer finds out by itself what to install, and its time is kept nowhere."""
    monkeypatch.chdir(tmp_path)
    project.installation.start(3, None)
    project.ends(0)
    assert project.commands == [["--offline"]]
    assert (project.log.named("install.started"), project.expected) == ([{"source": ""}], [0.0])
    assert project.events == [lifecycle_events.Installed(3)]
    assert list(tmp_path.iterdir()) == []


def test_the_next_installation_is_expected_to_last_as_long(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The time of an installation that ends well is logged and kept, and shown on the page of the next one."""
    plan: Any = SimpleNamespace(source="requirements.txt", environment=tmp_path / "a", application="")
    keep_duration(tmp_path, Path("/project"), 1.5)
    project.installation.start(1, plan)
    child = project.children.alive[0]
    monkeypatch.setattr(time, "monotonic", lambda: child.started + 4.56789)
    project.ends(0)
    assert project.log.events[-1] == ("info", "install.finished", {"duration_s": 4.568})
    assert project.expected == [1.5]
    assert last_duration_s(tmp_path, Path("/project")) == 4.6
    project.installation.start(2, plan)
    project.ends(1)
    assert last_duration_s(tmp_path, Path("/project")) == 4.6, "one that fails says nothing of the next"


def test_progress_is_shown_and_not_logged(project: Project):
    """The installer's progress goes to the page of the step, its lines to the page and the log, line by line."""
    project.installation.start(1, PLAN)
    project.installation.lines("stdout", [OutputLine(b'{"event": "install.progress", "step": "resolving"}')])
    project.installation.lines("stderr", [OutputLine(b"Resolved 4 packages"), OutputLine(b"\xff")])
    assert project.progress == [{"event": "install.progress", "step": "resolving"}]
    assert project.shown == [(Phase.INSTALLING, [b"Resolved 4 packages", b"\xff"])]
    assert [event for event in project.log.events if event[1] != "install.started"] == [
        ("info", "install.output", {"text": "Resolved 4 packages"}),
        ("info", "install.output", {"text": "\ufffd"}),
    ]
    project.ends(0)
    assert project.events == [lifecycle_events.Installed(1)], "progress is no report"


def test_a_line_without_a_report_is_output(project: Project):
    """Lines that the installer prints to standard output without a report are logged as its output."""
    project.installation.start(1, PLAN)
    for text in (b"no JSON", b"[1, 2]"):
        project.installation.line("stdout", text)
    assert project.log.named("install.output") == [{"text": "no JSON"}, {"text": "[1, 2]"}]
    project.installation.line("stderr", b'{"event": "install.progress"}')
    assert project.progress == []


def test_a_report_counts_for_its_installation(project: Project):
    """The report of one installation is not the reason of the next one's failure."""
    project.installation.start(1, PLAN)
    project.ends(5, b'{"event": "install.failed", "found": "no such package"}')
    project.installation.start(2, PLAN)
    project.ends(5)
    assert [each["found"] for each in project.log.named("install.failed")] == [
        "no such package",
        "the installer ended without a reason",
    ]


def test_the_installer_is_given_the_known_application(project: Project):
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
    level, name, logged = project.log.events[-1]
    assert (level, name) == ("error", event)
    assert logged["found"].startswith("no ")
    (failed,) = project.events
    assert isinstance(failed, lifecycle_events.InstallFailed)
    assert (failed.job, failed.page["error"]) == (1, event)


def test_the_details_of_a_failure_are_kept(project: Project):
    """The log has every detail of the installer's report, and the page its output, its place and its remedies."""
    project.installation.start(7, PLAN)
    need = {"kind": "run-again", "step": "installation"}
    report = {
        "event": "install.failed", "found": "no such package", "expected": "one", "action": "Correct the name.",
        "output": ["one", "two"], "file": "/project/requirements.txt", "line": 3, "needs": [need],
    }  # fmt: skip
    project.ends(5, orjson.dumps(report))
    (logged,) = project.log.named("install.failed")
    assert logged == {key: value for key, value in report.items() if key not in {"event", "needs"}}
    (failed,) = project.events
    assert isinstance(failed, lifecycle_events.InstallFailed)
    assert (failed.page["details"], failed.page["line"], failed.page["remedies"]) == ("one\ntwo", 3, [need])
    project.installation.start(8, PLAN)
    project.ends(5, b'{"found": "no such package", "output": "one text"}')
    assert project.log.named("install.failed")[-1]["output"] == "one text"


def test_an_installer_that_says_nothing_fails_in_three_parts(project: Project):
    """An installer that ends without a valid report fails with three parts too."""
    for line in (b"", b"[1, 2]", b"no JSON"):
        project.installation.start(1, PLAN)
        project.ends(-9, line)
    logged = project.log.named("install.failed")
    assert [all(each[part] for part in ("found", "expected", "action")) for each in logged] == [True] * 3


@pytest.mark.parametrize(
    "report",
    [
        b'{"found": 5, "expected": null, "action": []}',
        b'{"self": 1, "level": "x", "role": 1, "generation": [], "at": "now", "findings": 3, "event": {}}',
        b'{"output": 5, "file": 5, "line": "x", "needs": 5}',
        b'{"output": [5]}',
    ],
)
def test_a_report_that_a_build_has_written(project: Project, report: bytes):
    """The failure of any report is one event with three texts and a page: no phase lasts forever."""
    project.installation.start(4, PLAN)
    project.ends(5, report)
    (logged,) = project.log.named("install.failed")
    assert all(isinstance(logged[part], str) for part in ("found", "expected", "action"))
    (event,) = project.events
    assert isinstance(event, lifecycle_events.InstallFailed)
    assert (event.job, event.page["details"], event.page["remedies"]) == (4, "", [])


def test_an_adaption_of_the_installer_is_a_warning(project: Project):
    """An adaptation by the installer is a warning, and not its report."""
    project.installation.start(1, PLAN)
    project.ends(0, b'{"event": "install.adapted", "reason": "no wheel"}')
    assert project.log.named("install.adapted") == [{"reason": "no wheel"}]
    assert project.events == [lifecycle_events.Installed(1)]


def test_the_end_of_a_cancelled_installation_is_not_reported(project: Project):
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
    ("message", "package", "requirement"),
    [
        ("No module named 'imp'", "zombie-imp", "zombie-imp"),
        ("No module named 'pkg_resources'", "setuptools", SETUPTOOLS),
        ("No module named 'flask'", "", ""),
    ],
)
def test_a_module_that_has_left_python_is_installed(
    project: Project, monkeypatch: pytest.MonkeyPatch, message: str, package: str, requirement: str
):  # fmt: skip
    """An import that fails for a module that has left Python has that installed; any other has not."""
    wanted: list[str] = []

    def add_extra(_plan: object, requirement: str) -> bool:
        wanted.append(requirement)
        return True

    monkeypatch.setattr("appliance.supervisor.steps.installation.add_extra", add_extra)
    assert project.installation.add_backport(PLAN, {"message": message}) is bool(package)
    assert wanted == ([requirement] if package else [])
    event = ("warning", "install.extended", {"package": package, "reason": message})
    assert project.log.events == ([event] if package else [])


@pytest.mark.parametrize("again", [True, False])
def test_a_failed_installation_waits_while_files_arrive(project: Project, again: bool):
    """An installation from half of a file is reported only if no more files come that start another one."""
    project.holding = Holding()
    project.installation.start(1, PLAN)
    project.ends(1, b'{"found": "x", "expected": "y", "action": "z"}')
    assert (project.events, project.log.named("install.failed")) == ([], [])
    if again:
        project.installation.start(2, PLAN)
    project.holding.release()
    assert len(project.events) == len(project.log.named("install.failed")) == (not again)
