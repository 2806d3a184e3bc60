"""A stop: what each child is given, and that it ends in time, whatever the children do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.reporting.defects import Defects
from appliance.supervisor.stopping import LAST_S, STOP_GRACE_S, WORK_S, Stopping
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle


class Loop(FakeLoop):
    """A loop that notes when it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.stops: list[float] = []

    def stop(self) -> None:
        """As the loop's."""
        self.stops.append(self.now)


class Children(FakeChildren):
    """Children that note how each was asked to end."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Handle, float, dict[str, object]]] = []

    def retire(self, child: Handle, grace_s: float, **options: object) -> None:
        """As the supervisor's."""
        super().retire(child, grace_s)
        self.asked.append((child, grace_s, options))


class Ground:
    """An appliance that stops."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop, self.children, self.log = Loop(), Children(), FakeLog()
        self.closed: list[str] = []
        self.errors: list[BaseException] = []
        monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + self.loop.now)

    def guarded(self, call: Callable[[], object]) -> None:
        """As the defects'."""
        try:
            call()
        except OSError as error:
            self.errors.append(error)

    def stopping(self, *, grace_s: float = 3.0) -> Stopping:
        """A stop of these children."""
        given: Any = (self.loop, self.children, self.log, cast("Defects", self))
        return Stopping(*given, grace_s=grace_s)


@pytest.fixture
def ground(monkeypatch: pytest.MonkeyPatch) -> Ground:
    return Ground(monkeypatch)


def refuse() -> None:
    raise OSError("refused")


@pytest.mark.parametrize(
    ("signal", "code"), [("SIGTERM", 0), ("SIGINT", 130), ("SIGQUIT", 131), ("SIGHUP", 129), ("another", 0)]
)
def test_the_exit_status_says_the_signal(ground: Ground, signal: str, code: int):
    """SIGTERM is a success, as engines expect; the terminal's signals end with 128 and their number."""
    stopping = ground.stopping()
    assert [stopping.began, stopping.exit_code] == [False, 0]
    stopping.begin(signal)
    assert [stopping.began, stopping.exit_code] == [True, code]
    assert ground.log.events == [("info", "appliance.stopping", {"signal": signal})]


def test_each_child_is_asked_once(ground: Ground):
    """A child that serves is asked to end, one that ends already is killed in time, a drained one may finish."""
    serving, ending, drained = (ground.children.add(handle()) for _ in range(3))
    ending.ending = True
    drained.drained = drained.ending = True
    ground.stopping().begin("SIGTERM")
    assert ground.children.asked == [(serving, STOP_GRACE_S, {"streams_s": STOP_GRACE_S})]
    assert ground.children.left == [(drained, 3.0)]
    ground.loop.advance(STOP_GRACE_S / 2)
    assert ending in ground.children.alive
    ground.loop.advance(STOP_GRACE_S / 2)
    assert ending not in ground.children.alive
    assert serving in ground.children.alive


def test_what_fails_to_close_hinders_nothing(ground: Ground):
    """Every part is closed and every child asked, though one of them refuses."""
    child = ground.children.add(handle())
    other = ground.children.add(handle())
    ground.children.unretirable = OSError("no descriptor")
    parts = (lambda: ground.closed.append("one"), refuse, lambda: ground.closed.append("two"))
    ground.stopping().begin("SIGTERM", parts)
    assert ground.closed == ["one", "two"]
    assert len(ground.errors) == 3
    assert child.ending
    assert other.ending


@pytest.mark.parametrize(("grace_s", "work_s"), [(3.0, 3.0), (100.0, WORK_S), (0.0, 0.0)])
def test_background_work_has_what_is_left(ground: Ground, grace_s: float, work_s: float):
    """Background work has GRACE_S from the stop's begin, and never more than an engine waits."""
    stopping = ground.stopping(grace_s=grace_s)
    stopping.begin("SIGTERM")
    child = handle()
    ground.loop.advance(0.25)
    stopping.limit_background_work(child)
    assert ground.children.left == [(child, max(0.0, work_s - 0.25))]
    ground.loop.advance(9.0)
    stopping.limit_background_work(child)
    assert ground.children.left[1] == (child, 0.0)


def test_a_stop_gives_up_a_process_that_cannot_be_killed(ground: Ground):
    """A process that can't be killed is named, and left behind, in less time than an engine waits."""
    ground.children.add(handle())
    ground.children.add(handle("preloader"))
    ground.stopping(grace_s=100.0).begin("SIGTERM")
    ground.loop.advance(STOP_GRACE_S + WORK_S + LAST_S - 0.001)
    assert ground.loop.stops == []
    ground.loop.advance(0.001)
    assert ground.loop.stops == [STOP_GRACE_S + WORK_S + LAST_S]
    assert ground.loop.stops[0] < 10.0
    assert ground.log.events[1:] == [("error", "appliance.abandoned", {"count": 2, "names": ["worker", "preloader"]})]


def test_a_second_signal_ends_everything(ground: Ground):
    """A second signal ends every child at once, a third one does nothing more."""
    children = [ground.children.add(handle()) for _ in range(2)]
    stopping = ground.stopping()
    stopping.begin("SIGINT")
    assert ground.children.cuts == []
    stopping.force("SIGINT")
    stopping.force("SIGINT")
    assert ground.children.cuts == children


@pytest.mark.parametrize("first", ["SIGHUP", "SIGTERM"])
def test_a_hangup_during_a_stop_ends_nothing_at_once(ground: Ground, first: str):
    """A terminal that is closed sends SIGHUP twice, and may be closed during a stop: the children keep their time."""
    child = ground.children.add(handle())
    stopping = ground.stopping()
    stopping.begin(first)
    stopping.force("SIGHUP")
    assert ground.children.cuts == []
    stopping.force("SIGTERM")
    assert ground.children.cuts == [child]
