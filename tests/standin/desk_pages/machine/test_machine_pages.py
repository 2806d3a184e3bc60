"""The pages about processes, settings and packages, with a supervisor that answers whatever a test says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.standin.desk_pages.machine.machine_pages import MachinePages
from appliance.standin.desk_pages.page_frame import PageAnswers

HOSTILE = "<script>alert(1)</script>\"'&"
ROW = {"name": HOSTILE, "value": HOSTILE, "origin": HOSTILE}
ANSWERS: dict[str, dict[str, Any]] = {
    "status": {
        "uptime_s": 3725.0,
        "processes": [{"role": HOSTILE, "pid": 2**22 + 1, "generation": 3, "state": HOSTILE, "age_s": 1.0}],
    },
    "memory": {"memory": {"used": 2**20, "limit": 2**30}},
    "settings": {
        "settings": [{**ROW, "help": HOSTILE}, {**ROW, "origin": "default", "help": ""}],
        "variables": [ROW],
        "hidden": [{"name": HOSTILE, "file": HOSTILE}],
        "unread": [HOSTILE],
        "application": {"name": HOSTILE, "framework": HOSTILE, "why": HOSTILE},
    },
    "environment": {
        "folder": f"/{HOSTILE}", "python": HOSTILE, "source": HOSTILE, "files": [], "project": "/", "added": [],
    },
}  # fmt: skip
Ask = Callable[..., str]


def ask(path: Path, page: str, accept: str = "text/html") -> str:
    """The content of a page."""
    pages = MachinePages(str(path), PageAnswers(lambda: "", records=True))
    parts = pages.gets[f"/__appliance__/{page}"]({"HTTP_ACCEPT": accept}, lambda *_: None)
    return b"".join(parts).decode()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Path]:
    """The socket of a supervisor that answers each question."""
    path = tmp_path / "status.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                question = connection.recv(100).decode().strip()
                connection.sendall(json.dumps(ANSWERS.get(question, {})).encode())

    thread = threading.Thread(target=serve)
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


PAGES = ["processes", "settings", "packages"]


@pytest.mark.parametrize("page", PAGES)
def test_no_text_of_the_machine_becomes_an_element(supervisor: Path, page: str):
    """Names and values are text on every page."""
    shown = ask(supervisor, page)
    assert shown.count("<script") == 1  # our own
    assert "&lt;script&gt;alert(1)" in shown
    assert json.loads(ask(supervisor, page, "*/*"))


@pytest.mark.parametrize("page", PAGES)
def test_a_silent_supervisor_causes_no_error(tmp_path: Path, page: str):
    """Without an answer each page is there; that of the processes has the one that is known."""
    assert "<h1>" in ask(tmp_path / "none.sock", page)
    assert isinstance(json.loads(ask(tmp_path / "none.sock", page, "*/*")), dict)


def test_settings_that_were_set_come_first(supervisor: Path):
    """A person looks for what was changed: it stands above the defaults, with its origin."""
    shown = ask(supervisor, "settings")
    assert shown.index("<h2>Set</h2>") < shown.index("To look at") < shown.index("<h2>Defaults</h2>")


def test_processes_show_the_limit_of_the_container(supervisor: Path):
    """The page has the sum, and what the container may use; a process that has gone has no sizes."""
    shown = ask(supervisor, "processes")
    assert "The container uses 1.0 MiB of its 1024.0 MiB." in shown
    assert "1 h 2 min" in shown
