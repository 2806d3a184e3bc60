"""A cluster's probes: every stage of an appliance is answered rightly, within a kubelet's limit."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance
from tests.thorough import THOROUGH

Start = Callable[..., Appliance]
EVERY_S = 0.05
LIMIT_S = 1.0  # a kubelet's, by default
MISSES = 3  # as many late answers one after the other are a failure for a kubelet; one is a machine that is busy
PATIENCE_S = 20.0


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def probe(port: int, path: str = "/readyz") -> tuple[int, str]:
    """One probe, as a kubelet sends it: on a connection of its own; status and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={"User-Agent": "kube-probe/1.33", "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


class Kubelet(threading.Thread):
    """Probes both paths all the time, and keeps each answer: (path, status, stage), or the error."""

    def __init__(self, port: int, every_s: float = EVERY_S) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._every_s = every_s
        self.over = threading.Event()
        self.answers: list[tuple[str, int, str]] = []
        self.errors: list[str] = []
        self.took: list[float] = []

    def run(self) -> None:
        """Probe until the test is over."""
        while not self.over.wait(self._every_s):
            for path in ("/livez", "/readyz"):
                began = time.perf_counter()
                try:
                    status, text = probe(self._port, path)
                except OSError as error:
                    if not self.over.is_set():
                        self.errors.append(f"{path}: {error!r} after {self.stages()}")
                    continue
                self.took.append(time.perf_counter() - began)
                self.answers.append((path, status, text.removeprefix("not ").split(": ")[1].strip()))

    def stages(self) -> list[tuple[int, str]]:
        """The answers about readiness, each once in a row."""
        ready = [(status, stage) for path, status, stage in self.answers if path == "/readyz"]
        return [each for number, each in enumerate(ready) if number == 0 or ready[number - 1] != each]

    def wait_for(self, status: int, stage: str, within_s: float = 30) -> None:
        """Wait until a new answer is this one."""
        begin, deadline = len(self.answers), time.monotonic() + within_s
        while ("/readyz", status, stage) not in self.answers[begin:]:
            assert time.monotonic() < deadline, (status, stage, self.stages(), self.errors)
            self.over.wait(self._every_s)


@contextmanager
def kubelet(port: int) -> Iterator[Kubelet]:
    """A kubelet that probes; no probe may miss."""
    made = Kubelet(port)
    made.start()
    try:
        yield made
    finally:
        made.over.set()
        made.join(10)
    assert made.errors == []
    assert {status for path, status, _ in made.answers if path == "/livez"} == {200}
    for path in ("/livez", "/readyz"):
        took = [each for each, (answered, _, _) in zip(made.took, made.answers, strict=True) if answered == path]
        assert all(min(took[at : at + MISSES]) < LIMIT_S for at in range(len(took) - MISSES + 1)), took


SLOW = "import time\ntime.sleep(1.5)\n" + HELLO.format(word="one")


@pytest.mark.whole
@pytest.mark.waits
def test_every_stage_is_reported_to_a_kubelet(start: Start, project: Path):
    """Commands, a slow import, service, a reload, a broken save, its correction and a hang: the right answer each."""
    (project / "app.py").write_text(SLOW, encoding="utf-8")
    port = free_port()
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PROBE_PORT=str(port), APPLIANCE_BEFORE_START="sleep 1")
    appliance.wait_for("probes.started")
    with kubelet(port) as probes:
        appliance.wait_for("worker.ready")
        probes.wait_for(200, "serving")
        for _ in range(400 if THOROUGH else 1):
            appliance.edit("app.py", SLOW.replace("one", "two"))  # slower than a request waits, and still a reload
            appliance.wait_for("worker.ready")
            probes.wait_for(200, "serving")
            appliance.edit("app.py", "import nothing_of_this_name\n")
            appliance.wait_for("worker.failed")
            probes.wait_for(503, "broken")
            appliance.edit("app.py", HELLO.format(word="three"))
            appliance.wait_for("worker.ready")
            probes.wait_for(200, "serving")
        pid = json.loads(appliance.command("status", "--json").stdout)["worker_pid"]
        os.kill(pid, signal.SIGSTOP)
        probes.wait_for(503, "hanging")
        os.kill(pid, signal.SIGCONT)
        probes.wait_for(200, "serving")
    stages = probes.stages()
    assert [each for each in stages if each[1] == "before-start"] == [(503, "before-start")]
    served = stages[stages.index((200, "serving")) :]
    assert {status for status, stage in served if stage == "importing" and status == 200} == {200}
    assert not THOROUGH or len(probes.answers) > 10_000
    assert appliance.stop() == 0


def test_a_stop_ends_the_readiness_at_once(start: Start, project: Path):
    """From the signal on the project is not ready, and the appliance is live until it has ended."""
    (project / "app.py").write_text(HELLO.format(word="one") + LINGERS, encoding="utf-8")
    port = free_port()
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PROBE_PORT=str(port))
    appliance.wait_for("worker.ready")
    assert probe(port)[0] == 200
    appliance.process.send_signal(signal.SIGTERM)
    appliance.wait_for("appliance.stopping")
    status, text = probe(port)
    assert (status, "stopping" in text) == (503, True)
    assert probe(port, "/livez")[0] == 200
    assert appliance.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        probe(port)


LINGERS = """
import threading, time
threading.Thread(target=time.sleep, args=(1.5,)).start()
"""


def test_a_probe_server_that_dies_is_replaced(start: Start):
    """The end of the process that answers is one event, and the next probe is answered by another one."""
    port = free_port()
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PROBE_PORT=str(port))
    appliance.wait_for("worker.ready")
    status = appliance.command("status", "--json").stdout
    pid = next(each["pid"] for each in json.loads(status)["processes"] if each["role"] == "probes")
    os.kill(pid, signal.SIGKILL)
    assert probe(port)[0] == 200  # it waits in the socket's queue
    failed = appliance.wait_for("probes.failed")
    assert "SIGKILL" in failed["reason"]
    appliance.wait_for("probes.started")
    assert appliance.stop() == 0
    assert sum(event["event"] == "probes.failed" for event in appliance.events) == 1


@pytest.mark.whole
def test_a_port_that_is_taken_fails_nothing(start: Start):
    """A probe port that another process has is one event with what to do, and the project is served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PROBE_PORT=str(port))
        event = appliance.wait_for("probes.unavailable")
        assert str(port) in event["reason"]
        assert "APPLIANCE_PROBE_PORT" in event["action"]
        appliance.wait_for("worker.ready")
        assert appliance.get()[0].status == 200
    appliance.wait_for("probes.started")
    assert probe(port)[0] == 200
    assert appliance.stop() == 0


@pytest.mark.whole
@pytest.mark.waits
def test_a_supervisor_that_stands_still_is_not_live(start: Start):
    """Probes are answered at once by a stopped supervisor's probe server, and fail once it has stood for long."""
    port = free_port()
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PROBE_PORT=str(port))
    appliance.wait_for("worker.ready")
    pid = appliance.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert probe(port)[0] == 200
        appliance.until(lambda: probe(port, "/livez")[0] != 200)
        assert probe(port) == (503, "not ready: stalled: the supervisor makes no progress\n")
    finally:
        os.kill(pid, signal.SIGCONT)
    appliance.until(lambda: probe(port, "/livez")[0] == 200)
    assert probe(port)[0] == 200
    assert appliance.stop() == 0


def test_a_supervisor_that_is_killed_leaves_no_probe_server(start: Start):
    """The kernel ends the process that answers with the supervisor, also while nobody asks."""
    port = free_port()
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PROBE_PORT=str(port))
    appliance.wait_for("worker.ready")
    appliance.process.kill()
    appliance.process.wait()
    deadline = time.monotonic() + 10
    while True:
        try:
            probe(port)
        except OSError:
            break
        assert time.monotonic() < deadline
