"""The checks of the process that accepts: its state in the kernel, its requests, and waiting clients."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.supervisor.measuring.process_activity import ProcessActivity
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers import standstill as module
from appliance.supervisor.workers.standstill import CHECK_S, LONG, SHORT, Standstill
from tests.supervisor.fakes import FakeLog, FakeLoop

STUCK = "it accepts no connection, though threads of it are free"


class Scene:
    """A worker whose state and whose clients are the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.child: Handle | None = Handle(Role.WORKER, 3, 4711, {}, ready_at=1.0)
        self.state: dict[str, Any] = {}
        self.clients_wait = True
        self.debugged = False
        self.stacks = ""
        self.loop, self.log = FakeLoop(), FakeLog()
        monkeypatch.setattr(module, "activity_of", lambda _: ProcessActivity(**self.state))
        stacks: Any = SimpleNamespace(ask=lambda _, answer: answer(self.stacks))
        parts: Any = (self.loop, None, self)
        log: Any = self.log
        self.standstill = Standstill(*parts, threads=2, no_timeout=lambda _: self.debugged, stacks=stacks, log=log)
        monkeypatch.setattr(self.standstill, "_queue_waits", lambda: self.clients_wait)
        self.standstill.start()

    def checks(self, times: int) -> str:
        """Let this number of checks pass; return why the process is stuck."""
        self.loop.advance(CHECK_S * times)
        return self.standstill.stuck

    @property
    def acceptor(self) -> Handle | None:
        """As the router's."""
        return self.child

    @property
    def worker(self) -> Handle:
        """The process that accepts."""
        assert self.child is not None
        return self.child


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A worker that has in-flight memory, and clients that wait."""
    made = Scene(monkeypatch)
    made.worker.count(8)
    return made


def test_a_process_is_checked_from_the_start_on(scene: Scene):
    """Every two seconds the process is checked; at first it is not stuck."""
    assert scene.standstill.stuck == ""
    assert scene.checks(SHORT) == ""
    assert scene.checks(1) == STUCK


def test_the_event_of_a_standstill_says_which_process_and_why(scene: Scene):
    """A standstill is one error that says which process, why, and what to do; without stacks it has no traceback."""
    scene.checks(2 * LONG)
    ((level, name, fields),) = scene.log.events
    assert (level, name, "traceback" in fields) == ("error", "worker.stuck", False)
    assert (fields["generation"], fields["pid"], fields["reason"]) == (3, 4711, STUCK)


def test_the_end_of_a_standstill_says_how_long_it_lasted(scene: Scene, clock: list[float]):
    """The end of a standstill is one line with the process and how long it lasted, to a tenth of a second."""
    scene.checks(SHORT + 1)
    clock[0] += 7.26
    scene.clients_wait = False
    assert scene.checks(1) == ""
    fields = {"generation": 3, "pid": 4711, "duration_s": 7.3}
    assert scene.log.events[1:] == [("info", "worker.resumed", fields)]


def test_a_debugger_ends_a_standstill(scene: Scene):
    """A worker that a debugger has stopped is not stuck any more, and the log says so."""
    scene.checks(SHORT + 1)
    scene.debugged = True
    assert scene.checks(1) == ""
    assert [name for _, name, _ in scene.log.events] == ["worker.stuck", "worker.resumed"]


def test_the_standstill_of_another_process_has_no_end(scene: Scene):
    """If another process has replaced a stuck one, nothing has resumed."""
    scene.checks(SHORT + 1)
    scene.child = Handle(Role.WORKER, 4, 4712, {}, ready_at=2.0)
    assert scene.checks(1) == ""
    scene.checks(SHORT)
    scene.child = None
    assert scene.checks(1) == ""
    assert [name for _, name, _ in scene.log.events] == ["worker.stuck"]


@pytest.mark.parametrize("fields", [{"ending": True}, {"ready_at": None}])
def test_a_process_that_does_not_accept_is_never_stuck(scene: Scene, fields: dict[str, Any]):
    """A worker that ends or still imports takes no connection, and need not."""
    for name, value in fields.items():
        setattr(scene.worker, name, value)
    assert scene.checks(2 * LONG) == ""


@pytest.mark.parametrize(("cpu_s", "checks"), [(0.9, SHORT), (1.0, SHORT), (1.1, LONG)])
def test_a_process_computes_from_half_a_processor_on(scene: Scene, cpu_s: float, checks: int):
    """A process that has had more than half of a processor since the last check may hold the interpreter's lock."""
    for number in range(checks):
        scene.state = {"cpu_s": cpu_s * number}
        assert scene.checks(1) == ""
    scene.state = {"cpu_s": cpu_s * checks}
    assert scene.checks(1) == STUCK


def test_a_connection_that_waits_for_a_thread_counts_as_waiting(scene: Scene):
    """A connection that was accepted, and waits for a thread, waits as one that was not accepted."""
    scene.clients_wait = False
    scene.state = {"waiting": 1}
    assert scene.checks(SHORT + 1) == STUCK


def test_without_its_memory_all_threads_may_be_busy(scene: Scene):
    """If the requests of a process are not known, a standstill takes as long as one with all threads taken."""
    scene.worker.close_memory()
    assert scene.checks(LONG) == ""
    assert scene.checks(1).startswith("each of its 2 threads")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        (("0.0.0.0", 80), ("127.0.0.1", 80)),
        (("::", 80, 0, 0), ("::1", 80)),
        (("192.0.2.1", 80), ("192.0.2.1", 80)),
    ],
)
def test_the_health_check_connects_to_the_loopback_address(name: Any, near: tuple[str, int]):
    """A listener on all addresses is reached at the loopback address of its family."""
    listener: Any = SimpleNamespace(getsockname=lambda: name)
    assert module._near(listener) == near
