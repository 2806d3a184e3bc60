"""Runs of remedies: as a process, or in a thread of ours; what the log, the pages and the next step hear of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import StartError
from appliance.remedies import apply_edit
from appliance.remedies.remedy import Edit, ProjectFacts, Proposal, Remedy
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.remedy_runs import remedy_states as states
from appliance.supervisor.remedy_runs.remedy_run import TIMEOUT_S, RemedyRun
from appliance.supervisor.steps.before_start import GRACE_S
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle, no_process

MASKED = "***"


class MaskingLog(FakeLog):
    """A log that knows one secret."""

    def masked(self, value: Any) -> Any:
        """As the log's."""
        hide: Callable[[str], str] = lambda text: text.replace("hunter2", MASKED)  # noqa: E731
        return hide(value) if isinstance(value, str) else [hide(each) for each in value]


class Project:
    """One project's remedies, whose processes are the test's."""

    def __init__(self, root: Path) -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), MaskingLog()
        self.spawned: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.told: list[tuple[str, str, list[str], str]] = []
        self.succeeded: list[Remedy] = []
        self.failed: list[str] = []
        self.offered: list[str] = ["one", "two"]
        parts: Any = (self.loop, self.children, self.log, {"HOME": "/root"})
        self.run = RemedyRun(
            *parts,
            offered=lambda: self.offered,
            show=lambda *each: self.told.append(each),
            succeeded=self.succeeded.append,
            failed=self.failed.append,
        )
        self.children.ended = self.run.ended
        self.facts = ProjectFacts(
            root=root, values={}, variables={"PATH": "/venv/bin"}, target=None, plan=None, env_file=".env", cache=root,
            contained=False,
        )  # fmt: skip

    def spawn(self, role: str, generation: int, argv: list[str], **options: Any) -> Handle:
        """As the supervisor's."""
        if self.error is not None:
            raise self.error
        self.spawned.append({"role": role, "generation": generation, "argv": argv, **options})
        return handle("remedy")

    def press(self, remedy: str = "one", refusal: str = "", **proposal: Any) -> Remedy:
        """A person presses the button of a remedy that would do this."""
        made = Remedy(remedy, "migrate", "Migrate", Proposal(**proposal))
        self.run.press(remedy, (made, self.facts), refusal)
        self.loop.advance()
        return made

    def ends(self, status: int = 0) -> None:
        """The process of the remedy ends."""
        self.children.end(self.children.alive[0], status)

    def states(self) -> list[str]:
        """Return the states that pages were sent, in order."""
        return [state for _, state, _, _ in self.told]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose processes only remember."""
    made = Project(tmp_path)
    monkeypatch.setattr(child_starts, "spawn", made.spawn)
    return made


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Threads that run at once, in the caller's; how each was made."""
    made: list[dict[str, Any]] = []

    class Thread:
        def __init__(self, target: Callable[[], None], **options: Any) -> None:
            self.start = target
            made.append(options)

    monkeypatch.setattr(threading, "Thread", Thread)
    return made


EDIT = Edit("requirements.txt", "requirements.txt", b"flask\n", b"flask\nredis\n")


def test_a_command_runs_as_the_project(project: Project, tmp_path: Path):
    """A command runs in the project's folder with the variables of its processes, and those that the page has shown."""
    project.press(command=("flask", "db"), shown={"FLASK_APP": "app"})
    assert project.spawned == [
        {
            "role": "remedy", "generation": 0, "argv": ["flask", "db"], "folder": tmp_path, "channel": False,
            "environment": {"PATH": "/venv/bin", "FLASK_APP": "app"},
        }
    ]  # fmt: skip
    assert project.log.events == [
        ("info", "remedy.started", {"remedy": "migrate", "command": "FLASK_APP=app flask db"})
    ]
    assert (project.told, project.run.running) == ([("one", "running", [], "")], "one")


def test_a_command_with_its_own_variables_gets_no_others(project: Project):
    """A command that names its whole environment gets that, and not the project's."""
    project.press(command=("uv", "lock"), variables={"HOME": "/home"}, shown={"UV": "1"})
    assert project.spawned[0]["environment"] == {"HOME": "/home", "UV": "1"}


def test_a_change_of_a_file_is_a_process_of_ours(project: Project, tmp_path: Path):
    """A change is made by an isolated process of ours, which gets it in a variable: a command line hides no secret."""
    project.press(edit=EDIT)
    (spawned,) = project.spawned
    assert spawned["argv"] == [sys.executable, "-I", "-m", "appliance.remedies.apply_edit"]
    assert spawned["environment"] == {"HOME": "/root", apply_edit.VARIABLE: EDIT.job(tmp_path)}
    assert project.log.events == [("info", "remedy.started", {"remedy": "migrate", "file": "requirements.txt"})]


def test_a_success_is_logged_and_shown(project: Project, clock: list[float]):
    """A remedy that has helped is one line with its duration; only its pages and the next step hear of it."""
    made = project.press(command=("true",))
    clock[0] += 2.34567
    project.ends()
    assert project.log.events[1:] == [("info", "remedy.finished", {"remedy": "migrate", "duration_s": 2.346})]
    assert project.told[1:] == [("one", "done", [], "")]
    assert (project.succeeded, project.failed, project.run.running) == ([made], [], "")


def test_a_failed_remedy_is_a_warning(project: Project, clock: list[float]):
    """A remedy that has failed is a warning with how and after how long; pages show no secret of the reason."""
    project.press(edit=EDIT)
    project.run.output([b"can't write as hunter2\n"])
    clock[0] += 2.34567
    project.ends(1)
    reason = "can't write as hunter2"
    fields = {"remedy": "migrate", "reason": reason, "duration_s": 2.346}
    assert project.log.events[1:] == [("warning", "remedy.failed", fields)]
    shown = f"can't write as {MASKED}"
    assert project.told[1:] == [("one", "running", [shown, ""], ""), ("one", "failed", [], shown)]
    assert (project.succeeded, project.failed, project.run.running) == ([], ["one"], "")


def test_a_command_that_fails_says_how_it_ended(project: Project):
    """The reason of a failed command is its exit status, not its output; so is that of a change without a message."""
    project.press("two", edit=EDIT)
    project.ends(-9)
    project.press(command=("false",))
    project.run.output([b"some output"])
    project.ends(3)
    reasons = [reason for _, state, _, reason in project.told if state == "failed"]
    assert reasons == ["killed by SIGKILL", "exit status 3"]


def test_the_output_of_the_run_before_is_not_the_reason(project: Project):
    """The output of the run before is not the reason of the next one's failure."""
    project.press(edit=EDIT)
    project.run.output([b"the first reason"])
    project.ends(1)
    project.press("two", edit=EDIT)
    project.ends(1)
    assert project.told[-1] == ("two", "failed", [], "exit status 1")


def test_pages_show_no_output_without_a_remedy(project: Project):
    """Output that comes when no remedy runs any more is shown on no page."""
    project.press(command=("true",))
    project.ends()
    told = list(project.told)
    project.run.output([b"late"])
    project.loop.advance(1.0)
    assert project.told == told


def test_the_end_of_another_child_ends_no_remedy(project: Project):
    """The end of another child is not the end of the remedy."""
    project.press(command=("true",))
    project.run.ended(handle("remedy"))
    assert project.run.running == "one"
    project.ends()
    assert project.run.running == ""


def test_a_remedy_that_lasts_too_long_is_ended_and_has_failed(project: Project):
    """A remedy has a quarter of an hour; then it is asked to end, and has failed for that reason."""
    project.press(command=("sleep", "1d"))
    project.loop.advance(TIMEOUT_S - 1.0)
    assert project.children.retired == []
    project.loop.advance(1.0)
    assert project.children.retired == [(project.children.alive[0], GRACE_S)]
    project.ends(-15)
    assert project.told[-1] == ("one", "failed", [], "it took longer than 900 s")


def test_the_time_of_a_run_ends_with_it(project: Project):
    """The time of a run that has ended ends nothing: a later run has its own."""
    project.press(command=("false",))
    project.ends(1)
    project.loop.advance(TIMEOUT_S / 2)
    project.press(command=("false",))
    project.loop.advance(TIMEOUT_S / 2)
    assert project.children.retired == []
    project.loop.advance(TIMEOUT_S / 2)
    assert len(project.children.retired) == 1


def test_a_refused_press_is_a_warning(project: Project):
    """A press that runs nothing is a warning with the reason, and the page hears it under the name that it has sent."""
    project.run.press("x" * 100, None, "no such remedy is known")
    assert project.log.events == [("warning", "remedy.refused", {"reason": "no such remedy is known"})]
    assert project.told == [("x" * 64, "refused", [], "no such remedy is known")]


def test_a_press_after_the_success_answers_that_it_is_done(project: Project):
    """A button that is pressed again after the success answers that it is done, as long as pages offer the remedy."""
    project.press(command=("true",))
    project.ends()
    project.told.clear()
    project.press(command=("true",))
    assert project.told == [("one", "done", [], "")]
    project.press("two", command=("true",))
    project.ends()
    project.press(command=("true",))
    assert len(project.spawned) == 2
    project.offered = ["three"]
    project.press("three", command=("true",))
    project.ends()
    project.press(command=("true",))
    assert len(project.spawned) == 4


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (lambda: True, ""),
        (lambda: False, "the appliance could not do it"),
        (lambda: bool(int("x")), "ValueError: invalid"),
    ],
)
def test_an_action_of_ours_runs_in_a_thread_and_its_end_is_reported(
    project: Project, at_once: list[dict[str, Any]], action: Callable[[], bool], reason: str
):
    """An action of ours runs in a thread that holds no exit up; the loop reports its end, whatever it raises."""
    project.press(action=action, described="reinstall")
    assert at_once == [{"name": "remedy", "daemon": True}]
    name, state, lines, told = project.told[-1]
    assert (name, state, lines, told.startswith(reason)) == ("one", "failed" if reason else "done", [], True)
    assert bool(told) is bool(reason)
    assert project.run.running == ""
    assert project.log.events[0] == ("info", "remedy.started", {"remedy": "migrate"})


def test_an_action_of_ours_can_not_be_ended(project: Project, monkeypatch: pytest.MonkeyPatch):
    """A cancel does not end what runs in a thread, and no process is asked to end for it."""
    threads: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: threads.append(thread))  # noqa: PLW0108  a method
    project.press(action=lambda: True)
    project.run.cancel("one")
    assert (project.run.running, project.children.retired) == ("one", [])
    threads[0].run()
    project.loop.advance()
    assert project.told[-1] == ("one", "done", [], "")


def test_without_a_free_thread_the_next_remedy_can_run(project: Project, monkeypatch: pytest.MonkeyPatch):
    """A remedy whose thread can't be started has failed: the page hears why, and nothing waits for it."""

    def refuse(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    for name in ("one", "two"):
        project.press(name, action=lambda: True)
        assert project.run.running == ""
        assert project.told[-1] == (name, "failed", [], "no thread is free: can't start new thread")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("embedded null byte"), "ValueError: embedded null byte"), (no_process(), "no process")],
)
def test_a_remedy_without_a_process_has_failed(project: Project, error: Exception, reason: str):
    """Any error that prevents the start of the process ends the run, so that the next press can run it."""
    assert isinstance(error, ValueError | StartError)
    project.error = error
    project.press(command=("mkdir", "\0"))
    assert project.told[-1] == ("one", "failed", [], reason)
    assert (project.run.running, project.failed) == ("", ["one"])
    project.error = None
    project.press(command=("mkdir", "x"))
    assert project.run.running == "one"


def test_a_run_needs_an_offer(project: Project):
    """A run of a remedy that was never offered is refused by an error."""
    with pytest.raises(RuntimeError, match="never offered"):
        project.run._run(states.Run(1))
