"""A breakpoint: asked at the terminal where there is one, passed where there is none."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.live.live_appliance import Start

SOURCE = """
import sys
def app(environ, start_response):
    answer = 6 * 7
    {stop}
    print("went on with", answer)
    start_response("200 OK", [])
    return [str(answer).encode()]
"""


class OnTerminal:
    """An appliance on a terminal of its own, and the person in front of it."""

    def __init__(self, folder: Path, source: str) -> None:
        project = folder / "project"
        project.mkdir()
        (project / "app.py").write_text(source, encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.screen, theirs = pty.openpty()
        self.modes = termios.tcgetattr(theirs)
        self._seen = b""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("APPLIANCE_", "PYTHON"))}
        settings = {
            "PROJECT": str(project),
            "PORT": str(self.port),
            "INSTALL": "off",
            "CACHE": str(folder / "cache"),
            "STATUS_SOCKET": str(folder / "status.sock"),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-m", "appliance"],
            env={**kept, "TERM": "dumb"} | {f"APPLIANCE_{name}": value for name, value in settings.items()},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def read_until(self, words: str, within_s: float = 30) -> str:
        """What is seen up to these words."""
        deadline = time.monotonic() + within_s
        while words.encode() not in self._seen:
            ready = select.select([self.screen], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"no {words!r} within {within_s} s; there was {self._seen.decode(errors='replace')}"
            self._seen += os.read(self.screen, 65_536)
        seen, _, self._seen = self._seen.partition(words.encode())
        return seen.decode(errors="replace")

    def press(self, key: str) -> None:
        """Press one key."""
        os.write(self.screen, key.encode())

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self.screen, f"{line}\n".encode())

    def close(self) -> None:
        """Leave."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        assert termios.tcgetattr(self.screen) == self.modes
        os.close(self.screen)


@pytest.fixture
def on_terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnTerminal]:
    """The project that stops so."""
    running = OnTerminal(tmp_path, SOURCE.format(stop=request.param))
    running.read_until("worker.ready")
    yield running
    running.close()


@pytest.mark.parametrize("on_terminal", ["breakpoint()", "import pdb; pdb.set_trace()"], indirect=True)
def test_a_breakpoint_asks_at_the_terminal(on_terminal: OnTerminal):
    """The prompt appears, answers, and the request goes on when it is told to; so again with the next one."""
    for given in (50, 51):  # two lines that say the same may be folded into one
        bodies: list[bytes] = []
        thread = threading.Thread(target=lambda seen: seen.append(get(on_terminal.port)), args=(bodies,))
        thread.start()
        on_terminal.read_until("(Pdb) ")
        on_terminal.type("p 'answer', answer + 1")
        assert "('answer', 43)" in on_terminal.read_until("(Pdb) ")
        on_terminal.type(f"answer = {given}")
        on_terminal.read_until("(Pdb) ")
        on_terminal.type("c")
        thread.join(30)
        assert bodies == [str(given).encode()]
        on_terminal.read_until(f"out | went on with {given}")


@pytest.mark.parametrize("on_terminal", ["answer = input('How many? ')"], indirect=True)
def test_a_question_is_asked_at_the_terminal(on_terminal: OnTerminal):
    """A plain input() is seen and answered too."""
    bodies: list[bytes] = []
    thread = threading.Thread(target=lambda: bodies.append(get(on_terminal.port)))
    thread.start()
    on_terminal.read_until("How many? ")
    on_terminal.type("seven")
    thread.join(30)
    assert bodies == [b"seven"]


@pytest.mark.parametrize("on_terminal", ["answer = sys.stdin.readline().strip()"], indirect=True)
def test_a_line_of_stdin_is_read_whole(on_terminal: OnTerminal):
    """A line that the project reads is echoed and edited, though its letters are keys of the appliance too."""
    bodies: list[bytes] = []
    thread = threading.Thread(target=lambda: bodies.append(get(on_terminal.port)))
    thread.start()
    deadline = time.monotonic() + 30
    while not termios.tcgetattr(on_terminal.screen)[3] & termios.ECHO:
        assert time.monotonic() < deadline
    on_terminal.type("qrx\x7fe?")
    thread.join(30)
    assert bodies == [b"qre?"]


@pytest.mark.parametrize("on_terminal", ["breakpoint()"], indirect=True)
def test_keys_are_obeyed_unless_pdb_asks(on_terminal: OnTerminal):
    """Keys are obeyed without Enter; not while pdb asks; and again after the death of a worker that had asked."""
    on_terminal.press("?")
    on_terminal.read_until("reload the project")
    on_terminal.press("r")
    on_terminal.read_until('signal="key r"')
    pid = int(re.findall(r"pid=(\d+)", on_terminal.read_until("(generation 2)"))[-1])
    thread = threading.Thread(target=ask, args=(on_terminal.port,))
    thread.start()
    on_terminal.read_until("(Pdb) ")
    on_terminal.type("e = 'q?e'")
    shown = on_terminal.read_until("(Pdb) ")
    assert "no error" not in shown
    os.kill(pid, signal.SIGKILL)
    on_terminal.read_until("worker.ready")
    on_terminal.press("e")
    on_terminal.read_until("worker.exited")
    on_terminal.press("q")
    on_terminal.read_until("appliance.stopped")
    assert on_terminal.process.wait(20) == 0
    thread.join(30)


def test_without_a_terminal_it_is_passed(start: Start, project: Path):
    """Where nobody can be asked, the request is served, and the log says where a breakpoint is and what to do."""
    (project / "app.py").write_text(SOURCE.format(stop="breakpoint()"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"42"
    passed = appliance.wait_for("breakpoint.passed")
    assert re.search(r"app\.py$", passed["file"])
    assert passed["line"] == 5
    assert "terminal" in passed["action"]


def ask(port: int) -> None:
    """Send a request whose worker may die."""
    with contextlib.suppress(OSError, HTTPException):
        get(port)


def get(port: int) -> bytes:
    """The body of one answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()
