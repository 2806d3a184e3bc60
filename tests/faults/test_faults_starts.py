"""Every start of a child or thread fails, once or each time: the port answers, and the next save is served."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.appliance_with_fault import ApplianceWithFault

Make = Callable[..., ApplianceWithFault]
BEFORE = {"APPLIANCE_BEFORE_START": "echo prepared"}


@pytest.mark.parametrize(
    ("call", "which", "error", "settings"),
    [
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
        ("memfd_create", "", "EMFILE", {}),
        ("thread", "analysis", "RuntimeError", {}),
    ],
)
@pytest.mark.parametrize("times", [1, -1])
def test_a_start_that_fails(
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
