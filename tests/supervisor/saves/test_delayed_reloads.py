"""Which reloads are delayed, and what comes with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.messages import FilesReport
from appliance.supervisor.saves.reload_loops import DELAY_S, LOOP
from appliance.supervisor.saves.reload_trigger import ReloadTrigger, SaveRoutes
from appliance.watch.kinds import Kind
from appliance.watch.watcher import Changes
from tests.supervisor.fakes import FakeLog, FakeLoop


class NoSaves:
    """Saves that no page shows."""

    def saved(self, _paths: list[str]) -> None:
        """Forget the saved files."""

    def loaded(self, _paths: object) -> None:
        """Forget the loaded files."""


class AllRestart:
    """Templates that no worker reads again."""

    def take(self, changes: Changes, restart: Callable[[Changes], None], **_: object) -> None:
        """Restart."""
        restart(changes)


@dataclass
class Reloads:
    """A trigger, and the changes that it has let through."""

    project: Path
    loop: FakeLoop = field(default_factory=FakeLoop)
    log: FakeLog = field(default_factory=FakeLog)
    changed: list[dict[str, Kind]] = field(default_factory=list)
    companion_starts: bool = False

    def __post_init__(self) -> None:
        settings = SimpleNamespace(
            project=self.project, reload="on", watch="auto", ignore=(), env_files=(), watch_extra=()
        )
        runtime: Any = SimpleNamespace(settings=settings, loop=self.loop, log=self.log, lifecycle=None)
        no_saves: Any = NoSaves()
        self.trigger = ReloadTrigger(runtime, no_saves)
        all_restart: Any = AllRestart()
        self.trigger.route(
            SaveRoutes(
                lambda changes: self.changed.append(dict(changes.kinds)), lambda _: None, all_restart,
                companion_starts=lambda: self.companion_starts,
            )
        )  # fmt: skip

    def save(self, name: str, kind: Kind = Kind.CODE, *, busy: bool = True) -> None:
        """The watcher reports this file; ``busy``: while a worker starts."""
        self.trigger.changed(Changes({name: kind}, 0.0, {}, busy))
        self.loop.advance()

    def is_ready(self, *, written_before: bool) -> None:
        """A worker was ready a minute before now, or will be (a minute is longer than any clock is wrong)."""
        ready_at = time.monotonic() + (60.0 if written_before else -60.0)
        child: Any = SimpleNamespace(generation=1, ready_at=ready_at, started=0.0)
        self.trigger.loaded(child, FilesReport(files={}))


@pytest.fixture
def reloads(tmp_path: Path) -> Reloads:
    """The reloads of an empty project."""
    return Reloads(tmp_path)


def test_fast_saves_wait_once(reloads: Reloads):
    """A file that is saved again and again while a worker starts waits three seconds, however often it is saved."""
    for _ in range(LOOP + 30):
        reloads.save("app.py")
    assert len(reloads.changed) == LOOP - 1
    reloads.loop.advance(DELAY_S[0])
    assert len(reloads.changed) == LOOP
    reloads.loop.advance(DELAY_S[1])
    assert len(reloads.changed) == LOOP


def test_a_circle_waits_longer_each_time(reloads: Reloads):
    """If each reload that has waited causes a change again, the wait doubles."""
    waits: list[float] = []
    while len(waits) < 4:
        reloads.save("generated.py")
        held = reloads.log.named("reload.held")
        if len(held) > len(waits):
            waits.append(held[-1]["after_s"])
            before = len(reloads.changed)
            reloads.loop.advance(waits[-1])
            assert len(reloads.changed) == before + 1
    assert waits == [3.0, 6.0, 12.0, 24.0]


def test_an_event_that_comes_late_does_not_end_a_circle(reloads: Reloads):
    """A file that a start has written counts for that start, even if its event comes when the worker is ready."""
    file = reloads.project / "generated.py"
    for number in range(LOOP):
        file.write_text(f"# {number}", encoding="utf-8")
        reloads.is_ready(written_before=True)
        reloads.save("generated.py", busy=number == 0)
    assert [each["after_s"] for each in reloads.log.named("reload.held")] == [DELAY_S[0]]


def test_a_save_after_a_start_ends_a_circle(reloads: Reloads):
    """A file that is written when the worker is ready was not written by its start: the save is not delayed."""
    file = reloads.project / "generated.py"
    for number in range(2 * LOOP):
        file.write_text(f"# {number}", encoding="utf-8")
        reloads.is_ready(written_before=False)
        reloads.save("generated.py", busy=number % 2 == 0)
    assert reloads.log.named("reload.held") == []


def test_a_save_that_waits_is_taken_along_by_the_next(reloads: Reloads):
    """A save that lets the reload begin at once takes the file along that has waited: nothing is lost."""
    for _ in range(LOOP):
        reloads.save("requirements.txt", Kind.DEPENDENCIES)
    reloads.save("app.py")
    assert reloads.changed[-1] == {"requirements.txt": Kind.DEPENDENCIES, "app.py": Kind.CODE}
    reloads.loop.advance(DELAY_S[1])
    assert len(reloads.changed) == LOOP


def test_a_save_of_the_waiting_file_is_served_at_once(reloads: Reloads):
    """A save of the file that waits, once a worker serves, is served at once."""
    for _ in range(LOOP):
        reloads.save("app.py")
    assert len(reloads.changed) == LOOP - 1
    reloads.save("app.py", busy=False)
    assert len(reloads.changed) == LOOP


def test_a_file_that_a_companion_writes_at_its_start_waits(reloads: Reloads):
    """A companion that follows the code may write files whenever it starts, as a worker may: these are delayed, too."""
    for _ in range(LOOP):
        reloads.save("app.py", busy=False)
    assert reloads.log.named("reload.held") == []
    reloads.companion_starts = True
    for _ in range(LOOP):
        reloads.save("app.py", busy=False)
    assert [each["after_s"] for each in reloads.log.named("reload.held")] == [DELAY_S[0]]
