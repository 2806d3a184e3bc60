"""A debugger's client before, during and after reloads."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.dap_client import DapClient
from tests.live.held_request import HeldRequest, debugger_alone
from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

APP = """
def app(environ, start_response):
    word = "{word}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [word.encode()]
"""
LINE = 4  # start_response


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def debugged(start: Start, project: Path, port: int, tmp_path: Path) -> Callable[..., Appliance]:
    """Start the project with a debugger: debugpy alone in a folder, as the image has it."""
    folder = debugger_alone(tmp_path)

    def begin(**settings: str) -> Appliance:
        (project / "app.py").write_text(APP.format(word="one"), encoding="utf-8")
        return start(APPLIANCE_DEBUGPY=str(port), PYTHONPATH=str(folder), **settings)

    return begin


@pytest.fixture
def attach(port: int, project: Path) -> Iterator[Callable[[], DapClient]]:
    """Attach a client with a breakpoint in the application."""
    clients: list[DapClient] = []

    def attach() -> DapClient:
        client = DapClient(port)
        clients.append(client)
        client.attach(port, {str(project / "app.py"): [LINE]}, local=str(project), remote=str(project))
        return client

    yield attach
    for client in clients:
        client.close()


def stops(client: DapClient, appliance: Appliance, file: Path) -> Any:
    """Make a request, see it stop at the breakpoint, let it go; its answer."""
    request = HeldRequest(appliance)
    where, line, thread = client.where_it_stopped()
    assert (where, line) == (str(file), LINE)
    client.ask("continue", threadId=thread)
    return request.answered()


@pytest.mark.whole
def test_the_debugger_is_not_preloaded(debugged: Callable[..., Appliance], project: Path):
    """Modules of debugpy are not tried in the preloader, and their absence is not reported."""
    appliance = debugged(APPLIANCE_LOG_LEVEL="debug")
    appliance.wait_for("preload.ready", within_s=60)
    appliance.edit("app.py", APP.format(word="two"))
    appliance.wait_for("reload.finished")
    status = json.loads(appliance.command("status", "--json").stdout)
    left_out = status["preload"]["left_out"]  # each of them; a line of the log names ten
    assert not [module for module in left_out if "debugpy" in module or "pydev" in module]


def test_a_breakpoint_is_hit_before_and_after_a_reload(
    debugged: Callable[..., Appliance], attach: Callable[[], DapClient], project: Path
):
    """A breakpoint is hit; after a save the client connects again to the same port, and it is hit again."""
    appliance = debugged()
    appliance.wait_for("debugger.listening", generation=1)
    appliance.wait_for("worker.ready")
    client = attach()
    assert stops(client, appliance, project / "app.py") == (200, b"one")
    appliance.edit("app.py", APP.format(word="two"))
    assert client.wait_for("terminated") == {"restart": True}
    client.leave()
    again = attach()
    appliance.wait_for("worker.ready", generation=2)
    assert stops(again, appliance, project / "app.py") == (200, b"two")
    assert appliance.stop() == 0


@pytest.mark.whole
def test_no_clock_runs_at_a_breakpoint(
    debugged: Callable[..., Appliance], attach: Callable[[], DapClient], project: Path
):
    """A request at a breakpoint outlives the grace of a reload, while the new code answers others."""
    appliance = debugged(APPLIANCE_GRACE_S="0.1")
    appliance.wait_for("worker.ready")
    client = attach()
    request = HeldRequest(appliance)
    *_, thread = client.where_it_stopped()
    appliance.edit("app.py", APP.format(word="two"))
    appliance.wait_for("worker.ready", generation=2)
    assert appliance.get()[1] == b"two"
    client.ask("continue", threadId=thread)
    assert request.answered() == (200, b"one")
    assert client.wait_for("terminated") == {"restart": True}


@pytest.mark.whole
def test_a_worker_waits_for_its_client(debugged: Callable[..., Appliance], attach: Callable[[], DapClient]):
    """With DEBUGPY_WAIT nothing is imported before a client has come, however short the boot's time is."""
    appliance = debugged(APPLIANCE_DEBUGPY_WAIT="on", APPLIANCE_BOOT_TIMEOUT_S="1")
    appliance.wait_for("debugger.listening", waits=True)
    response, _ = appliance.get()  # the stand-in's page comes after a second
    assert response.status == 503
    attach()
    appliance.wait_for("worker.ready")


def test_without_debugpy_the_project_is_served(start: Start, port: int):
    """Without debugpy one event says so, clients are sent away, and the project is served."""
    appliance = start(APPLIANCE_DEBUGPY=str(port), APPLIANCE_INSTALL="auto")
    event = appliance.wait_for("debugger.failed")
    assert "debugpy" in event["reason"]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        assert client.recv(1) == b""
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"


def test_a_taken_port_of_the_debugger_ends_the_start(start: Start, port: int):
    """A debugger's port that another process has ends the start with one event that names the setting."""
    with socket.create_server(("127.0.0.1", port)):
        appliance = start(APPLIANCE_DEBUGPY=str(port))
        event = appliance.wait_for("listen.failed")
        assert "APPLIANCE_DEBUGPY" in event["action"]
        assert appliance.process.wait(timeout=10) == 4
