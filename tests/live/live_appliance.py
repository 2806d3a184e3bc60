"""Real processes: an appliance that serves a folder, its log as events to wait for."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.live.launcher import FORKS, ForkedProcess, command, launch
from tests.waiting_processes import waiting_below

Event = dict[str, Any]

HELLO = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{word}"]
"""

PATIENCE_S = 60.0  # for an event that comes at once on a machine that has nothing else to do


class Appliance:
    """One `appliance serve`, and everything that it has said."""

    stderr: Path | None = None  # where it is to be kept
    program: tuple[str, ...] = ("-m", "appliance")
    is_forked = FORKS

    def __init__(self, project: Path, cache: Path, status_socket: Path, settings: dict[str, str]) -> None:
        self.project = project
        self.socket = status_socket
        self.events: list[Event] = []
        self._incoming: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APPLIANCE_", "PYTHON"))}
        self.environment = {
            **inherited,
            "APPLIANCE_PROJECT": str(project),
            "APPLIANCE_PORT": "0",
            "APPLIANCE_CACHE": str(cache),
            "APPLIANCE_STATUS_SOCKET": str(status_socket),
            "APPLIANCE_LOG_LEVEL": "debug",
            **settings,
        }
        self.process = self._begin()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _begin(self) -> subprocess.Popen[bytes] | ForkedProcess:
        with contextlib.nullcontext() if self.stderr is None else self.stderr.open("wb") as stderr:
            if self.is_forked:
                read, stdout = os.pipe()
                process = launch(self.program, self.environment, stdout, 2 if stderr is None else stderr.fileno())
                os.close(stdout)
                process.stdout = os.fdopen(read, "rb")
                return process
            return subprocess.Popen(
                [sys.executable, "-I", *self.program],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # no terminal of whoever runs the tests: SIGHUP means something else with one
            )

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._incoming.put(json.loads(line))
        self._incoming.put(None)

    def wait_for(self, name: str, *, within_s: float = PATIENCE_S, **fields: Any) -> Event:
        """The next event of this name with these fields, from where the last wait ended."""
        deadline = time.monotonic() + within_s
        while True:
            event = self.next_event(name, within_s=max(0.0, deadline - time.monotonic()))
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                return event

    def next_event(self, name: str = "event", *, within_s: float = PATIENCE_S) -> Event:
        """The next event, whatever it is; ``name`` is what is waited for."""
        try:
            event = self._incoming.get(timeout=within_s)
        except queue.Empty:
            waiting = "\n".join(waiting_below(self.process.pid))
            raise AssertionError(f"no {name} in time; there were {self.events}\n{waiting}") from None
        if event is None:
            raise AssertionError(f"it ended without {name}; there were {self.events}")
        self.events.append(event)
        return event

    def until(self, condition: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
        """Wait until the condition holds, while the appliance runs: for conditions that no line of the log reports."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, self.events
            assert self._reader.is_alive(), "it has ended"
            self._reader.join(0.05)

    @property
    def port(self) -> int:
        """The address that the appliance listens on."""
        started = next((event for event in self.events if event["event"] == "appliance.started"), None)
        started = started or self.wait_for("appliance.started")
        return int(started["address"].rpartition(":")[2])

    def get(self, path: str = "/", **headers: str) -> tuple[HTTPResponse, bytes]:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response, response.read()

    def settled(self, **headers: str) -> tuple[HTTPResponse, bytes]:
        """The answer of the project, or the page of its failure: not the one that a client gets while a start lasts."""
        while True:
            response, body = self.get(**headers)
            if response.status != 503:
                return response, body

    def catch_up(self) -> None:
        """Read the log up to now: to the line of a request that is made now."""
        path = f"/caught-up-{len(self.events)}-{time.monotonic_ns()}"
        self.get(path)
        fields: dict[str, Any] = {"url.path": path}
        self.wait_for("request.finished", **fields)

    def edit(self, name: str, text: str) -> None:
        """Save a file as an editor does: another one, renamed over it."""
        file = self.project / name
        aside = file.with_name(f".{file.name}.new")
        aside.write_text(text, encoding="utf-8")
        aside.replace(file)

    def reload(self, page: str, word: str) -> dict[str, Any]:
        """Save ``page`` as app.py, with this for its word "one"; the facts that the new code tells, as JSON."""
        self.edit("app.py", page.replace('"one"', f'"{word}"'))
        while True:
            response, body = self.get()
            facts: dict[str, Any] = json.loads(body) if response.status == 200 else {}  # else a start takes a while
            if facts.get("word") == word:
                return facts
            self.wait_for("reload.finished")

    def was_forked(self) -> bool:
        """Whether the last worker was forked."""
        self.catch_up()
        return next(bool(each["forked"]) for each in reversed(self.events) if each["event"] == "worker.started")

    def command(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Another command for the same project."""
        return command(argv, self.environment)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal the appliance, read the rest of its log, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        while (event := self._incoming.get(timeout=30)) is not None:
            self.events.append(event)
        return code

    def close(self) -> None:
        """End the appliance, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


Start = Callable[..., Appliance]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: environments are made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with one plain application."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(HELLO.format(word="one"), encoding="utf-8")
    return folder


@pytest.fixture
def start(project: Path, cache: Path, tmp_path: Path) -> Iterator[Start]:
    """Start an appliance; every one is ended after the test."""
    running: list[Appliance] = []

    def begin(folder: Path | None = None, **settings: str) -> Appliance:
        appliance = Appliance(folder or project, cache, tmp_path / f"status-{len(running)}.sock", settings)
        running.append(appliance)
        return appliance

    yield begin
    for appliance in running:
        appliance.close()
