"""Which remedy a button runs: one that is offered, of the present generation, asked for by a stand-in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.page_messages import CancelRemedy, RemediesFound, RemedyProgress, RunRemedy, SetRemedies
from appliance.protocol.remedy_kinds import remedy_id
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle import State
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.remedy_runs import offered_remedies as module
from appliance.supervisor.remedy_runs.offered_remedies import KEPT, MAKING_MOST, SAVED_S
from tests.supervisor.fakes import handle
from tests.supervisor.scenes import Scene

FOLDER = {"kind": "make-folder", "folder": "instance"}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The remedies of an empty project."""
    return Scene(tmp_path, monkeypatch)


def test_a_pressed_button_runs_its_command(scene: Scene):
    """The worker's page has the id; pressed, our own command runs, and the project is served again."""
    (known,) = scene.offer(FOLDER)
    assert known == remedy_id("3", FOLDER)
    assert scene.press(known).state == "running"
    argv, options = scene.spawned[0]
    assert argv == ["mkdir", "-p", "--", "instance"]
    assert options["environment"]["PATH"] == "/bin"
    scene.remedies.output([b"one\ntwo"])
    scene.children.end(next(each for each in scene.children.alive if each.role is Role.REMEDY), 0)
    scene.loop.advance()
    told = [message for _, message in scene.children.sent if isinstance(message, RemedyProgress)]
    assert [each.state for each in told] == ["running", "running", "done"]
    assert told[1].lines == ["one", "two"]
    assert scene.events == [lifecycle_events.ProjectChanged()]


@pytest.mark.parametrize("remedy", ["", "0" * 32, "x" * 10_000, "../../etc"])
def test_an_unknown_id_runs_nothing(scene: Scene, remedy: str):
    """An id that is not offered runs nothing."""
    scene.offer(FOLDER)
    told = scene.press(remedy)
    assert (told.state, len(told.remedy) <= 64) == ("refused", True)
    assert scene.spawned == []


@pytest.mark.parametrize("state", [{"generation": 4}, {"job": 8}, {"phase": Phase.STOPPING}])
def test_a_remedy_of_an_older_generation_is_refused(scene: Scene, state: dict[str, Any]):
    """A remedy of an older generation or job, or one that is asked for during the stop, is refused."""
    (known,) = scene.offer(FOLDER)
    scene.lifecycle.state = State(**{"phase": Phase.BROKEN, "generation": 3, "job": 7, **state})
    assert scene.press(known).state == "refused"
    assert scene.spawned == []


@pytest.mark.parametrize(("asgi", "buttons"), [("adapt", 2), ("refuse", 0)])
def test_each_asgi_application_has_its_button_if_it_is_adapted(scene: Scene, asgi: str, buttons: int):
    """Each ASGI application has its button if the appliance adapts ASGI, and none if it does not."""
    for name in ("one", "two"):
        (scene.settings.project / f"{name}.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    scene.settings.asgi = asgi
    needs = [{"kind": "serve-application", "application": f"{name}.py:app"} for name in ("one", "two")]
    assert len(scene.offer(*needs)) == buttons


def test_a_remedy_that_an_older_worker_finds_is_not_taken(scene: Scene):
    """A remedy that a worker of another generation finds is not taken."""
    assert scene.offer(FOLDER, generation=2) == []


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("worker", RunRemedy(remedy="x")),
        ("worker", CancelRemedy(remedy="x")),
        ("installer", RunRemedy(remedy="x")),
        ("standin", RemediesFound(needs=[FOLDER])),
    ],
)
def test_a_child_that_may_not_press_or_find_is_ended(scene: Scene, role: str, message: Any):
    """Only a stand-in presses, and only a worker finds: another child that does is refused, and ended for it."""
    assert not scene.remedies.admits(handle(role), message)


LIES: list[Any] = [
    {"kind": "command", "argv": ["sh", "-c", "id"]},
    {"kind": "make-folder", "folder": "../outside"},
    {"kind": "make-folder", "folder": "x", "command": ["id"]},
    {"kind": "flask-command", "command": "shell"},
    {"kind": "django-migrate", "manage": "manage.py --settings=evil"},
    {"kind": "add-dependency", "packages": "evil @ https://evil.example/x.whl"},
    {"kind": "set-variable", "name": "PATH"},
    "make-folder",
    None,
    [["kind", "make-folder"]],
]


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_gets_nothing_run_or_shown(scene: Scene, lie: Any):
    """A command, a way out of the project, a package by URL: nothing of it is run or shown."""
    ids = scene.offer(lie)
    shown = [message for _, message in scene.children.sent if isinstance(message, SetRemedies)]
    assert all(each["command"].startswith("mkdir -p -- x") for message in shown for each in message.remedies), (
        ids
    )  # the folder is made by us, whatever else the worker said


def test_a_flood_of_needs_starts_few_threads(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """While requests fail, each in another way, few threads make remedies; once one has ended, another starts."""
    waiting: list[Callable[[], None]] = []

    class Thread:
        def __init__(self, target: Callable[[], None], **_: object) -> None:
            self.start = lambda: waiting.append(target)

    monkeypatch.setattr(module, "threading", SimpleNamespace(Thread=Thread))
    for number in range(100):
        scene.offer({**FOLDER, "folder": f"f{number}"})
    assert len(waiting) == MAKING_MOST
    waiting[0]()
    scene.loop.advance()
    scene.offer({**FOLDER, "folder": "last"})
    assert len(waiting) == MAKING_MOST + 1


def test_only_one_remedy_runs_at_a_time(scene: Scene):
    """While one runs, another is refused; cancelled, it ends, and says so."""
    other = {**FOLDER, "folder": "other"}
    first, second = scene.offer(FOLDER, other)
    scene.press(first)
    assert "another remedy runs" in scene.press(second).reason
    scene.send(scene.standin, CancelRemedy(remedy=second))
    assert scene.children.retired == []
    scene.send(scene.standin, CancelRemedy(remedy=first))
    ((child, _grace),) = scene.children.retired
    scene.children.end(child, -15)
    told = [message for _, message in scene.children.sent if isinstance(message, RemedyProgress)][-1]
    assert (told.state, told.reason) == ("failed", "it was cancelled")
    assert scene.press(second).state == "running"
    assert scene.events == []


def remedy_of(scene: Scene) -> Handle:
    """The process of the remedy that runs."""
    (child,) = [each for each in scene.children.alive if each.role is Role.REMEDY]
    return child


def test_a_second_press_starts_nothing(scene: Scene):
    """A second press, of this tab or another one, starts nothing, and tells no page that it was refused."""
    (known,) = scene.offer(FOLDER)
    scene.press(known)
    told = scene.press(known)
    assert (told.state, len(scene.spawned)) == ("running", 1)
    scene.children.end(remedy_of(scene), 0)
    assert scene.press(known).state == "done"  # before the project is served again
    assert len(scene.spawned) == 1


def test_a_remedy_that_failed_can_be_pressed_again(scene: Scene):
    """A remedy that has not helped may be tried again."""
    (known,) = scene.offer(FOLDER)
    scene.press(known)
    scene.children.end(remedy_of(scene), 1)
    assert scene.press(known).state == "running"
    assert len(scene.spawned) == 2


def test_a_change_that_was_not_shown_is_not_made(scene: Scene, tmp_path: Path):
    """A change that is no longer the one that a page has shown is not made: the page shows the new one, to press."""
    need = {"kind": "set-variable", "name": "A"}
    (tmp_path / ".env.example").write_text("A=1\n")
    (known,) = scene.offer(need)
    first = scene.shown(known)
    (tmp_path / ".env.example").write_text("A=2\n")
    scene.loop.advance()
    scene.remedies._asked.clear()  # as if some seconds had passed
    scene.offer(need)
    told = scene.press(known, first["shown"])
    assert (told.state, "has changed" in told.reason) == ("refused", True)
    assert scene.press(known, "").state == "refused"
    assert scene.spawned == []
    assert "+A=2" in scene.shown(known)["diff"]
    assert scene.press(known).state == "running"


def test_a_change_of_a_file_that_was_saved_is_shown_again(scene: Scene, tmp_path: Path):
    """A change that was refused, because the file was saved meanwhile, is made again from what the file holds now."""
    (tmp_path / ".env").write_text("B=1\n")
    (tmp_path / ".env.example").write_text("A=1\n")
    (known,) = scene.offer({"kind": "set-variable", "name": "A"})
    scene.press(known)
    (tmp_path / ".env").write_text("B=1\nC=2\n")
    scene.remedies.output([b".env has changed since this was shown: load the page again\n"])
    scene.children.end(remedy_of(scene), 1)
    scene.loop.advance()
    told = [message for _, message in scene.children.sent if isinstance(message, RemedyProgress)][-1]
    assert (told.state, told.reason) == ("failed", ".env has changed since this was shown: load the page again")
    assert " C=" in scene.shown(known)["diff"]
    scene.press(known)
    (tmp_path / ".env").write_text("A=1\n")  # somebody has set it
    (tmp_path / ".env.example").write_text("")
    scene.children.end(remedy_of(scene), 1)
    scene.loop.advance()
    assert scene.shown(known) == {}


def test_a_failed_command_does_not_reload(scene: Scene):
    """A command that fails says how; the project is not served again for it."""
    (known,) = scene.offer(FOLDER)
    scene.press(known)
    scene.children.end(next(each for each in scene.children.alive if each.role is Role.REMEDY), 3)
    told = [message for _, message in scene.children.sent if isinstance(message, RemedyProgress)][-1]
    assert told.state == "failed"
    scene.loop.advance(10)
    assert scene.events == []


def test_a_change_waits_for_the_watcher(scene: Scene, tmp_path: Path):
    """A file that was changed is noticed as a save; only if that does not come is the project served again."""
    (known,) = scene.offer({"kind": "add-dependency", "packages": "flask"})
    scene.press(known)
    argv, options = scene.spawned[0]
    assert argv == [sys.executable, "-I", "-m", "appliance.remedies.apply_edit"]
    assert "flask" not in str(argv)
    assert options["folder"] == tmp_path
    scene.children.end(next(each for each in scene.children.alive if each.role is Role.REMEDY), 0)
    scene.loop.advance(SAVED_S / 2)
    assert scene.events == []
    scene.loop.advance(SAVED_S)
    assert scene.events == [lifecycle_events.ProjectChanged()]


def test_a_failures_page_is_shown_with_its_remedies(scene: Scene):
    """A failure's page is shown again with what its needs have become; a need that fits nothing is dropped."""
    page = scene.remedies.without_needs({"title": "Broken", "remedies": [FOLDER, {"kind": "sh"}]}, scene.pages.append)
    assert page == {"title": "Broken"}
    scene.loop.advance()
    (shown,) = scene.pages
    assert [each["command"] for each in shown["remedies"]] == ["mkdir -p -- instance"]


def test_a_page_that_is_no_longer_shown_gets_no_remedies(scene: Scene):
    """A save that comes before the remedies are made leaves the new page alone."""
    scene.remedies.without_needs({"title": "Broken", "remedies": [FOLDER]}, scene.pages.append)
    scene.lifecycle.state = State(phase=Phase.BOOTING, generation=4, job=7)
    scene.loop.advance()
    assert scene.pages == []


def test_only_a_few_remedies_are_kept(scene: Scene):
    """A project that fails again and again keeps a few remedies, and has its files read once."""
    for number in range(KEPT * 2):
        ids = scene.offer({**FOLDER, "folder": f"f{number}"})
    assert len(ids) == KEPT
    sent = len(scene.children.sent)
    scene.offer({**FOLDER, "folder": f"f{KEPT * 2 - 1}"})
    assert len(scene.children.sent) == sent


def test_a_new_standin_is_told_the_offered_remedies(scene: Scene):
    """A stand-in that is started later gets the remedies that are offered."""
    scene.offer(FOLDER)
    scene.spawner.standin = lambda _: scene.children.add(handle("standin"))
    other = scene.remedies.start_standin()
    assert [child for child, message in scene.children.sent if isinstance(message, SetRemedies)][-1] is other
