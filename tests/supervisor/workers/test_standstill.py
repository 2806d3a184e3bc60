"""Whether who accepts makes progress: what is a standstill, and what is only long."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.inflight import InFlight, Slot
from appliance.protocol.traces import Trace
from appliance.supervisor.loop import Loop
from appliance.supervisor.measuring.process_activity import ProcessActivity, activity_of
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers import standstill as module
from appliance.supervisor.workers.standstill import LONG, SHORT, Standstill
from tests.supervisor.fakes import FakeLog

THREADS = 2


@dataclass
class Request:
    """As much of an exchange as counts."""

    request_id: str = "id"
    trace: Trace | None = None
    started: float = 1.5
    slot: Slot | None = None


class Told(FakeLog):
    """A log, and stacks."""

    stacks = "the stacks"

    def ask(self, _child: Handle, reported: Any) -> None:
        reported(self.stacks)

    def names(self) -> list[str]:
        return [event for _, event, _ in self.events]


class Scene:
    """A worker that is a process of ours, its tally, and a listening socket that nobody accepts on."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        self.child = Handle(Role.WORKER, 1, self.process.pid, {})
        self.in_flight = InFlight(self.child.count(8))
        self.child.ready_at = time.monotonic()
        self.reported = Told()
        self.debugged = False
        self.loop = Loop()
        given: Any = self.reported
        router: Any = SimpleNamespace(acceptor=self.child)
        self.standstill = Standstill(
            self.loop, self.listener, router, threads=THREADS,
            no_timeout=lambda _: self.debugged, stacks=given, log=given,
        )  # fmt: skip
        self.clients: list[socket.socket] = []

    def connect(self) -> None:
        self.clients.append(socket.create_connection(self.listener.getsockname()[:2]))

    def look(self, times: int) -> None:
        for _ in range(times):
            self.standstill.check()

    def close(self) -> None:
        self.standstill.end_probe()
        self.process.kill()
        self.process.wait()
        for each in (*self.clients, self.listener):
            each.close()
        self.loop.close()
        assert self.child.in_flight is not None
        self.child.in_flight.close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def test_an_idle_worker_is_not_stuck(scene: Scene):
    """A worker that nobody asks for anything makes all the progress that there is."""
    scene.look(10 * LONG)
    assert scene.standstill.stuck == ""


def test_a_worker_that_accepts_nobody_is_found_with_its_stacks(scene: Scene):
    """Somebody waits, threads are free, nothing is computed: found after a few looks, with the stacks."""
    scene.connect()
    scene.look(SHORT)
    assert scene.standstill.stuck == ""
    scene.look(1)
    assert "no connection" in scene.standstill.stuck
    ((level, event, fields),) = scene.reported.events
    assert (level, event) == ("error", "worker.stuck")
    assert fields == {
        "generation": 1, "pid": scene.process.pid, "reason": scene.standstill.stuck, "traceback": "the stacks",
        "action": fields["action"],
    }  # fmt: skip
    assert "--stacks" in fields["action"]


def test_the_health_check_finds_a_standstill_without_clients(scene: Scene):
    """If no client comes, the health check's own connection shows that none is accepted."""
    for _ in range(SHORT + 2):
        scene.standstill.request_probe()
        scene.look(1)
    assert scene.standstill.stuck
    for connection in (scene.listener.accept()[0],):
        connection.close()
    scene.look(1)
    assert scene.standstill.stuck == ""
    assert scene.reported.names() == ["worker.stuck", "worker.resumed"]


def test_a_health_check_connects_once(scene: Scene):
    """For each health check that asks, exactly one connection is made, at the next check."""
    scene.standstill.request_probe()
    scene.look(1)
    scene.listener.accept()[0].close()
    scene.look(3)
    scene.listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        scene.listener.accept()


def test_long_requests_of_a_busy_project_are_not_a_standstill(scene: Scene):
    """If every thread has a request, and one begins or ends now and then, waiting clients are not a standstill."""
    scene.connect()
    running = [Request() for _ in range(THREADS)]
    for request in running:
        scene.in_flight.begin(request, b"GET / HTTP/1.1")
    for _ in range(5):
        scene.look(LONG - 1)
        assert scene.standstill.stuck == ""
        done = running.pop(0)
        scene.in_flight.end(done)
        running.append(Request())
        scene.in_flight.begin(running[-1], b"GET / HTTP/1.1")
        scene.look(1)
    assert scene.reported.names() == []


def test_every_thread_is_blocked_forever(scene: Scene):
    """The same requests in every thread for a minute, while somebody waits, are reported."""
    scene.connect()
    for _ in range(THREADS):
        scene.in_flight.begin(Request(), b"GET / HTTP/1.1")
    scene.look(LONG)
    assert scene.standstill.stuck == ""
    scene.look(1)
    assert "threads" in scene.standstill.stuck


def test_a_stopped_process_is_found_though_nobody_waits(scene: Scene):
    """A process that was stopped is found though nobody waits, and goes on where it is continued."""
    os.kill(scene.process.pid, 19)
    os.waitid(os.P_PID, scene.process.pid, os.WSTOPPED | os.WNOWAIT)
    scene.look(SHORT + 1)
    assert "stopped" in scene.standstill.stuck
    os.kill(scene.process.pid, 18)
    os.waitid(os.P_PID, scene.process.pid, os.WCONTINUED | os.WNOWAIT)
    scene.look(1)
    assert scene.standstill.stuck == ""
    assert scene.reported.names() == ["worker.stuck", "worker.resumed"]


def test_a_process_that_computes_has_more_time(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """A worker that computes may hold the interpreter's lock: it has as long as one with all threads taken."""
    clock = iter(range(0, 100_000, 2))
    real = activity_of

    def busy(child: Handle) -> Any:
        seen = real(child)
        return ProcessActivity(seen.begun, seen.running, seen.waiting, seen.stopped, float(next(clock)))

    monkeypatch.setattr(module, "activity_of", busy)
    scene.connect()
    scene.look(LONG)
    assert scene.standstill.stuck == ""
    scene.look(1)
    assert scene.standstill.stuck


def test_no_clock_runs_for_a_worker_that_is_debugged(scene: Scene):
    """A worker at a breakpoint is not a standstill, however long it waits."""
    scene.debugged = True
    scene.connect()
    scene.look(10 * LONG)
    assert scene.standstill.stuck == ""


def test_a_stand_in_that_stands_is_ended(scene: Scene):
    """Nothing of the project's is in it: it is killed, so that another one takes its place."""
    scene.child.role = Role.STANDIN
    scene.connect()
    scene.look(LONG + 1)
    assert scene.process.wait(timeout=10) == -9
    assert "accepted no connection" in scene.child.cause
