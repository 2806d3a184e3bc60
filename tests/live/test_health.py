"""The health check asks for progress, and not for a pid."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance import healthcheck
from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]


def health(appliance: Appliance) -> dict[str, Any]:
    """Return the answer of ``appliance status``."""
    answer: dict[str, Any] = json.loads(appliance.command("status", "--json").stdout)
    return answer


def check(appliance: Appliance) -> subprocess.CompletedProcess[str]:
    """The image's health check."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(Path(healthcheck.__file__))],
        env={"APPLIANCE_STATUS_SOCKET": str(appliance.socket)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.whole
@pytest.mark.waits
def test_a_stopped_worker_is_unhealthy(start: Start):
    """A worker that was stopped is found, told once, and healthy again when it is continued."""
    appliance = start(APPLIANCE_INSTALL="off")
    pid = appliance.wait_for("worker.ready")["pid"]
    assert check(appliance).returncode == 0
    os.kill(pid, signal.SIGSTOP)
    stuck = appliance.wait_for("worker.stuck")
    assert (stuck["pid"], "stopped" in stuck["reason"]) == (pid, True)
    status = health(appliance)
    assert (status["health"], status["state"]) == ("unhealthy", "serving")
    assert "stopped" in status["stuck"]
    done = check(appliance)
    assert (done.returncode, "stopped" in done.stdout) == (1, True)
    assert "stopped" in appliance.command("status").stdout
    os.kill(pid, signal.SIGCONT)
    appliance.wait_for("worker.resumed")
    assert check(appliance).returncode == 0
    assert appliance.get()[1] == b"one"
    assert appliance.stop() == 0


NO_LEADER = """
import gc, os, sys
def app(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        # Every thread of the server's is held at its next step, as if none were there: a lock that is never given back.
        pool = next(each for each in gc.get_objects() if type(each).__name__ == "ThreadPool")
        pool._lock.acquire()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


@pytest.mark.whole
@pytest.mark.waits
def test_threads_that_are_gone_are_found(start: Start, project: Path):
    """A server that takes in nobody is unhealthy though no client comes; a save replaces it."""
    (project / "app.py").write_text(NO_LEADER, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_GRACE_S="1")
    appliance.wait_for("worker.ready")
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as client:
        client.sendall(b"GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n")
        over = threading.Event()

        def ask() -> None:
            while not over.wait(0.5):
                check(appliance)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        assert "no connection" in appliance.wait_for("worker.stuck")["reason"]
        over.set()
        asking.join()
    assert health(appliance)["health"] == "unhealthy"
    appliance.edit("app.py", NO_LEADER.replace("one", "two"))
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"two"
    assert appliance.stop() == 0


def test_the_look_leaves_no_trace(start: Start):
    """A connection that says nothing and ends, as the health check's does, is in no log."""
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    for _ in range(3):
        socket.create_connection(("127.0.0.1", appliance.port), timeout=30).close()
    appliance.catch_up()
    assert appliance.stop() == 0
    reported = [event for event in appliance.events if event["role"] == "worker"]
    assert [event["event"] for event in reported] == ["request.finished"]
