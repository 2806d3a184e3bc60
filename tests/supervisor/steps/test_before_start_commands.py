"""BEFORE_START's commands, with fake shells: what is run, as which user, and what is reported of it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.logs.project_output.output_lines import OutputLine
from appliance.supervisor import lifecycle_events
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.steps.before_start import GRACE_S, BeforeStart
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle, no_process


class Project:
    """One project's commands, and the lifecycle's events about them."""

    def __init__(self) -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        self.events: list[lifecycle_events.Event] = []
        self.not_started: list[lifecycle_events.Action] = []
        self.runs: list[tuple[Handle, list[str]]] = []
        self.startable = True
        failures = SimpleNamespace(performing=lambda action, _: self.not_started.append(action))
        parts: Any = (self.loop, self.children, self.log, self.events.append, failures)
        self.before_start = BeforeStart(*parts, spawn=self.spawn)
        self.children.ended = self.before_start.ended

    def spawn(self, role: str, generation: int, argv: list[str], **_: object) -> Handle:
        """As the supervisor's."""
        if not self.startable:
            raise no_process()
        self.runs.append((handle(role), argv))
        return self.runs[-1][0]

    @property
    def newest(self) -> Handle:
        """The shell that was started last."""
        return self.runs[-1][0]


def analysis(commands: str = "python manage.py migrate", **variables: str) -> Any:
    """What is known of a project that has these commands."""
    plan = SimpleNamespace(fingerprint="f")
    return SimpleNamespace(
        before_start=commands, variables=variables, plan=plan, project=SimpleNamespace(root=Path("/project"))
    )


@pytest.fixture
def project() -> Project:
    """A project whose shells are the test's."""
    return Project()


def test_the_commands_run_in_a_shell_that_stops_at_the_first_failure(project: Project):
    """The text is given to ``sh -e`` as it is, and success is reported to the lifecycle with the job."""
    project.before_start.start(1, analysis("a\nb; c && d"))
    assert project.runs[0][1] == ["/bin/sh", "-e", "-c", "a\nb; c && d"]
    project.children.end(project.newest)
    assert project.events == [lifecycle_events.Prepared(1)]
    assert project.before_start.is_done(analysis("a\nb; c && d"))


def test_a_project_without_commands_is_done():
    """A project without commands has none left to run."""
    assert Project().before_start.is_done(analysis(""))


@pytest.mark.parametrize(
    "other", [analysis("flask db upgrade"), analysis(DATABASE_URL="sqlite://"), analysis(A="1", B="2")]
)
def test_other_inputs_are_not_done(project: Project, other: Any):
    """Other commands or other variables are run again; what ran before is done only with its own inputs."""
    project.before_start.start(1, analysis())
    project.children.end(project.newest)
    assert project.before_start.is_done(analysis())
    assert not project.before_start.is_done(other)


def test_a_command_that_fails(project: Project):
    """A run that fails is reported with the end of its output, and is not done."""
    project.before_start.start(1, analysis())
    project.before_start.output_lines([OutputLine(b"no such table\nauth_user")])
    project.children.end(project.newest, 3)
    (event,) = project.events
    assert isinstance(event, lifecycle_events.PreparationFailed)
    assert (event.job, "exit status 3" in str(event.page)) == (1, True)
    (logged,) = project.log.named("preparation.failed")
    assert logged["output"] == ["no such table", "auth_user"]
    assert not project.before_start.is_done(analysis())


def test_a_run_for_other_inputs_ends_the_first(project: Project):
    """A run with other inputs has the first one end, and begins once that has; the wait is logged once."""
    project.before_start.start(1, analysis())
    first = project.newest
    project.before_start.start(2, analysis("flask db upgrade"))
    assert project.children.retired == [(first, GRACE_S)]
    project.loop.advance(0.1)
    assert [run for run, _ in project.runs] == [first]
    assert len(project.log.named("preparation.waiting")) == 1
    project.children.end(first, -15)
    project.loop.advance(0.1)
    assert project.runs[-1][1][-1] == "flask db upgrade"
    project.children.end(project.newest)
    assert project.events == [lifecycle_events.Prepared(2)]


def test_many_changes_while_it_waits(project: Project):
    """However often the inputs change while a run is being ended, the newest run begins, once."""
    project.before_start.start(1, analysis())
    first = project.newest
    for job in range(2, 12):
        project.before_start.start(job, analysis(f"step {job}"))
    project.children.end(first, -15)
    project.loop.advance(1.0)
    assert [argv[-1] for _, argv in project.runs[1:]] == ["step 11"]


def test_a_run_that_is_cancelled(project: Project):
    """A cancelled run is asked to end, and its end is not reported; one that waits never begins."""
    project.before_start.start(1, analysis())
    project.before_start.cancel()
    project.children.end(project.newest)
    project.before_start.start(2, analysis("flask db upgrade"))
    project.children.end(project.newest, -15)
    assert [type(event) for event in project.events] == [lifecycle_events.PreparationFailed]
    assert not project.before_start.is_done(analysis())


def test_no_process_for_the_commands(project: Project):
    """A run that can't be started fails the lifecycle's action, now or after a wait, and can be tried again."""
    project.startable = False
    project.before_start.start(1, analysis())
    assert project.not_started == [lifecycle_events.Prepare(1)]
    project.startable = True
    project.before_start.start(2, analysis())
    first = project.newest
    project.before_start.start(3, analysis("flask db upgrade"))
    project.startable = False
    project.children.end(first)
    project.loop.advance(0.1)
    assert project.not_started == [lifecycle_events.Prepare(1), lifecycle_events.Prepare(3)]
    assert project.events == []


def test_files_that_the_commands_write(project: Project, tmp_path: Path):
    """Files written while the commands ran were not saved by a person; others, and files that are gone, may have."""
    file = tmp_path / "schema.py"
    file.touch()
    project.before_start.start(1, analysis())
    project.children.end(project.newest, 1)
    assert project.before_start.wrote([file])
    os.utime(file, (time.time() + 60, time.time() + 60))
    assert not project.before_start.wrote([file])
    assert not project.before_start.wrote([tmp_path / "gone.py"])
