"""The status of a running appliance, and the place of a worker that hangs."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance

Start = Callable[..., Appliance]

WAITING = """
import threading

held = threading.Event()

def app(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        wait_for_message()
    if environ["PATH_INFO"] == "/free":
        held.set()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]

def wait_for_message():
    held.wait(30)
"""

STUCK = """
import re

def app(environ, start_response):
    grind()  # in C, and the interpreter's lock is held throughout

def grind():
    re.match(r"(a+)+$", "a" * 80 + "b")
"""


def ask_aside(appliance: Appliance, path: str) -> threading.Thread:
    """Make a request in a thread of its own; it may be cut."""

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            while connection.recv(65_536):
                continue

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def test_the_status_names_processes_and_the_last_reload_and_error(start: Start):
    """The status names processes, the last reload and the last error, also when that is fixed."""
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", "def app(:\n")
    appliance.wait_for("worker.failed")
    broken = appliance.command("status")
    assert broken.returncode == 1
    assert "app.py" in broken.stdout
    appliance.edit("app.py", HELLO.format(word="two"))
    appliance.wait_for("reload.finished")
    status = json.loads(appliance.command("status", "--json").stdout)
    assert (status["health"], status["state"], status["error"]) == ("healthy", "serving", None)
    assert "SyntaxError" in json.dumps(status["last_error"])
    assert status["last_reload"]["generation"] == status["generation"]
    assert status["last_reload"]["duration_s"] > 0
    assert status["worker_pid"] in {child["pid"] for child in status["processes"] if child["role"] == "worker"}
    said = appliance.command("status")
    assert said.returncode == 0
    assert "last error, fixed since" in said.stdout


def test_a_question_that_is_not_one_is_the_status(start: Start):
    """The answer to any other question, or none, on the socket is the status."""
    appliance = start()
    appliance.wait_for("worker.ready")

    def asked(question: bytes) -> str:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(appliance.socket))
            client.sendall(question)
            answer = b"".join(iter(lambda: client.recv(65_536), b""))
        return str(json.loads(answer)["health"])

    questions = (b"", b"\n", b"sta", b"\xff\n", b"x" * 200)
    assert {question: asked(question) for question in questions} == dict.fromkeys(questions, "healthy")


@pytest.mark.whole
def test_a_worker_stuck_in_c_says_where_and_delays_no_stop(start: Start, project: Path):
    """A worker that is stuck in C with the interpreter's lock says where, and does not hold up the status or a stop."""
    (project / "app.py").write_text(STUCK, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    ask_aside(appliance, "/")
    for _ in range(100):  # until the request has got there: each question takes its time
        stacks = appliance.command("status", "--stacks")
        if "grind" in stacks.stdout:
            break
    assert stacks.returncode == 0
    assert "app.py" in stacks.stdout
    assert appliance.command("status").returncode == 0
    assert appliance.stop() == 0


def test_a_slow_request_is_reported_once_with_its_place(start: Start, project: Path):
    """A request beyond SLOW_REQUEST_S is one event while it runs, whose traceback is the project's, innermost last."""
    (project / "app.py").write_text(WAITING, encoding="utf-8")
    appliance = start(APPLIANCE_SLOW_REQUEST_S="0.3")
    appliance.wait_for("worker.ready")
    request = ask_aside(appliance, "/wait")
    event = appliance.wait_for("request.slow")
    assert event["url.path"] == "/wait"
    assert event["running_s"] > 0.3
    assert "wait_for_message" in event["traceback"]
    assert event["traceback"].lstrip().startswith(f'File "{project / "app.py"}"')
    appliance.get("/free")
    request.join(30)
    appliance.stop()
    (finished,) = [each for each in appliance.events if each.get("url.path") == "/wait" and "duration_s" in each]
    assert finished["request_id"] == event["request_id"]
    assert [each for each in appliance.events if each["event"] == "request.slow"] == [event]


def test_a_hangup_asks_for_a_reload(start: Start):
    """SIGHUP without a controlling terminal starts a new generation, and the server goes on."""
    appliance = start()
    appliance.wait_for("worker.ready", generation=1)
    appliance.process.send_signal(signal.SIGHUP)
    assert appliance.wait_for("reload.started")["signal"] == "SIGHUP"
    appliance.wait_for("worker.ready", generation=2)
    assert appliance.get()[1] == b"one"
    assert appliance.stop() == 0


@pytest.mark.whole
@pytest.mark.parametrize(
    ("ignored", "event", "code"), [(False, "appliance.stopping", 129), (True, "reload.started", 0)], ids=["", "nohup"]
)
def test_the_terminals_hangup_is_a_stop(
    project: Path, cache: Path, tmp_path: Path, ignored: bool, event: str, code: int
):
    """With a controlling terminal SIGHUP says that it has gone, and everything ends; not under nohup."""

    def begin() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)

    ours, theirs = os.openpty()
    program = subprocess.Popen(
        [sys.executable, "-I", "-m", "appliance", "--port=0", f"--project={project}", f"--cache={cache}",
         f"--status-socket={tmp_path / 'status.sock'}", "--log-format=json"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=begin,  # noqa: PLW1509  two system calls
    )  # fmt: skip
    with program, os.fdopen(ours), os.fdopen(theirs):
        assert program.stdout is not None
        events = (json.loads(line)["event"] for line in program.stdout)
        assert "worker.ready" in events
        program.send_signal(signal.SIGHUP)
        assert event in events
        if ignored:
            program.terminate()
        assert program.wait(timeout=10) == code


def test_a_quit_tells_where_it_was(start: Start):
    """SIGQUIT logs the stacks of the worker's threads, then stops."""
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.stop(signal.SIGQUIT) == 131
    (event,) = [each for each in appliance.events if each["event"] == "worker.stacks"]
    assert "Thread" in event["traceback"]
