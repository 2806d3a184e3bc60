"""The commands of BEFORE_START: run before the first worker, again when they change, never in a loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]


def test_the_commands_run_before_the_first_worker(start: Start):
    """The commands run in the project's environment and folder before the first worker; each line is logged."""
    appliance = start(APPLIANCE_BEFORE_START="pwd; python -c 'import sys; print(sys.prefix)'\ncat app.py | head -n 1")
    began = appliance.wait_for("preparation.started")
    assert "pwd" in began["commands"]
    appliance.wait_for("output", role="preparation", text=str(appliance.project))
    assert "environments" in appliance.wait_for("output", role="preparation")["text"]
    appliance.wait_for("preparation.finished")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"


def test_a_save_does_not_run_them_again(start: Start):
    """A reload is a reload; a change of the commands in an .env file runs them again."""
    project_env = "APPLIANCE_BEFORE_START=echo first\n"
    appliance = start(SOME="value")
    appliance.wait_for("worker.ready")
    appliance.edit(".env", project_env)
    appliance.wait_for("output", text="first")
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", (appliance.project / "app.py").read_text() + "\n")
    appliance.wait_for("worker.ready")
    appliance.edit(".env", "APPLIANCE_BEFORE_START=echo second\n")
    appliance.wait_for("output", text="second")
    appliance.wait_for("worker.ready")
    appliance.stop()
    assert [event["text"] for event in appliance.events if event["event"] == "output"] == ["first", "second"]


def test_a_failure_is_a_page(start: Start):
    """A command that fails and writes a file each time is reported once with its output, and tried again at a save."""
    appliance = start(APPLIANCE_BEFORE_START="date +%N > made.py; echo no such table >&2; test -e mended.py")
    failed = appliance.wait_for("preparation.failed")
    assert failed["output"] == ["no such table"]
    assert "exit status 1" in failed["found"]
    response, body = appliance.get(Accept="text/plain")
    assert response.status == 500
    assert b"no such table" in body
    appliance.edit("mended.py", "")
    appliance.wait_for("worker.ready")
    appliance.stop()
    assert sum(event["event"] == "preparation.failed" for event in appliance.events) == 1


@pytest.mark.whole
def test_an_edit_and_a_stop_end_commands_that_hang(start: Start):
    """Commands that never end are ended by an edit of what they depend on; a stop ends them too."""
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit(".env", "APPLIANCE_BEFORE_START=echo waiting; tail -f /dev/null\n")
    appliance.wait_for("output", text="waiting")
    appliance.edit(".env", "APPLIANCE_BEFORE_START=echo went\n")
    appliance.wait_for("output", text="went")
    appliance.wait_for("worker.ready")
    appliance.edit(".env", "APPLIANCE_BEFORE_START=echo again; tail -f /dev/null\n")
    appliance.wait_for("output", text="again")
    assert appliance.stop() == 0


def test_commands_that_write_their_own_input_come_to_an_end(start: Start):
    """Commands that write the .env file that they depend on are run until nothing changes any more."""
    appliance = start(APPLIANCE_BEFORE_START="echo ran; echo A=1 > .env")
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", (appliance.project / "app.py").read_text() + "\n")
    appliance.wait_for("reload.finished")
    appliance.stop()
    assert sum(event.get("text") == "ran" for event in appliance.events) <= 2


def test_the_page_shows_how_far_it_is(start: Start, project: Path):
    """A client that asks while commands run gets their last line on the waiting page."""
    os.mkfifo(project / "go")
    appliance = start(APPLIANCE_BEFORE_START="echo half way; cat go")
    appliance.wait_for("output", text="half way")
    response, body = appliance.get(Accept="text/plain")
    assert response.status == 503
    assert b"half way" in body
    (project / "go").write_text("now", encoding="utf-8")
    appliance.wait_for("worker.ready")


ALONE = """
import fcntl, signal, sys, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = open("lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("overlapped", flush=True)
print("began", sys.argv[1], flush=True)
threading.Event().wait()
"""


@pytest.mark.whole
@pytest.mark.parametrize("form", ["python run.py {}", "python run.py {}; true", "(python run.py {} &) ; sleep 60"])
def test_a_run_that_outlives_its_shell_ends_before_the_next(start: Start, project: Path, form: str):
    """A run that ignores signals and outlives its shell is over before the next begins, even if that is due at once."""
    (project / "run.py").write_text(ALONE, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit(".env", f"APPLIANCE_BEFORE_START={form.format(1)}\n")
    appliance.wait_for("output", text="began 1")
    appliance.edit(".env", f"APPLIANCE_BEFORE_START={form.format(2)}\n")
    appliance.wait_for("preparation.waiting")
    appliance.edit(".env", f"APPLIANCE_BEFORE_START={form.format(3)}\n")
    appliance.wait_for("output", text="began 3")
    assert appliance.stop() == 0
    assert not [event for event in appliance.events if event.get("text") == "overlapped"]
