"""Saves under load: nothing is refused, cut or failed, and nothing is older than what a client has seen."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

EDITS = 100
APP = """
import os, threading
def app(environ, start_response):
    if environ["PATH_INFO"] == "/held":
        print("held", flush=True)
        while not os.path.exists("release"):
            threading.Event().wait(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{number:06}"]
"""


class Crowd:
    """Clients that ask all the time, each with a pause of 5 ms: four by new connections, four by kept ones."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._seen = 0  # the newest version that any of them has been answered
        self._over = threading.Event()
        self.failures: list[str] = []
        self.answers = 0
        self._threads = [
            threading.Thread(target=self._ask, kwargs={"keep": keep}) for keep in (True, False) for _ in range(4)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, *, keep: bool) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._over.wait(0.005):
            least = self._seen
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                body = response.read()
            except (OSError, HTTPException) as error:
                self.failures.append(f"{'kept' if keep else 'new'}: {error!r}")
                connection.close()
                continue
            self.answers += 1
            if response.status != 200 or not body.isdigit() or int(body) < least:
                self.failures.append(f"{response.status} {body[:80]!r}, when {least} had been seen")
            else:
                self._seen = max(self._seen, int(body))
            if not keep or response.will_close:
                connection.close()
        connection.close()


def test_saves_under_load(start: Start, project: Path):
    """A hundred saves under eight clients: no answer but 200, no connection fails, none is older than one seen."""
    (project / "app.py").write_text(APP.format(number=0), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    with Crowd(appliance.port) as crowd:
        for number in range(1, EDITS + 1):
            appliance.edit("app.py", APP.format(number=number))
            while int(appliance.get()[1]) != number:
                appliance.wait_for("reload.finished")
    assert crowd.failures == []
    assert crowd.answers > EDITS


def test_a_request_in_flight(start: Start, project: Path):
    """A request that runs through a save is answered by the old code, after the new code has answered others."""
    (project / "app.py").write_text(APP.format(number=1), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    held: list[bytes] = []
    thread = threading.Thread(target=lambda: held.append(appliance.get("/held")[1]))
    thread.start()
    appliance.wait_for("output", text="held")
    appliance.edit("app.py", APP.format(number=2))
    for _ in itertools.repeat(None):
        if appliance.get()[1] == b"000002":
            break
        appliance.wait_for("reload.finished")
    assert held == []
    (project / "release").touch()
    thread.join()
    assert held == [b"000001"]
