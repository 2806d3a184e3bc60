"""An appliance on a terminal of its own, and the person in front of it."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path


class OnTerminal:
    """An appliance on a terminal of its own, and the person in front of it."""

    def __init__(self, folder: Path, files: Mapping[str, str], **more: str) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        for name, text in files.items():
            (self.project / name).write_text(text, encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.screen, theirs = pty.openpty()
        self.modes = termios.tcgetattr(theirs)
        self._seen = b""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("APPLIANCE_", "PYTHON"))}
        settings = {
            "PROJECT": str(self.project),
            "PORT": str(self.port),
            "INSTALL": "off",
            "CACHE": str(folder / "cache"),
            "STATUS_SOCKET": str(folder / "status.sock"),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-m", "appliance"],
            env={**kept, **more, "TERM": "dumb"} | {f"APPLIANCE_{name}": value for name, value in settings.items()},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def read_until(self, words: str, within_s: float = 30) -> str:
        """Return the text on the screen up to these words."""
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
