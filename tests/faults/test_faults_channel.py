"""Any bytes of a worker on its channel are read, or the worker is ended and replaced; nothing blocks forever."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.live.conftest import cache, start  # noqa: F401  fixtures
from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

APP = """
import array, json, os, socket, struct
def channel():
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            found = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if (found.family, found.type) == (socket.AF_UNIX, socket.SOCK_STREAM):
            found.setblocking(True)
            return found
def frame(payload, descriptors=0):
    return struct.pack(">IB", len(payload), descriptors) + payload
def says(**fields):
    return frame(json.dumps(fields).encode())
WORDS = {
    "json": frame(b"this is no JSON"),
    "promised": says(kind="hand_over_connections", early=["", ""]),
}
def app(environ, start_response):
    what = environ["PATH_INFO"][1:]
    if what in WORDS:
        channel().sendall(WORDS[what])
    elif what == "surplus":
        rights = array.array("i", [1, 2])
        channel().sendmsg([says(kind="records", batch=[])], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    elif what == "half":
        channel().sendall(struct.pack(">IB", 1000, 0) + b"{")
        channel().shutdown(socket.SHUT_WR)
    elif what == "closed":
        channel().shutdown(socket.SHUT_WR)
    elif what == "malformed":
        channel().sendall(says(kind="records", batch=[1, None, ["access"], ["event", {}, [], 3, 4], ["access"] * 19]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose requests say things to the supervisor."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return folder


# Bytes that are not a message by themselves are tried in one process: tests/protocol/test_channel.py, test_children.py.
@pytest.mark.whole
@pytest.mark.parametrize("what", ["json", "promised", "surplus", "half", "closed"])
def test_a_failed_channel_ends_its_worker_and_another_serves(start: Start, project: Path, what: str):  # noqa: F811  the fixture
    """A frame that is not a message ends its worker, with one event that says why; another one serves."""
    appliance = start(APPLIANCE_INSTALL="off")
    pid = appliance.wait_for("worker.ready")["pid"]
    with contextlib.suppress(OSError, HTTPException):
        appliance.get(f"/{what}")
    failed = appliance.wait_for("channel.failed")
    assert (failed["pid"], failed["role"]) == (pid, "worker")
    assert failed["reason"]
    assert "its channel failed" in appliance.wait_for("worker.exited", level="error")["how"]
    assert appliance.wait_for("worker.ready")["pid"] != pid
    assert appliance.get()[1] == b"one"
    assert appliance.stop() == 0
    names = [event["event"] for event in appliance.events]
    assert names.count("channel.failed") == 1
    assert "supervisor.failed" not in names


def test_a_malformed_record_is_reported_and_its_worker_serves_on(start: Start, project: Path):  # noqa: F811  as above
    """Records of another form are reported, and the same worker goes on serving."""
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    appliance.get("/malformed")
    for _ in range(5):
        appliance.wait_for("record.malformed")
    assert appliance.get()[1] == b"one"
    assert appliance.stop() == 0
    names = [event["event"] for event in appliance.events]
    assert names.count("worker.ready") == 1
    assert "channel.failed" not in names
