"""BEFORE_START's commands, with fake shells: what is run, as which user, and what is reported of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.logs.project_output.output_lines import OutputLine
from appliance.supervisor import lifecycle_events
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.steps import before_start_states as states
from appliance.supervisor.steps.before_start import GRACE_S, BeforeStart
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, Holding, handle, no_process


class Project:
    """One project's commands, and the lifecycle's events about them."""

    def __init__(self) -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        self.events: list[lifecycle_events.Event] = []
        self.not_started: list[lifecycle_events.Action] = []
        self.runs: list[tuple[Handle, list[str]]] = []
        self.started: list[dict[str, Any]] = []
        self.startable = True
        lifecycle = SimpleNamespace(
            on_event=self.events.append, action_failed=lambda action, _: self.not_started.append(action)
        )
        parts: Any = (self.loop, self.children, self.log, lifecycle)
        self.before_start = BeforeStart(*parts, spawn=self.spawn, hold=self._hold)
        self.holding: Holding | None = None
        self.children.ended = self.before_start.ended

    def _hold(self, what: str, again: Callable[[], None]) -> bool:
        return self.holding is not None and self.holding(what, again)

    def spawn(self, role: str, generation: int, argv: list[str], **options: object) -> Handle:
        """As the supervisor's."""
        if not self.startable:
            raise no_process()
        self.started.append({"role": role, "job": generation, **options})
        self.runs.append((handle(role), argv))
        return self.runs[-1][0]

    @property
    def newest(self) -> Handle:
        """The shell that was started last."""
        return self.runs[-1][0]


def analysis(commands: str = "python manage.py migrate", fingerprint: str = "f", **variables: str) -> Any:
    """Return the analysis of a project that has these commands."""
    plan = SimpleNamespace(fingerprint=fingerprint)
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
    assert project.log.events == [("info", "preparation.started", {"commands": "a\nb; c && d"})]
    project.children.end(project.newest)
    assert project.events == [lifecycle_events.Prepared(1)]
    assert project.before_start.is_done(analysis("a\nb; c && d"))


def test_the_commands_run_where_the_project_runs(project: Project):
    """The shell has the project's folder and the variables of its environment, and no channel to us."""
    project.before_start.start(4, analysis(DATABASE_URL="sqlite://"))
    assert project.started == [
        {
            "role": "preparation", "job": 4, "environment": {"DATABASE_URL": "sqlite://"},
            "folder": Path("/project"), "channel": False,
        }
    ]  # fmt: skip


def test_the_log_says_how_long_a_run_took(project: Project, monkeypatch: pytest.MonkeyPatch):
    """A run that ends well is logged with its duration in seconds, to the millisecond."""
    project.before_start.start(1, analysis())
    monkeypatch.setattr(time, "monotonic", lambda: project.newest.started + 1.23456)
    project.children.end(project.newest)
    assert project.log.events[-1] == ("info", "preparation.finished", {"duration_s": 1.235})


def test_a_project_without_commands_is_done():
    """A project without commands has none left to run."""
    assert Project().before_start.is_done(analysis(""))


@pytest.mark.parametrize(
    "other",
    [
        analysis("flask db upgrade"),
        analysis(DATABASE_URL="sqlite://"),
        analysis(A="1", B="2"),
        analysis(fingerprint="another environment"),
    ],
)
def test_other_inputs_are_not_done(project: Project, other: Any):
    """Other commands, variables or packages are run again; what ran before is done only with its own inputs."""
    project.before_start.start(1, analysis())
    project.children.end(project.newest)
    assert project.before_start.is_done(analysis())
    assert not project.before_start.is_done(other)


def test_the_inputs_tell_variables_apart(project: Project):
    """The order of variables does not count; a name is told apart from a value, and any bytes are allowed."""
    project.before_start.start(1, analysis(A="1", B="\udcff"))
    project.children.end(project.newest)
    assert project.before_start.is_done(analysis(B="\udcff", A="1"))
    for other in (analysis(A="1", B="\udcfe"), analysis(A="1B=\udcff"), analysis("python manage.py migrateA=1", B="")):
        assert not project.before_start.is_done(other)


def test_a_run_that_fails_is_reported_with_its_last_output(project: Project):
    """A run that fails is reported with the end of its output, and is not done."""
    project.before_start.start(1, analysis())
    project.before_start.output_lines([OutputLine(b"no such table\nauth_user")])
    project.children.end(project.newest, 3)
    (event,) = project.events
    assert isinstance(event, lifecycle_events.PreparationFailed)
    assert (event.job, "exit status 3" in str(event.page)) == (1, True)
    level, name, logged = project.log.events[-1]
    assert (level, name, logged["output"]) == ("error", "preparation.failed", ["no such table", "auth_user"])
    assert all(logged[part] for part in ("found", "expected", "action"))
    assert event.page["remedies"] == [{"kind": "run-again", "step": "commands"}]
    assert not project.before_start.is_done(analysis())


def test_a_failure_shows_the_end_of_its_own_output(project: Project):
    """The page of a failure has the last lines of this run, whatever their bytes, and none of an earlier run."""
    project.before_start.start(1, analysis())
    project.before_start.output_lines([OutputLine(b"of the first run")])
    project.children.end(project.newest, 1)
    project.before_start.start(2, analysis())
    project.before_start.output_lines([OutputLine(b"%d" % number) for number in range(100)])
    project.before_start.output_lines([OutputLine(b"\xff")])
    project.children.end(project.newest, 1)
    shown = project.log.named("preparation.failed")[-1]["output"]
    assert shown == [*map(str, range(61, 100)), "\ufffd"]


def test_a_run_waits_for_what_the_first_has_started(project: Project, monkeypatch: pytest.MonkeyPatch):
    """A run begins once no process of an earlier run's group is left, though its shell has ended; none runs twice."""
    groups = {True}
    monkeypatch.setattr(Handle, "has_group", lambda _: bool(groups))
    project.before_start.start(1, analysis())
    first = project.newest
    project.before_start.start(2, analysis("flask db upgrade"))
    project.children.end(first, -15)
    project.loop.advance(1.0)
    assert project.log.named("preparation.waiting") == [{"pid": first.pid}]
    assert len(project.runs) == 1
    groups.clear()
    project.loop.advance(1.0)
    assert [argv[-1] for _, argv in project.runs[1:]] == ["flask db upgrade"]


def test_another_child_of_the_role_changes_nothing(project: Project):
    """Only the end of the shell that runs counts: the end of another child does not end the run."""
    project.before_start.start(1, analysis())
    project.before_start.ended(handle("preparation"))
    assert project.events == []
    project.children.end(project.newest)
    assert project.events == [lifecycle_events.Prepared(1)]


def test_the_commands_need_a_project():
    """A run before the project is known is refused by an error."""
    with pytest.raises(RuntimeError, match="before the project is known"):
        Project().before_start._run(states.Run(1))


def test_a_run_for_other_inputs_ends_the_first(project: Project):
    """A run with other inputs has the first one end, and begins once that has; the wait is logged once."""
    project.before_start.start(1, analysis())
    first = project.newest
    project.before_start.start(2, analysis("flask db upgrade"))
    assert project.children.retired == [(first, GRACE_S)]
    project.loop.advance(0.1)
    assert [run for run, _ in project.runs] == [first]
    assert [event for event in project.log.events if event[1] == "preparation.waiting"] == [
        ("info", "preparation.waiting", {"pid": first.pid})
    ]
    project.children.end(first, -15)
    project.loop.advance(0.1)
    assert project.runs[-1][1][-1] == "flask db upgrade"
    project.children.end(project.newest)
    assert project.events == [lifecycle_events.Prepared(2)]


def test_the_newest_run_begins_once_after_many_changes(project: Project):
    """However often the inputs change while a run is being ended, the newest run begins, once."""
    project.before_start.start(1, analysis())
    first = project.newest
    for job in range(2, 12):
        project.before_start.start(job, analysis(f"step {job}"))
    project.children.end(first, -15)
    project.loop.advance(1.0)
    assert [argv[-1] for _, argv in project.runs[1:]] == ["step 11"]


def test_the_end_of_a_cancelled_run_is_not_reported(project: Project):
    """A cancelled run is asked to end, and its end is not reported; one that waits never begins."""
    project.before_start.start(1, analysis())
    project.before_start.cancel()
    project.children.end(project.newest)
    project.before_start.start(2, analysis("flask db upgrade"))
    project.children.end(project.newest, -15)
    assert [type(event) for event in project.events] == [lifecycle_events.PreparationFailed]
    assert not project.before_start.is_done(analysis())


def test_a_run_that_cannot_be_started_fails_and_can_be_tried_again(project: Project):
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


def test_files_that_the_commands_write_were_not_saved_by_a_person(project: Project, tmp_path: Path):
    """Files written while the commands ran were not saved by a person; others, and files that are gone, may have."""
    file = tmp_path / "schema.py"
    file.touch()
    project.before_start.start(1, analysis())
    project.children.end(project.newest, 1)
    assert project.before_start.wrote([file])
    os.utime(file, (time.time() + 60, time.time() + 60))
    assert not project.before_start.wrote([file])
    assert not project.before_start.wrote([tmp_path / "gone.py"])


def test_without_a_run_no_file_is_the_commands(project: Project, tmp_path: Path):
    """A file is a save before any command has run, also with the time 0 that archives give to their files."""
    file = tmp_path / "wsgi.py"
    file.touch()
    os.utime(file, (0, 0))
    assert not project.before_start.wrote([file])


def test_a_file_counts_as_the_commands_from_a_tick_before_their_run(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file counts as the commands' from a tick of the kernel before the run's begin to its end; all files must."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    project.before_start.start(1, analysis())
    now[0] = 1010.0
    project.children.end(project.newest, 1)
    times = {999.9: False, 999.985: True, 1000.0: True, 1010.0: True, 1010.1: False}
    files = {at: tmp_path / f"{at}.py" for at in times}
    for at, file in files.items():
        file.touch()
        os.utime(file, (0, at))
    assert {at: project.before_start.wrote([file]) for at, file in files.items()} == times
    assert not project.before_start.wrote(files.values())
    now[0] = 1020.0
    project.before_start.start(2, analysis())
    now[0] = 1030.0
    project.children.end(project.newest, 1)
    assert not project.before_start.wrote([files[1010.0]]), "that was another run"


@pytest.mark.parametrize("again", [True, False])
def test_failed_commands_wait_while_files_arrive(project: Project, again: bool):
    """Commands that fail with half of the files are reported only if no more files come that run them again."""
    project.holding = Holding()
    project.before_start.start(1, analysis())
    project.children.end(project.newest, 1)
    assert (project.before_start.is_held, project.events) == (True, [])
    if again:
        project.before_start.start(2, analysis())
        assert not project.before_start.is_held
    project.holding.release()
    assert len(project.events) == len(project.log.named("preparation.failed")) == (not again)
