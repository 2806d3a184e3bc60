"""Starts of children: what they run, and what a start that is refused leaves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import StartError
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.child_starts import prepare_forked, spawn
from tests.faults.injections import NO_DESCRIPTOR, NO_PROCESS, Faults
from tests.supervisor.processes.child_descriptors import close, open_descriptors


@pytest.mark.parametrize(
    ("argv", "words"), [(["/nowhere/python"], "no such file|not there|does not exist"), (["/bin/sh", "\0"], "null")]
)
def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path, argv: list[str], words: str):
    """A start that is refused for any reason is one error in words, and leaves no descriptor open."""
    before = open_descriptors()
    with pytest.raises(StartError) as raised:
        spawn(Role.WORKER, 1, argv, environment={}, folder=tmp_path, channel=True)
    assert open_descriptors() <= before
    assert str(raised.value).startswith("a worker of the project (")
    assert raised.value.__cause__ is not None


def test_a_start_that_fails_names_its_cause(tmp_path: Path):
    """A variable that is too long is named, and a folder that is not there."""
    with pytest.raises(StartError, match="BIG"):
        spawn(Role.WORKER, 1, ["/bin/sh"], environment={"BIG": "x" * 200_000}, folder=tmp_path, channel=False)
    with pytest.raises(StartError, match="nowhere"):
        spawn(Role.WORKER, 1, ["/bin/sh"], environment={}, folder=tmp_path / "nowhere", channel=False)


@pytest.mark.usefixtures("descriptor_faults")
@pytest.mark.parametrize(("call", "after"), [("pipe", 0), ("pipe", 1), ("socketpair", 0)])
def test_a_start_without_descriptors_closes_what_it_opened(faults: Faults, call: str, after: int):
    """If descriptors run out during a start, it is an error in words, and the opened ones are closed."""
    before = open_descriptors()
    faults.plan(call, NO_DESCRIPTOR, after=after)
    with pytest.raises(StartError, match=r"a worker of the project can't be started: .* open files"):
        prepare_forked(Role.WORKER)
    assert open_descriptors() <= before


@pytest.mark.usefixtures("descriptor_faults")
def test_a_child_is_started_without_a_lifeline_if_descriptors_lack(faults: Faults):
    """A child is started without a lifeline where there is no descriptor for one."""
    faults.plan("pipe", NO_DESCRIPTOR, after=2)
    handle, theirs = prepare_forked(Role.WORKER)
    assert len(theirs) == 3
    close(handle, theirs)


@pytest.mark.usefixtures("spawn_faults")
def test_a_start_without_a_process_leaves_nothing_open(tmp_path: Path, faults: Faults):
    """If the limit of processes is reached, a start is an error that passes, and leaves nothing open."""
    before = open_descriptors()
    faults.plan("Popen", NO_PROCESS)
    with pytest.raises(StartError, match="limit of processes") as raised:
        spawn(Role.WORKER, 1, ["/bin/sh"], environment={}, folder=tmp_path, channel=True)
    assert raised.value.passing
    assert open_descriptors() <= before


def test_the_side_of_the_project_is_isolated_only_where_it_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The stand-in runs isolated, a worker with the project's own variables; the installer is our own command."""
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(child_starts, "spawn", lambda *given, **named: started.append((*given, named)))
    options: dict[str, Any] = {"environment": {"A": "b"}, "folder": tmp_path}
    for role in (Role.WORKER, Role.STANDIN):
        child_starts.spawn_side(role, 3, Path("/py"), **options)
    child_starts.spawn_installer(["--project", "x"], job=5, **options)
    named = {**options, "channel": True}
    entry = str(child_starts.ENTRY)
    assert started == [
        ("worker", 3, ["/py", entry], named),
        ("standin", 3, ["/py", "-I", "-m", "appliance.standin"], named),
        (
            "installer",
            5,
            [sys.executable, "-I", "-m", "appliance", "install", "--report", "--project", "x"],
            {**named, "channel": False},
        ),
    ]
    assert child_starts.ENTRY.is_file()
