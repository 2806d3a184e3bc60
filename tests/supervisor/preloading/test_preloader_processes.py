"""The processes of preloading: their requests, what their ends lead to, and what log, status and cache say of them."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.messages import Fork, ModulesReport
from appliance.protocol.start.first_messages import Preload
from appliance.supervisor.preloading import preload_cache, preloading
from appliance.supervisor.preloading.preload_states import PreloadRole
from appliance.supervisor.preloading.preloading import why_off
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from tests.supervisor.fakes import handle
from tests.supervisor.preloading.preloading_project import Project


@pytest.fixture
def project(processes, tmp_path: Path) -> Project:
    """A project whose modules are known, and are not imported yet."""
    made: Project = processes(Project(tmp_path))
    made.learns()
    return made


def test_a_round_is_told_what_to_import(project: Project):
    """The process of a round is the environment's Python, and gets the list, the places, and a file for its note."""
    project.preloading.modules_reported(ModulesReport(["jinja2"], ["views"]), project.analysis)
    project.pass_time()
    python, folder = Path("/python"), Path("/project")
    assert project.spawned == [(Role.PRELOADER, 0, python, {"environment": {}, "folder": folder})]
    (sent,) = project.children.sent
    request = Preload("/project", ["/project"], ["json", "flask", "jinja2"], [], ["app", "views"], proven=False)
    assert sent == (project.making, request)
    assert len(project.children.passed[0]) == 1


def test_a_round_that_cannot_be_asked_for_leaves_no_descriptor(project: Project, monkeypatch: pytest.MonkeyPatch):
    """If no descriptor is free for the request, those of the copy are closed, and the round's process is ended."""
    ends = os.pipe()
    copies = [[ends[1]]]  # for the first round; the others get none

    def prepare(role: Role) -> tuple[Handle, list[int]]:
        return handle(role, forked=True, pid=0), copies.pop() if copies else []

    monkeypatch.setattr(child_starts, "prepare_forked", prepare)
    project.children.refusing = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    project.pass_time()
    assert not copies
    with os.fdopen(ends[0], "rb") as end:
        assert end.read() == b""  # nobody holds the other end
    assert [each for each in project.children.alive if each.role is Role.PRELOADER and each.process] == []


def test_a_finding_ends_the_round(project: Project):
    """A round that finds an unsafe module ends its process; the log says why, more quietly for what only imports it."""
    project.pass_time()
    first = project.making
    project.answers({"flask": "starts a thread", "json": "imports flask"})
    assert first not in project.children.alive
    assert [(level, fields) for level, name, fields in project.log.events if name == "preload.skipped"] == [
        ("info", {"module": "flask", "reason": "starts a thread"}),
        ("debug", {"module": "json", "reason": "imports flask"}),
    ]


def test_many_modules_with_one_reason_are_one_line(project: Project):
    """Modules that raise the same, and all that only import others, are a line each, with a count and the first ten."""
    project.pass_time()
    raises = "raises ImproperlyConfigured"
    raising = [f"django{number}" for number in range(12)]
    others = {"flask": "starts a thread", "a": "imports flask", "b": "imports a"}
    project.answers(dict.fromkeys(raising, raises) | others)
    indirect = "they import modules that are left out"
    assert [(level, fields) for level, name, fields in project.log.events if name == "preload.skipped"] == [
        ("info", {"module": "django0", "reason": raises, "count": 12, "names": raising[:10]}),
        ("info", {"module": "flask", "reason": "starts a thread"}),
        ("debug", {"module": "a", "reason": indirect, "count": 2, "names": ["a", "b"]}),
    ]


def test_log_and_status_name_the_preloader(project: Project):
    """Status and log say what the preloader is, and how much it has imported."""
    status: dict[str, Any] = {"state": "none", "why": None, "pid": None, "modules": 0, "left_out": {}}
    assert project.preloading.status() == status
    assert project.preloading.why_cold() == "no preloader is ready yet"
    assert project.preloading.fork_snapshot() is None
    project.pass_time()
    assert project.preloading.status() == status | {"state": "making"}
    project.answers({"flask": "starts a thread"})
    project.comes_to_rest()
    ready = project.process(PreloadRole.READY)
    assert ready is not None
    left = {"flask": "starts a thread"}
    assert project.preloading.status() == status | {
        "state": "ready", "pid": ready.pid, "modules": 1, "left_out": left,
    }  # fmt: skip
    event = {"pid": ready.pid, "modules": 1, "left_out": 1, "import_s": 0.1}
    assert project.log.named("preload.ready") == [event]


def test_a_snapshot_is_forked_beside_the_spare(project: Project):
    """A fork for a snapshot comes from the preloader, and leaves the spare for the next worker."""
    project.comes_to_rest()
    spare = project.process(PreloadRole.SPARE)
    snapshot = project.preloading.fork_snapshot()
    assert snapshot is not None
    assert (snapshot.role, project.process(PreloadRole.SPARE)) == (Role.SNAPSHOT, spare)
    assert project.children.messages(Fork)[-1] is project.process(PreloadRole.READY)


def test_a_spare_that_ends_is_missed_by_no_save(project: Project):
    """If the worker that was forked ahead ends by itself, the next save has another fork."""
    project.comes_to_rest()
    project.ends(project.process(PreloadRole.SPARE))
    assert project.saved()


def test_a_preloader_that_ends_is_replaced(project: Project):
    """A preloader's end is logged and passed on, and another one follows, until a few in a row have ended quickly."""
    told: list[str] = []
    follower: Any = SimpleNamespace(
        serves_next_save=lambda: False, preloader_ready=lambda: told.append("ready"),
        preloader_ended=lambda: told.append("ended"), preloader_discarded=lambda: told.append("discarded"),
    )  # fmt: skip
    project.preloading.follow(follower)
    project.comes_to_rest()
    project.ends(project.process(PreloadRole.READY))
    assert project.log.named("preload.ended") == [{"how": "exit status 0"}]
    assert project.preloading.status()["state"] != "ready"
    project.comes_to_rest()
    assert told == ["ready", "ended", "ready"]
    for _ in range(5):
        project.ends(project.process(PreloadRole.READY))
        project.comes_to_rest()
    assert project.preloading.status()["state"] == "off"
    assert told.count("ended") == 4


def test_preloaders_that_have_lasted_are_always_replaced(project: Project):
    """A preloader that ends after a long time is replaced, however often one does."""
    for _ in range(6):
        project.comes_to_rest()
        ready = project.process(PreloadRole.READY)
        assert ready is not None
        ready.ready_at = (ready.ready_at or 0.0) - 3600.0
        project.ends(ready)
    project.comes_to_rest()
    assert project.preloading.status()["state"] == "ready"


def test_the_preloader_ends_with_its_environment(project: Project):
    """An analysis that finds the same leaves the preloader as it is; other packages discard it, with its list."""
    project.comes_to_rest()
    project.preloading.follow_analysis(SimpleNamespace(**vars(project.analysis)))  # type: ignore[arg-type]
    assert project.preloading.status()["state"] == "ready"
    changed = SimpleNamespace(**{**vars(project.analysis.plan), "fingerprint": "g"})
    project.preloading.follow_analysis(SimpleNamespace(**{**vars(project.analysis), "plan": changed}))  # type: ignore[arg-type]
    assert project.preloading.status()["state"] == "none"
    assert project.preloading.needs_module_list()


def test_a_refusal_is_kept(project: Project, tmp_path: Path):
    """The cache says why nothing is preloaded, and nothing of the kind as long as something is."""
    file = preload_cache.place(tmp_path, project.analysis.plan, Path("/project"))
    project.comes_to_rest()
    assert preload_cache.load(file).refused == ""
    project.preloading.refuse("a thread runs")
    assert preload_cache.load(file).refused == "a thread runs"
    assert project.preloading.why_cold() == "a thread runs"


def test_the_end_of_a_round_names_its_last_module(project: Project):
    """The note is one line, before what is left of longer names, and may have any bytes; its module is left out."""
    project.pass_time()
    os.pwrite(project.children.passed[-1][0], b"fl\xe9sk\nonger.name\n", 0)
    project.ends(project.making)
    assert project.preloading.status()["left_out"] == {"fl\ufffdsk": "ends the interpreter (exit status 0)"}


def test_preloading_needs_linux(monkeypatch: pytest.MonkeyPatch):
    """Elsewhere than on Linux, every worker is started cold."""
    settings: Any = SimpleNamespace(preload="on", reload="on")
    assert why_off(settings) == ""
    monkeypatch.setattr(preloading, "sys", SimpleNamespace(platform="darwin"))
    assert why_off(settings) == "it needs Linux"
