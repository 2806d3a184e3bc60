"""The companions of one project, with fake processes: what is started, with what, and how it is reported."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.supervisor.companions import remaining_processes
from appliance.supervisor.companions.companions import Companions
from appliance.supervisor.companions.marked_processes import MARK_VARIABLE
from appliance.supervisor.companions.process_files import Declared, Problem, Process
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle, no_process

ROOT = Path("/project")


class Project:
    """One project's companions, whose processes are the test's."""

    def __init__(self) -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        self.started: list[dict[str, Any]] = []
        self.startable = True
        self.gone = 0
        settings = SimpleNamespace(grace_s=7.0)
        runtime: Any = SimpleNamespace(
            loop=self.loop, children=self.children, log=self.log, settings=settings, process={"A": "appliance's"}
        )
        self.companions = Companions(runtime, self.note_gone, spawn=self.spawn)
        self.children.ended = self.ended

    def note_gone(self) -> None:
        self.gone += 1

    def ended(self, child: Handle) -> None:
        end = self.companions.guard_ended if child.role is Role.GUARD else self.companions.ended
        end(child)

    def spawn(self, role: str, _generation: int, argv: list[str], **options: Any) -> Handle:
        """As the supervisor's."""
        if not self.startable:
            raise no_process()
        child = handle(role)
        child.name = options["options"].name
        self.started.append({"role": role, "argv": argv, "child": child, **options})
        return child

    def boot(self, *processes: Process, **given: Any) -> None:
        """A worker is being started, with this analysis."""
        variables = given.pop("variables", {"A": "project's"})
        analysis: Any = SimpleNamespace(
            companions=Declared(processes, **given), project=SimpleNamespace(root=ROOT), variables=variables
        )
        self.companions.booting(analysis)

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Every start of this companion."""
        return [each for each in self.started if each["child"].name == name]

    def newest(self, name: str) -> Handle:
        """The process that was started last for it."""
        child: Handle = self.runs(name)[-1]["child"]
        return child

    def end(self, name: str, returncode: int = -15) -> None:
        """End the companion's process."""
        self.children.end(self.newest(name), returncode)
        self.loop.advance()


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project without real processes."""
    monkeypatch.setattr(remaining_processes, "end_marked", lambda *_, **__: False)
    monkeypatch.setattr(Handle, "has_group", lambda _: False)
    return Project()


def test_a_companion_runs_as_the_project_does(project: Project):
    """A companion is a shell's command in its folder, with the project's variables, its own, and its mark."""
    project.boot(Process("css", "npx tailwindcss", "frontend", {"B": "own", "A": "own too"}))
    (start,) = project.runs("css")
    assert (start["role"], start["argv"]) == ("companion", ["/bin/sh", "-c", "exec npx tailwindcss"])
    assert (start["folder"], start["channel"]) == (ROOT / "frontend", False)
    mark = start["environment"].pop(MARK_VARIABLE)
    assert mark.endswith("/css/")
    assert start["environment"] == {"A": "own too", "B": "own", "PYTHONUNBUFFERED": "1"}
    assert start["options"].open_input
    assert start["options"].ends_alone
    assert project.log.secret_variables == {"A": "own too", "B": "own"}
    (event,) = project.log.named("companion.started")
    assert event == {"companion": "css", "pid": start["child"].pid, "command": "npx tailwindcss"}


def test_the_same_analysis_changes_nothing(project: Project):
    """A start of a worker without another analysis, or with the same declarations, starts no companion again."""
    process = Process("a", "one")
    project.boot(process)
    project.boot(process, variables={"A": "project's"})
    assert len(project.runs("a")) == 1
    assert project.children.retired == []


@pytest.mark.parametrize(
    ("other", "variables"),
    [
        (Process("a", "two"), {}),
        (Process("a", "one", "folder"), {}),
        (Process("a", "one", "", {"X": "1"}), {}),
        (Process("a", "one"), {"A": "2"}),
    ],
)
def test_other_inputs_start_it_again(project: Project, other: Process, variables: dict[str, str]):
    """Another command, folder or variable ends the companion, and starts it again when it is gone."""
    project.boot(Process("a", "one"), variables={})
    project.boot(other, variables=variables)
    assert project.children.retired[0] == (project.runs("a")[0]["child"], 7.0)
    assert len(project.runs("a")) == 1
    project.end("a")
    assert len(project.runs("a")) == 2
    assert project.gone == 0


def test_following_the_code_does_not_change_the_fingerprint(project: Project):
    """A companion that follows the code from now on is not started again for that."""
    project.boot(Process("a", "one"))
    project.boot(Process("a", "one", reload=True))
    assert project.children.retired == []
    project.companions.saved()
    project.companions.serving()
    assert len(project.children.retired) == 1


def test_what_follows_the_code_waits_for_it_to_serve(project: Project):
    """A save restarts those that follow the code once a worker serves, once for each save, and no others."""
    project.boot(Process("follows", "x", reload=True), Process("stays", "y"))
    project.companions.serving()
    assert project.children.retired == []
    project.companions.saved()
    assert project.children.retired == []
    project.companions.serving()
    assert [child.name for child, _ in project.children.retired] == ["follows"]
    project.end("follows")
    project.companions.serving()
    assert len(project.children.retired) == 1
    assert len(project.runs("follows")) == 2


def test_a_start_since_the_save_is_enough(project: Project):
    """A companion that was started after the save has the new code already."""
    project.companions.saved()
    project.boot(Process("a", "x", reload=True))
    project.companions.serving()
    assert project.children.retired == []


def test_saves_while_it_ends_are_one_start(project: Project):
    """However often is saved while a companion ends, the next run is one."""
    project.boot(Process("a", "x", reload=True))
    for _ in range(5):
        project.companions.saved()
        project.companions.serving()
    assert len(project.children.retired) == 1
    project.end("a")
    project.loop.advance(60)
    assert len(project.runs("a")) == 2


def test_the_next_run_waits_for_the_rest(project: Project, monkeypatch: pytest.MonkeyPatch):
    """The next run starts once no process of the last is left, in its group or elsewhere; the rest is ended."""
    signals: list[int] = []
    left = {True}

    def end_marked(_mark: str, number: int, *, below: int) -> bool:
        signals.append(number)
        return bool(left)

    monkeypatch.setattr(remaining_processes, "end_marked", end_marked)
    project.boot(Process("a", "x"))
    project.end("a", 1)
    project.loop.advance(0.2)
    assert (signals[0], set(signals[1:])) == (15, {0})
    assert len(project.runs("a")) == 1
    left.clear()
    project.loop.advance(0.2)
    assert len(project.runs("a")) == 2


def test_what_does_not_end_is_killed(project: Project, monkeypatch: pytest.MonkeyPatch):
    """A process that is left a second after the companion has ended is killed."""
    signals: list[int] = []

    def end_marked(_mark: str, number: int, *, below: int) -> bool:
        signals.append(number)
        return True

    monkeypatch.setattr(remaining_processes, "end_marked", end_marked)
    project.boot(Process("a", "x"))
    project.end("a", 1)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2)
    project.loop.advance(0.2)
    assert signals[-1] == 9


def test_a_removed_companion_is_gone(project: Project):
    """A companion that is no longer declared is ended, and reported once it is gone; the guard goes on."""
    project.boot(Process("a", "x"), Process("b", "y"))
    project.boot(Process("a", "x"))
    assert [child.name for child, _ in project.children.retired] == ["b"]
    assert project.companions.living()
    project.end("b")
    assert project.gone == 1
    assert [each["name"] for each in project.companions.status()] == ["a"]
    assert project.log.named("companion.ended")[0]["how"] == "killed by SIGTERM"


def test_a_stop_ends_them_all(project: Project):
    """A stop ends each companion and the guard, and starts nothing more, also what waits for its next start."""
    project.boot(Process("a", "x"), Process("fails", "y"))
    project.end("fails", 1)
    project.companions.close()
    assert {child.role for child, _ in project.children.retired} == {"companion", "guard"}
    project.end("a")
    project.loop.advance(60)
    project.boot(Process("a", "x"))
    assert (len(project.runs("a")), len(project.runs("fails"))) == (1, 1)
    assert not project.companions.living()


def test_failures_loops_and_missing_programs_are_logged_once(project: Project):
    """The log tells once of a first failure, once of a crash loop and once of a missing program, each with help."""
    project.boot(Process("fails", "x"), Process("missing", "y"))
    for _ in range(30):
        project.end("missing", 127)
        project.end("fails", 3)
        project.loop.advance(31)
    assert [each["companion"] for each in project.log.named("companion.missing")] == ["missing"]
    (failed,), (crashing,) = project.log.named("companion.failed"), project.log.named("companion.crashing")
    assert (failed["how"], failed["after_s"], crashing["count"]) == ("exit status 3", 0.05, 5)
    for each in (failed, crashing, *project.log.named("companion.missing")):
        assert each["action"]
    levels = [level for level, name, fields in project.log.events if name == "companion.started"]
    assert levels == ["info", "info", *["debug"] * 60]


def test_a_companion_that_cannot_be_started_is_reported_and_tried_again(project: Project):
    """A companion that can't be started is reported with the reason and what to do, and tried again."""
    project.startable = False
    project.boot(Process("a", "x"))
    (failed,) = project.log.named("companion.failed")
    assert (failed["how"], failed["action"]) == ("no process", "wait")
    project.startable = True
    project.loop.advance(0.1)
    assert len(project.runs("a")) == 1
    assert project.companions.status()[0]["state"] == "running"


def test_a_folder_that_is_missing_is_named_by_its_key(project: Project):
    """A companion whose folder does not exist is told about its key, not about the project's folder."""
    project.startable = False
    project.boot(Process("a", "x", cwd="frontend"))
    assert "cwd" in project.log.named("companion.failed")[0]["action"]


def test_the_status_has_each_companions_state_and_last_end(project: Project):
    """The status has the state, the process, the number of restarts and the last end of each."""
    project.boot(Process("a", "x", reload=True), Process("once", "y"))
    project.end("a", 3)
    project.end("once", 0)
    project.loop.advance(0.1)
    first, second = project.companions.status()
    assert first.pop("since_s") >= 0
    assert first == {
        "name": "a", "state": "running", "pid": project.newest("a").pid, "restarts": 1,
        "last_exit": "exit status 3", "command": "x", "reload": True,
    }  # fmt: skip
    assert (second["state"], second["pid"], second["restarts"]) == ("finished", None, 0)


def test_problems_are_reported_once(project: Project):
    """A new problem is reported, the first of each file with their number; so is an entry that is not run."""
    problems = (Problem("Procfile.dev", "first", "do", 2), Problem("Procfile.dev", "second", "do", 3))
    served = (("web", "flask run"),)
    for _ in range(2):
        project.boot(problems=problems, served=served)
    (told,) = project.log.named("companion.unread")
    assert told == {"file": "Procfile.dev", "line": 2, "reason": "first", "count": 2, "action": "do"}
    assert [each["command"] for each in project.log.named("companion.skipped")] == ["flask run"]
    project.boot(problems=(*problems, Problem("pyproject.toml", "third", "do")))
    assert [each["reason"] for each in project.log.named("companion.unread")] == ["first", "third"]


def test_one_guard_is_started_for_all_companions(project: Project):
    """The first companion starts a guard with the appliance's variables; a guard that has ended is started again."""
    project.boot()
    assert project.started == []
    project.boot(Process("a", "x"), Process("b", "y"))
    (guard,) = [each for each in project.started if each["role"] == "guard"]
    assert guard["environment"] == {"A": "appliance's"}
    assert guard["options"].outlives
    project.children.end(guard["child"], 1)
    project.boot(Process("a", "x"))
    assert sum(each["role"] == "guard" for each in project.started) == 2


def test_process_1_needs_no_guard(project: Project, monkeypatch: pytest.MonkeyPatch):
    """If the supervisor is process 1, its end is the end of every process, and no guard is started."""
    monkeypatch.setattr("os.getpid", lambda: 1)
    project.boot(Process("a", "x"))
    assert [each["role"] for each in project.started] == ["companion"]
