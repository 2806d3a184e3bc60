"""The thread that reads the supervisor's messages, at the limit of processes."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.worker.control import control_thread
from appliance.worker.control.control_thread import ControlThread
from tests.faults.injections import NO_THREAD, Faults, faults, thread_faults

__all__ = ["faults", "thread_faults"]


class Exits:
    """Ends nothing, and keeps the reason."""

    def __init__(self) -> None:
        self.reasons: list[BaseException] = []

    def end_after(self, error: BaseException) -> None:
        """As the worker's."""
        self.reasons.append(error)


@pytest.mark.usefixtures("thread_faults")
@pytest.mark.parametrize("debugged", [False, True])
def test_a_worker_without_its_thread_ends_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, faults: Faults, debugged: bool
):
    """A worker that can't start the thread ends and leaves the reason to the supervisor: it could never be stopped."""

    def refuse(*_: object) -> None:
        raise NO_THREAD

    monkeypatch.setattr(control_thread, "START_THREAD", refuse)
    faults.plan("appliance-control", NO_THREAD)
    exits, channel = Exits(), object()
    parts: Any = (channel, {}, exits)
    ControlThread(*parts).begin([], debugged=debugged)
    assert exits.reasons == [NO_THREAD]
