"""The supervisor is killed: nothing that it has started outlives it, whatever it does."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

SPINS = """
import re, subprocess
word = "one"
helper = subprocess.Popen(["sleep", "3600"])
print("helper", helper.pid)
def app(environ, start_response):
    if environ["PATH_INFO"] == "/spin":
        print("spins")
        re.match("(a+)+$", "a" * 100 + "b")  # for years, with the interpreter's lock
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [word.encode()]
"""

CUTS = """
import fcntl, os
closed = 0
for number in map(int, os.listdir("/proc/self/fd")):
    try:
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ASYNC:
            os.close(number)
            closed += 1
    except OSError:  # the one of this list
        continue
print("closed", closed)
"""


def said(appliance: Appliance, start_of_it: str) -> list[str]:
    """The words of the next line of output that begins so."""
    while True:
        event = appliance.wait_for("output")
        if event["text"].startswith(start_of_it):
            return str(event["text"]).split()


def end_with(appliance: Appliance, pids: Iterable[int]) -> None:
    """Kill the supervisor; each of the processes ends with it."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    appliance.process.kill()
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], 10)[0], "it lives on"
        os.close(descriptor)


@pytest.mark.parametrize("preload", ["off", "on"])
def test_a_worker_that_holds_the_lock_ends_with_its_supervisor(start: Start, project: Path, preload: str):
    """A worker that spins in C ends with its supervisor, started cold or forked, and so does what it has started."""
    (project / "app.py").write_text(SPINS, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PRELOAD=preload)
    helper = int(said(appliance, "helper")[1])
    ready = appliance.wait_for("worker.ready")
    if preload == "on":
        appliance.wait_for("preload.ready")
        appliance.edit("app.py", SPINS.replace("one", "two"))
        helper = int(said(appliance, "helper")[1])
        ready = appliance.wait_for("worker.ready")
        assert appliance.was_forked()
    with socket.create_connection(("127.0.0.1", appliance.port)) as client:
        client.sendall(b"GET /spin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said(appliance, "spins")
        end_with(appliance, [ready["pid"], helper])


def test_a_worker_without_its_lifeline_notices_the_channels_end(start: Start, project: Path):
    """A worker that has lost the pipe that ends it notices the end of its channel, and ends what it has started."""
    (project / "app.py").write_text(SPINS + CUTS, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PRELOAD="off")
    helper = int(said(appliance, "helper")[1])
    assert said(appliance, "closed")[1:] == ["1"]
    end_with(appliance, [appliance.wait_for("worker.ready")["pid"], helper])


def test_a_command_of_before_start_ends_with_the_supervisor(start: Start):
    """A command of BEFORE_START ends with the supervisor: the next start does not run it beside the last."""
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_BEFORE_START="echo runs $$; exec sleep 3600")
    end_with(appliance, [int(said(appliance, "runs")[1])])
