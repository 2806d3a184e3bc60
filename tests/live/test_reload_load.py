"""Saves under load: nothing is refused, cut or failed, and nothing is older than what a client has seen."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance
from tests.soak.crowd import Crowd, work
from tests.thorough import THOROUGH

Start = Callable[..., Appliance]

EDITS = 100 if THOROUGH else 25
PAGE_S = 0.8  # a client waits for a second, which may begin before the reload
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


@pytest.mark.whole
def test_saves_under_load_fail_no_request_and_serve_nothing_stale(start: Start, project: Path):
    """Many saves under eight clients: no answer but 200 within a second, no failed connection, none older than seen."""
    (project / "app.py").write_text(APP.format(number=0), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    with Crowd(appliance.port, pages=frozenset({503})) as crowd:
        for number in range(1, EDITS + 1):
            appliance.edit("app.py", APP.format(number=number))
            while appliance.get()[1] != b"%06d" % number:
                appliance.wait_for("reload.finished")
    assert crowd.failures == []
    assert crowd.answers.total() > EDITS
    assert appliance.stop() == 0
    slowest_s = max(event["duration_s"] for event in appliance.events if event["event"] == "reload.finished")
    assert slowest_s > PAGE_S or not crowd.answers[503], "the page was shown before a client had waited for a second"


BUSY = """
import threading
def spin():
    while True:
        pass
for _ in range(4):
    threading.Thread(target=spin, daemon=True).start()
"""


@pytest.mark.whole
def test_saves_while_the_interpreter_is_busy_serve_nothing_stale(start: Start, project: Path):
    """While a worker is slow to hear that it is to drain the next one waits: no answer is older than one seen."""
    (project / "app.py").write_text(BUSY + APP.format(number=0), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    with Crowd(appliance.port, pages=frozenset({503})) as crowd:  # the page, after a start of more than a second
        for number in range(1, 7):
            appliance.edit("app.py", (BUSY if number % 2 == 0 else "") + APP.format(number=number))
            while appliance.get()[1] != b"%06d" % number:
                appliance.wait_for("reload.finished")
    assert crowd.failures == []


def test_a_request_in_flight_is_answered_by_the_old_code(start: Start, project: Path):
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


def test_reloads_under_load_lose_no_request():
    """Saves at any moment, broken and slow ones among them: each connection gets its answer, the last is served."""
    result = work(seconds=12, seed=1) if THOROUGH else work(seconds=6, seed=170)
    assert result.failures == []
    assert {200, 500, 503} <= result.answers.keys()
