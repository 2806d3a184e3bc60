"""An appliance in which one call fails, and what must still hold for it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

# It prints, loads modules that can be preloaded, and waits in its import where a test wants it to.
APP = """
import os, colorsys, sched
print("imported")
if os.path.exists("slow"):
    open("slow").read()
def app(environ, start_response):
    print("asked")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{word}"]
"""
RUN_WITH_FAULT = Path(__file__).parent / "run_with_fault.py"


class ApplianceWithFault(Appliance):
    """``arm`` has its fault begin, ``disarm`` ends it."""

    def __init__(self, folder: Path, fault: dict[str, object], settings: dict[str, str], *, armed: bool) -> None:
        self.armed, self.made = folder / "armed", folder / "made"
        if armed:
            self.arm()
        parameters = {**fault, "armed": str(self.armed), "made": str(self.made)}
        self.program = (str(RUN_WITH_FAULT), json.dumps(parameters))
        # A function that others import by name can be replaced only before they do.
        self.is_forked = self.is_forked and (
            ":" not in str(fault["call"]) or "." in str(fault["call"]).partition(":")[2]
        )
        self.garbage: list[bytes] = []  # lines of stdout that are no JSON objects
        self._saves = 0
        self.stderr = folder / "stderr"
        super().__init__(folder / "project", folder / "cache", folder / "status.sock", settings)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self._incoming.put(json.loads(line))
            except ValueError:
                self.garbage.append(line)
        self._incoming.put(None)

    def arm(self) -> None:
        """From now on it fails."""
        self.armed.touch()

    def disarm(self) -> None:
        """From now on it does not."""
        self.armed.unlink()

    def wait_for_event(self) -> None:
        """Any event."""
        event = self._incoming.get(timeout=30)
        assert event is not None, self.events
        self.events.append(event)

    def answers(self) -> int:
        """The status of an answer, whatever it is; like a browser's, a request whose connection ends is made again."""
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                return self.get()[0].status
        return self.get()[0].status

    def provoke(self) -> None:
        """Do whatever an appliance is for, over and over, until the fault has been met."""
        deadline = time.monotonic() + 30
        while not self.made.exists():
            assert time.monotonic() < deadline, "nothing fails: the test shows nothing"
            self._save_slowly()
            assert self.answers() in {200, 500, 503}
            if not self.made.exists():
                self.command("status")

    def _save_slowly(self) -> None:
        """A save whose import takes so long that the stand-in answers; an idle connection passes through it."""
        slow = self.project / "slow"
        os.mkfifo(slow)
        idle = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(idle), contextlib.suppress(OSError, HTTPException):
            idle.request("GET", "/")
            idle.getresponse().read()
            self._saves += 1  # each one differs: what is saved unchanged is no save
            self.edit("app.py", APP.format(word=f"slow {self._saves}"))
            self.answers()
        with contextlib.suppress(OSError):  # nobody has come to wait
            os.close(os.open(slow, os.O_WRONLY | os.O_NONBLOCK))
        slow.unlink()

    def save(self) -> None:
        """Save the application with another word, and wait until that is served."""
        self._saves += 1
        word = f"word {self._saves}"
        self.edit("app.py", APP.format(word=word))
        while not self._is_served(word):
            self.wait_for_event()

    def _is_served(self, word: str) -> bool:
        try:
            return self.get()[1] == word.encode()
        except (OSError, HTTPException):  # a worker that was killed takes its requests with it
            return False

    def ends_well(self) -> None:
        """Assert that the appliance stops as asked, with only JSON on stdout, and nothing on stderr."""
        assert self.stop() == 0
        assert self.garbage == []
        assert self.events[-1]["event"] in {"appliance.stopped", "records.lost"}
        assert self.stderr is not None
        assert self.stderr.read_bytes() == b""


Make = Callable[..., ApplianceWithFault]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with one plain application."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP.format(word="one"), encoding="utf-8")
    return folder


@pytest.fixture
def faulty(project: Path, tmp_path: Path) -> Iterator[Make]:
    """Start an appliance with a fault; it is ended after the test."""
    running: list[ApplianceWithFault] = []

    def begin(fault: dict[str, object], *, armed: bool = False, **settings: str) -> ApplianceWithFault:
        appliance = ApplianceWithFault(tmp_path, fault, {"APPLIANCE_INSTALL": "off", **settings}, armed=armed)
        running.append(appliance)
        return appliance

    yield begin
    for appliance in running:
        appliance.close()
