"""A stop is obeyed in every stage, though stdout is a pipe that nobody reads, or is none at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import NotRunningError
from appliance.supervisor.reporting.status_socket import ask
from tests.live.launcher import launch
from tests.live.live_appliance import HELLO, Appliance

pytestmark = pytest.mark.whole

IMPORTS = f"import threading\nthreading.Event().wait()\n{HELLO.format(word='served')}"
FLOOD = """
import threading
def flood():
    while True:
        print("x" * 1000)
threading.Thread(target=flood, daemon=True).start()
"""
STAGES = {
    "importing": (IMPORTS, {}, "booting"),
    "serving": (HELLO.format(word="served"), {}, "serving"),
    "broken": ("def app(:\n", {}, "broken"),
    "preparing": (HELLO.format(word="served"), {"APPLIANCE_BEFORE_START": "exec sleep 3600"}, "preparing"),
    "companions": (
        IMPORTS,
        {"PROCFILE": "floods: yes\ndeaf: trap '' TERM; sleep 3600 & wait\n", "APPLIANCE_GRACE_S": "1"},
        "booting",
    ),
    "flooding": (FLOOD + HELLO.format(word="served"), {}, "serving"),
}


class Unread(Appliance):
    """An appliance whose stdout and stderr are pipes without any room."""

    def __init__(self, folder: Path, settings: dict[str, str], redirected: str = "") -> None:
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(write, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write, b"x" * 4096)
        os.set_blocking(write, True)
        self.ours = read
        self.socket = folder / "status.sock"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APPLIANCE_", "PYTHON"))}
        self.environment = {
            **inherited,
            "APPLIANCE_PROJECT": str(folder / "project"),
            "APPLIANCE_PORT": "0",
            "APPLIANCE_CACHE": str(folder / "cache"),
            "APPLIANCE_STATUS_SOCKET": str(folder / "status.sock"),
            "APPLIANCE_INSTALL": "off",
            **settings,
        }
        if redirected or not self.is_forked:
            program = [sys.executable, "-I", "-m", "appliance"]
            if redirected:
                program = ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", *program]
            self.process = subprocess.Popen(program, env=self.environment, stdout=write, stderr=write)
        else:
            self.process = launch(self.program, self.environment, write, write)
        os.close(write)

    def wait_until(self, state: str) -> None:
        """Until its status names this state."""
        while self._state() != state:
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"it ended with {self.process.wait(timeout=0.02)}")

    def _state(self) -> str:
        try:
            return str(ask(self.socket)["state"])
        except NotRunningError:
            return ""

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the project."""
    (tmp_path / "project").mkdir()
    return tmp_path


@pytest.fixture
def unread(folder: Path, request: pytest.FixtureRequest) -> Iterator[Unread]:
    """An appliance in the stage that the test names."""
    source, given, state = STAGES[request.param]
    settings = {**given}
    (folder / "project" / "Procfile.dev").write_text(settings.pop("PROCFILE", ""), encoding="utf-8")
    (folder / "project" / "app.py").write_text(source, encoding="utf-8")
    appliance = Unread(folder, settings)
    appliance.wait_until(state)
    yield appliance
    appliance.close()


@pytest.mark.parametrize(
    ("unread", "number"), [*((stage, signal.SIGTERM) for stage in STAGES), ("serving", signal.SIGINT)],
    indirect=["unread"],
)  # fmt: skip
def test_a_stop_without_a_reader_ends_in_time_with_its_code(unread: Unread, number: signal.Signals):
    """The appliance ends in time, whatever it does, with the exit code of the signal."""
    unread.process.send_signal(number)
    assert unread.process.wait(timeout=8) == {signal.SIGTERM: 0, signal.SIGINT: 130}[number]


@pytest.mark.parametrize("redirected", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", ">/dev/full 2>&1"])
def test_the_appliance_serves_and_stops_with_any_output_streams(folder: Path, redirected: str):
    """With any stdout and stderr the appliance serves, stops with code 0, and writes nothing but JSON."""
    (folder / "project" / "app.py").write_text(HELLO.format(word="served"), encoding="utf-8")
    appliance = Unread(folder, {}, redirected)
    try:
        appliance.wait_until("serving")
        appliance.process.send_signal(signal.SIGTERM)
        assert appliance.process.wait(timeout=8) == 0
        os.set_blocking(appliance.ours, False)
        said = b"".join(iter(lambda: os.read(appliance.ours, 65536), b"")).lstrip(b"x")
        assert b"Traceback" not in said
        assert all(line.startswith(b"{") for line in said.splitlines())
    finally:
        appliance.close()
