"""Every start of a child or thread fails, once or each time: the port answers, and the next save is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.appliance_with_fault import ApplianceWithFault
from tests.thorough import in_turn

Make = Callable[..., ApplianceWithFault]
BEFORE = {"APPLIANCE_BEFORE_START": "echo prepared"}
STARTS: list[tuple[str, str, str, dict[str, str]]] = [
    ("Popen", "worker", "EAGAIN", {}),
    ("Popen", "worker", "E2BIG", {}),
    ("Popen", "worker", "ENOENT", {}),
    ("Popen", "worker", "ENOEXEC", {}),
    ("Popen", "worker", "EACCES", {}),
    ("Popen", "worker", "ENOMEM", {}),
    ("Popen", "worker", "ValueError", {}),
    ("Popen", "preparation", "E2BIG", BEFORE),
    ("Popen", "preparation", "ValueError", BEFORE),
    ("Popen", "", "EAGAIN", BEFORE),
    ("Popen", "installer", "EAGAIN", {"APPLIANCE_INSTALL": "auto"}),
    ("Popen", "installer", "E2BIG", {"APPLIANCE_INSTALL": "auto"}),
    ("pipe", "worker", "EMFILE", {}),
    ("socketpair", "worker", "ENFILE", {}),
    ("memfd_create", "", "EMFILE", {"APPLIANCE_RECORD": "off"}),  # the recorder needs one too
    ("thread", "analysis", "RuntimeError", {}),
]


@pytest.mark.whole
@pytest.mark.parametrize(("call", "which", "error", "settings", "times"), in_turn(STARTS, [1, -1]))
def test_a_failed_start_is_one_event_and_a_later_save_is_served(
    faulty: Make, call: str, which: str, error: str, settings: dict[str, str], times: int
):  # fmt: skip
    """A start that fails from the beginning is one event with its cause, and a page; a later save is served."""
    fault = {"call": call, "which": which, "error": error, "times": times}
    appliance = faulty(fault, armed=True, **settings)
    failed = appliance.wait_for("start.failed")
    assert all(failed[part] for part in ("found", "expected", "action"))
    assert appliance.answers() in {200, 500, 503}
    appliance.disarm()
    appliance.save()
    appliance.ends_well()
    assert sum(event["event"] == "supervisor.failed" for event in appliance.events) == 0


@pytest.mark.parametrize("which", ["companion", "guard"])
@pytest.mark.parametrize("error", ["EAGAIN", "ENOEXEC"])
def test_a_companion_that_cannot_start_changes_nothing_for_the_project(
    faulty: Make, project: Path, which: str, error: str
):
    """A companion without a process, or without a guard, changes nothing for the project, and starts once it can."""
    (project / "Procfile.dev").write_text("lasts: echo runs; cat\n", encoding="utf-8")
    appliance = faulty({"call": "Popen", "which": which, "error": error, "times": 2}, armed=True)
    if which == "companion":
        failed = appliance.wait_for("companion.failed")
        assert "the companion lasts" in failed["how"]
        assert failed["action"]
    appliance.wait_for("output", companion="lasts", text="runs")
    appliance.save()
    appliance.ends_well()
    assert not [event for event in appliance.events if event["event"] in {"supervisor.failed", "start.failed"}]
