"""Runs of remedies that the appliance itself performs, in a thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.remedies.remedy import ProjectFacts, Proposal, Remedy
from appliance.supervisor.steps.remedy_run import RemedyRun
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop


def test_without_a_free_thread_the_next_remedy_can_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A remedy whose thread can't be started has failed: the page hears why, and nothing waits for it."""

    def refuse(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    told: list[tuple[str, str]] = []
    parts: Any = (FakeLoop(), FakeChildren(), FakeLog(), {})
    run = RemedyRun(
        *parts,
        offered=list,
        show=lambda remedy, state, _, reason: told.append((f"{remedy} {state}", reason)),
        succeeded=lambda _: None,
        failed=lambda _: None,
    )
    facts = ProjectFacts(
        root=tmp_path, values={}, variables={}, target=None, plan=None, env_file=".env", cache=tmp_path, contained=False
    )
    for name in ("one", "two"):
        run.press(name, (Remedy(name, "reinstall", "Reinstall", Proposal(action=lambda: True)), facts), "")
        assert run.running == ""
    ends = [(f"{name} failed", "no thread is free: can't start new thread") for name in ("one", "two")]
    assert [each for each in told if each[1]] == ends


def test_a_remedy_without_a_process_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever prevents the start of its process ends the run, so that the next press can run it."""

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("embedded null byte")

    monkeypatch.setattr("appliance.supervisor.processes.handles.spawn", refuse)
    told: list[str] = []
    parts: Any = (FakeLoop(), FakeChildren(), FakeLog(), {})
    run = RemedyRun(
        *parts, offered=list, show=lambda *each: told.append(each[3]), succeeded=lambda _: None, failed=told.append
    )
    facts = ProjectFacts(
        root=tmp_path, values={}, variables={}, target=None, plan=None, env_file=".env", cache=tmp_path, contained=False
    )
    run.press("one", (Remedy("one", "create-folder", "Make", Proposal(command=("mkdir", "\0"))), facts), "")
    assert (run.running, told) == ("", ["", "ValueError: embedded null byte", "one"])
