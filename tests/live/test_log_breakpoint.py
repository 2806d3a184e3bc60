"""A breakpoint: asked at the terminal if there is one, and otherwise passed."""

from __future__ import annotations

import os
import re
import signal
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.live_appliance import Start
from tests.live.terminal_appliance import OnTerminal, ask, get

SOURCE = """
import sys
def app(environ, start_response):
    answer = 6 * 7
    {stop}
    print("went on with", answer)
    start_response("200 OK", [])
    return [str(answer).encode()]
"""


@pytest.fixture
def on_terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnTerminal]:
    """The project that stops so."""
    running = OnTerminal(tmp_path, {"app.py": SOURCE.format(stop=request.param)})
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


@pytest.mark.whole
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


@pytest.mark.whole
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


@pytest.mark.whole
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
    """Without a terminal the request is served, and the log names the place of the breakpoint and the action."""
    (project / "app.py").write_text(SOURCE.format(stop="breakpoint()"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"42"
    passed = appliance.wait_for("breakpoint.passed")
    assert re.search(r"app\.py$", passed["file"])
    assert passed["line"] == 5
    assert "terminal" in passed["action"]
