"""Saves, presses and the threads of pins in many interleavings, decided by seeds: see tests/server/scheduler.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from appliance.desk.comparison.outcome import Outcome
from appliance.desk.pins import pin_runs as pins_module
from appliance.desk.pins.pin_file import PinFile
from appliance.desk.pins.pin_runs import Pins
from appliance.desk.replay.replayer import Known
from appliance.desk.replay.restored_request import Shown
from appliance.desk.replay.sent_request import ReplayError, SentRequest
from tests.server.scheduler import Scheduler
from tests.thorough import THOROUGH

SEEDS = range(2000 if THOROUGH else 80)
NUMBERS = (1, 2, 3, 4, 5, 6)


class World:
    """A project whose generation is the status of its responses, its pins, and what open pages show of them."""

    def __init__(self, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
        monkeypatch.setattr(pins_module, "threading", scheduler.threading())
        self.scheduler = scheduler
        self.generation = 0
        self.running = 0
        self.page: dict[int, dict[str, Any]] = {}  # what the page shows of each pin
        self.changes: list[dict[str, Any]] = []
        file = PinFile(path / "desk.sqlite3")
        self.pins = Pins(cast("Any", self), file, self._publish, lambda *each: self.changes.append(each[2]))

    def find(self, number: int) -> Known:
        """As ``Replayer.find``: a request whose target is its number."""
        shown = Shown("GET", f"/{number}", [("Host", "localhost")])
        return Known({"id": number}, None, SentRequest("GET", f"/{number}", (("Host", "localhost"),)), shown)

    def run(self, _number: int, _request: SentRequest, _timeout_s: float) -> Outcome:
        """As ``Replayer.run``: it takes its time, and fails now and then."""
        self.running += 1
        assert self.running <= 4
        self.scheduler.sleep(self.scheduler.chance.choice((0.0, 0.1, 1.0)))
        generation = self.generation
        self.scheduler.point()
        self.running -= 1
        if self.scheduler.chance.random() < 0.1:
            raise ReplayError("There was no response.", action="Send it again.")
        return Outcome(200 + generation)

    def _publish(self, pin: dict[str, Any]) -> None:
        self.scheduler.point()
        self.page[pin["pin"]] = pin
        self.scheduler.point()

    def saves(self) -> None:
        """The supervisor: some saves are broken, and some serve."""
        for number in range(1, 6):
            self.scheduler.sleep(self.scheduler.chance.choice((0.0, 0.0, 0.5, 3.0)))
            if self.scheduler.chance.random() < 0.3:
                self.pins.serves(0, 0)
            self.generation = number
            self.pins.serves(number, self.scheduler.chance.choice((0, 1)))
        if self.scheduler.chance.random() < 0.3:
            self.generation = 0
            self.pins.serves(0, 0)

    def presses(self) -> None:
        """A person, who pins and unpins."""
        for number in self.scheduler.chance.choices(NUMBERS, k=8):
            self.scheduler.sleep(self.scheduler.chance.choice((0.0, 0.0, 0.3)))
            shown = {each["request"]: each["pin"] for each in self.ask("pins")["pins"]}
            if number not in shown:
                self.ask("pin", number=number)
            elif self.scheduler.chance.random() < 0.5:
                self.ask("unpin", pin=shown[number])

    def ask(self, name: str, **more: Any) -> dict[str, Any]:
        """Ask as the stand-in does."""
        return self.pins.questions[name](more)


def play(world: World) -> list[dict[str, Any]]:
    """Let the supervisor and a person do what they do; return what is known of the pins, once no thread is left."""
    scheduler = world.scheduler
    try:
        scheduler.run([scheduler.start(world.saves, "saves"), scheduler.start(world.presses, "presses")])
        scheduler.run(scheduler.tasks)
        return cast("list[dict[str, Any]]", world.ask("pins")["pins"])
    finally:
        scheduler.end()


def check_pages(world: World, pins: list[dict[str, Any]]) -> None:
    """An open page shows of each pin what is known of it at last, and no pin that was unpinned."""
    assert {number: pin for number, pin in world.page.items() if pin["state"] != "unpinned"} == {
        pin["pin"]: pin for pin in pins
    }
    assert all(each["count"] and each["differences"] for each in world.changes)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_pin_runs_for_the_last_save(seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """At the end each pin has an outcome of what serves, or is not run where nothing does, and pages show that."""
    world = World(Scheduler(seed), monkeypatch, tmp_path)
    pins = play(world)
    check_pages(world, pins)
    for pin in pins:
        if not world.generation:
            assert (pin["state"], pin["reason"]) == ("not run", "the project does not start")
        else:
            assert pin["state"] in {"first", "same", "changed"}
            assert pin["generation"] == world.generation
            assert pin["status"] in {0, 200 + world.generation}


@pytest.mark.parametrize("seed", SEEDS[::5])
def test_threads_that_cannot_start_are_shown(seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A pin whose thread is refused is not run, with the reason; every other one has run."""
    world = World(Scheduler(seed, refuse=0.4), monkeypatch, tmp_path)
    pins = play(world)
    check_pages(world, pins)
    assert {pin["state"] for pin in pins} <= {"first", "same", "changed", "not run"}
    assert all(pin["reason"] for pin in pins if pin["state"] == "not run")
