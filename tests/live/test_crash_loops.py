"""Workers that die again and again: a client waits a moment, and the log names the cause."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

APP = """
def bad():
{inside}
{outside}
def app(environ, start_response):
    if environ["PATH_INFO"] == "/bad":
        bad()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""
CLOSE_ALL = "import os\nos.closerange(3, 4096)\n"
AUDIT = "import sys\ndef hook(event, given):\n    raise RuntimeError('not allowed')\nsys.addaudithook(hook)\n"
NO_LENGTH = "import builtins\nbuiltins.len = None\n"
NO_JSON = "import json\njson.dumps = json.loads = None\n"
ENDS = "import os, threading\nthreading.Timer(0.05, os._exit, [3]).start()\n"


def page(code: str, *, at_import: bool) -> str:
    inside = "".join(f"    {line}\n" for line in code.splitlines())
    return APP.format(inside=inside, outside=code if at_import else "")


def test_killed_workers_cost_other_requests_no_answer(start: Start):
    """A worker that is killed ten times under load is there again in a moment: no request gets an error of ours."""
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    statuses: list[int] = []
    over = threading.Event()
    port = appliance.port

    def client() -> None:
        while not over.is_set():
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.request("GET", "/")
                statuses.append(connection.getresponse().status)
            except (OSError, HTTPException):
                continue  # the killed worker had it
            finally:
                connection.close()

    threads = [threading.Thread(target=client) for _ in range(2)]
    for thread in threads:
        thread.start()
    pid = appliance.events[-1]["pid"]
    for _ in range(10):
        appliance.wait_for("request.finished")
        os.kill(pid, signal.SIGKILL)
        assert appliance.wait_for("worker.restarting")["after_s"] == 0.05
        pid = appliance.wait_for("worker.ready")["pid"]
    over.set()
    for thread in threads:
        thread.join()
    assert 200 in statuses
    assert set(statuses) <= {200, 503}  # 503: on a busy machine the next one needs more than a second
    assert appliance.stop() == 0
    looping = [event for event in appliance.events if event["event"] == "worker.looping"]
    assert len(looping) == 1
    assert "SIGKILL" in looping[0]["how"]


@pytest.mark.whole
@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (CLOSE_ALL, "has closed descriptors that it did not open"),
        (AUDIT, "an audit hook of the project's"),
        (NO_LENGTH, "has replaced builtins.len"),
        (ENDS, "exit status 3"),
    ],
)
def test_a_loop_at_import_names_its_cause(start: Start, project: Path, code: str, cause: str):
    """A project that takes away what its worker needs is a page and an event that name it, and ever longer waits."""
    (project / "app.py").write_text(page(code, at_import=True), encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off")
    looping = appliance.wait_for("worker.looping")
    assert cause in looping["how"]
    waits = [event["after_s"] for event in appliance.events if event["event"] == "worker.restarting"]
    assert waits == sorted(waits)
    assert len(set(waits)) == len(waits)
    response, body = appliance.settled(Accept="text/plain")
    assert response.status == 500
    assert cause.encode() in body
    appliance.edit("app.py", page("pass", at_import=True))
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    assert appliance.stop() == 0


@pytest.mark.parametrize(
    ("code", "cause"),
    [(CLOSE_ALL, "has closed descriptors that it did not open"), (NO_LENGTH, "has replaced builtins.len")],
)
def test_a_request_that_ends_its_worker_is_named(start: Start, project: Path, code: str, cause: str):
    """A request that does so ends its worker, whose last line names it; the next one serves after the shortest wait."""
    (project / "app.py").write_text(page(code, at_import=False), encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    with pytest.raises((OSError, HTTPException)):
        appliance.get("/bad")
    assert cause in appliance.wait_for("worker.exited", level="error")["how"]
    assert appliance.wait_for("worker.restarting")["after_s"] == 0.05
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    assert appliance.stop() == 0


@pytest.mark.parametrize("at_import", [True, False])
def test_a_project_that_replaces_json_is_served_and_logged(start: Start, project: Path, *, at_import: bool):
    """A project that replaces json's functions is served, and logged like any other."""
    (project / "app.py").write_text(page(NO_JSON, at_import=at_import), encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    assert appliance.get("/bad")[1] == b"one"
    assert appliance.get()[1] == b"one"
    appliance.wait_for("request.finished")
    appliance.edit("app.py", page("pass", at_import=True))
    appliance.wait_for("reload.finished")
    assert appliance.stop() == 0
