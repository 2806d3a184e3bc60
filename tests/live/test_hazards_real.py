"""Compiled and real packages that a fork may not survive: gevent and numpy themselves, an extension in C."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]

NATIVE = Path(__file__).parent.parent / "apps" / "hazards" / "haz_native.c"

PAGE = """
import json, os, sys
import {imported}

def app(environ, start_response):
    facts = {{"word": "one", "pid": os.getpid(), "seen": {expression}}}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]
"""

DRAWS = """
import numpy
from numpy.random import default_rng

unseeded = default_rng()
other = numpy.random.default_rng(None)
seeded = default_rng(7)
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def test_an_extension_that_starts_a_thread_works_in_each_worker(start: Start, project: Path, packages: Path):
    """An extension in C whose import starts a thread is imported by each worker itself, and works there."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_paths()["include"]
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-pthread", f"-I{include}", "-o", packages / f"haz_native{suffix}", NATIVE],
        check=True,
    )
    page = PAGE.format(imported="haz_native, colorsys", expression="haz_native.ask()")
    (project / "app.py").write_text(page, encoding="utf-8")
    appliance = start(PYTHONPATH=str(packages), APPLIANCE_PYTHON=sys.executable)
    appliance.wait_for("preload.ready", within_s=60)
    for word in ("two", "three"):
        assert appliance.reload(page, word)["seen"] is True
        assert appliance.was_forked()
    left = json.loads(appliance.command("status", "--json").stdout)["preload"]["left_out"]
    assert left["haz_native"].startswith("starts a thread")


def test_unseeded_generators_differ_in_each_worker(start: Start, project: Path, packages: Path):
    """Numbers of a package's unseeded generators differ from worker to worker; those of a seeded one do not."""
    (packages / "haz_draws.py").write_text(DRAWS, encoding="utf-8")
    draws = "[each.integers(2**62).item() for each in (haz_draws.unseeded, haz_draws.other, haz_draws.seeded)]"
    page = PAGE.format(imported="haz_draws", expression=draws + ' + ["numpy" in sys.modules]')
    (project / "app.py").write_text(page, encoding="utf-8")
    appliance = start(PYTHONPATH=str(packages), APPLIANCE_PYTHON=sys.executable, APPLIANCE_INSTALL="off")
    appliance.wait_for("preload.ready", within_s=60)
    seen = []
    for word in ("two", "three"):
        seen.append(appliance.reload(page, word)["seen"])
        assert appliance.was_forked()
    left = json.loads(appliance.command("status", "--json").stdout)["preload"]["left_out"]
    assert "haz_draws" not in left
    assert len({*seen[0][:2], *seen[1][:2]}) == 4
    assert seen[0][2] == seen[1][2]


PATCHED = """
from gevent import monkey
monkey.patch_all()

import threading
import time

import gevent

ticks = []

def tick():
    while True:
        ticks.append(None)
        time.sleep(0.01)

gevent.spawn(tick)
threading.Thread(target=tick, daemon=True).start()
waiting = threading.Barrier(2)

def app(environ, start_response):
    if environ["PATH_INFO"] == "/meet":
        waiting.wait(10)
    if environ["PATH_INFO"] == "/ticks":
        seen = len(ticks)
        while len(ticks) < seen + 4:
            time.sleep(0.001)
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{word}", body]
"""


def test_a_project_that_gevent_patches_is_served(start: Start, project: Path):
    """A project that gevent has patched is served, its greenlets run beside, and every start of it is a cold one."""
    (project / "app.py").write_text(PATCHED.replace("{word}", "one"), encoding="utf-8")
    appliance = start(APPLIANCE_PYTHON=sys.executable, APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    for word in ("one", "two", "three"):
        if word != "one":
            appliance.edit("app.py", PATCHED.replace("{word}", word))
            appliance.wait_for("reload.finished")
        assert appliance.get()[1] == word.encode()
        assert appliance.get("/ticks")[1] == word.encode()
        with ThreadPoolExecutor(2) as clients:  # each waits for the other: they run at the same time
            assert [got[1] for got in clients.map(appliance.get, ["/meet", "/meet"])] == [word.encode()] * 2
        assert posted_slowly(appliance, b"0123456789") == word.encode() + b"0123456789"
        assert not appliance.was_forked()
    assert appliance.stop() == 0


def posted_slowly(appliance: Appliance, body: bytes) -> bytes:
    """Return the answer to a body that comes in two parts, with another request in between."""
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        sock.sendall(body[:5])
        appliance.get()
        sock.sendall(body[5:])
        return b"".join(iter(partial(sock.recv, 65536), b"")).partition(b"\r\n\r\n")[2]
