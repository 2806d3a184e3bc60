"""Known schedulers begin nothing more, whatever state they are in."""

from __future__ import annotations

import sched
import threading
import types

import pytest

from appliance.worker.frameworks import schedulers


def test_an_action_of_sched_that_schedules_itself_ends():
    """An action that schedules itself again has no effect: run() ends."""
    scheduler = sched.scheduler()
    inside, go = threading.Event(), threading.Event()

    def action() -> None:
        inside.set()
        go.wait(10)
        scheduler.enter(0, 1, action)

    scheduler.enter(0, 1, action)
    thread = threading.Thread(target=scheduler.run)
    thread.start()
    assert inside.wait(10)
    assert "scheduler" in schedulers.stop()
    go.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_timer_that_is_a_job_is_left_alone():
    """A plain timer is work that will come; one of a class of its own never ends."""

    class Every(threading.Timer):
        def run(self) -> None:
            while not self.finished.wait(self.interval):
                self.function()

    once, again = threading.Timer(600, print), Every(600, print)
    once.start()
    again.start()
    names = schedulers.stop()
    assert ("Every" in names, "Timer" in names) == (True, False)
    assert (once.finished.is_set(), again.finished.is_set()) == (False, True)
    once.cancel()
    once.join(10)
    again.join(10)


class Raises:
    """A scheduler that can't be asked."""

    asked = 0

    @property
    def running(self) -> bool:
        self.asked += 1
        raise RuntimeError


def test_a_scheduler_that_raises_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    """A scheduler that raises when it is asked to stop is not reported as stopped, and nothing fails."""
    module = types.ModuleType("apscheduler.schedulers.base")
    module.BaseScheduler = Raises  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    scheduler = Raises()
    assert "Raises" not in schedulers.stop()
    assert scheduler.asked == 1
