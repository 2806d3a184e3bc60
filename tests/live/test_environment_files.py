"""With any file at ``.env`` the project is served; an unreadable part is one warning."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]
SHOWS = "import os\n" + HELLO.replace('b"{word}"', 'repr(os.environ.get("WORD")).encode()')


@pytest.fixture
def shows(project: Path) -> Path:
    """A project whose page is its variable WORD."""
    (project / "app.py").write_text(SHOWS, encoding="utf-8")
    return project


def test_a_bad_line_is_a_warning(start: Start, shows: Path):
    """A file with lines that mean nothing is reported once, at the start and in each other state; the rest counts."""
    (shows / ".env").write_text("WORD=first\nnot a line\n'a=b'=c\n", encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off")
    reported = appliance.wait_for("environment.unread")
    assert (reported["file"], reported["line"], reported["count"]) == (".env", 2, 2)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'first'"
    appliance.edit(".env", "WORD=second\n'a=b'=c\nnot a line\n")
    assert appliance.wait_for("environment.unread")["line"] == 2
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'second'"
    appliance.edit("app.py", SHOWS + "\n")
    appliance.wait_for("reload.finished")
    for command in ("check", "config", "doctor"):
        done = appliance.command(command)
        assert ".env, line 2" in done.stdout, done
        assert done.returncode == 0 or command == "doctor"
    ran = appliance.command("run", "python", "-c", "import os; print(os.environ['WORD'])")
    assert (ran.stdout, ".env, line 2" in ran.stderr) == ("second\n", True)
    assert appliance.stop() == 0
    assert sum(event["event"] == "environment.unread" for event in appliance.events) == 2


def test_a_bad_setting_still_stops_the_start(start: Start, shows: Path):
    """A wrong APPLIANCE_* value is an error, whatever else is wrong in the file."""
    (shows / ".env").write_text("not a line\nAPPLIANCE_THREADS=many\n", encoding="utf-8")
    appliance = start()
    assert "APPLIANCE_THREADS" in appliance.wait_for("settings.invalid")["found"]
    assert appliance.process.wait(timeout=10) == 2


@pytest.mark.parametrize("kind", ["folder", "environment", "null", "nowhere", "itself", "huge"])
def test_unusual_env_files_keep_no_project_from_being_served(start: Start, shows: Path, kind: str):
    """A folder, a virtual environment, a link, a file of 100 MB: served, with at most one warning."""
    file = shows / ".env"
    if kind in {"folder", "environment"}:
        file.mkdir()
        (file / ("pyvenv.cfg" if kind == "environment" else "x")).touch()
    elif kind == "huge":
        with file.open("wb") as written:
            written.truncate(100 * 1024 * 1024)
    else:
        file.symlink_to({"null": "/dev/null", "nowhere": "nothing", "itself": ".env"}[kind])
    appliance = start(APPLIANCE_INSTALL="off", WORD="served")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'served'"
    appliance.edit("app.py", SHOWS + "\n")
    appliance.wait_for("reload.finished")
    assert appliance.stop() == 0
    reported = [event for event in appliance.events if event["event"] == "environment.unread"]
    assert len(reported) == (0 if kind == "null" else 1)


def test_a_pipe_gives_each_generation_its_content(start: Start, shows: Path):
    """A secret manager that writes the pipe for each reading is read at each look at the project, and causes none."""
    pipe = shows / ".env"
    os.mkfifo(pipe)
    words = ["first"]
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with contextlib.suppress(BrokenPipeError), pipe.open("w") as file:  # waits for a reader
                file.write(f"WORD={words[-1]}\n")

    manager = threading.Thread(target=serve)
    manager.start()
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'first'"
    words.append("second")
    (shows / "requirements.txt").touch()  # another look at the project
    appliance.wait_for("reload.finished")
    assert appliance.get()[1] == b"'second'"
    assert appliance.stop() == 0
    over.set()
    with pipe.open("rb"):
        manager.join()
    names = [event["event"] for event in appliance.events]
    assert names.count("environment.unread") == 0
    assert names.count("reload.started") == 1


def test_a_variable_that_no_process_can_have(start: Start, shows: Path):
    """A variable of 200 KB is a page that names it, with BEFORE_START and without; made shorter, it is served."""
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_BEFORE_START="echo ran")
    appliance.wait_for("worker.ready")
    appliance.edit(".env", f"BIG={'x' * 200_000}\nWORD=big\n")
    failed = appliance.wait_for("start.failed")
    assert "BIG" in failed["found"]
    while b"BIG has 200005 bytes" not in (answer := appliance.get(Accept="text/plain"))[1]:
        assert answer[0].status == 200  # the event comes before the worker is told to go
    assert answer[0].status == 500
    appliance.edit(".env", "BIG=x\nWORD=small\n")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'small'"
    assert appliance.stop() == 0
