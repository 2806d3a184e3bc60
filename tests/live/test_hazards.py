"""Packages and projects that do at import what no fork survives: a right answer or a clear page, never a wrong one."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance

Start = Callable[..., Appliance]

PACKAGES = Path(__file__).parent.parent / "apps" / "hazards" / "site-packages"

PAGE = """
import json
import os
import sys

os.environ["HAZARD_COLOUR"] = "red"

import haz_plain
import haz_thread, haz_user, haz_socket, haz_database, haz_environment, haz_random, haz_exit, haz_folder, haz_signal
import haz_child, haz_path, haz_settings, haz_bundle, haz_renamed

def app(environ, start_response):
    facts = {
        "word": "one",
        "pid": os.getpid(),
        "preloaded": haz_plain.preloaded,
        "thread": [haz_thread.ask(), haz_thread.lock.locked(), haz_user.has_it()],
        "port": haz_socket.port(),
        "database": [haz_database.count(), haz_database.opened_by],
        "colour": haz_environment.colour,
        "draws": haz_random.draws(),
        "seeded": haz_random.seeded.random(),
        "folders": [haz_exit.is_there(), haz_folder.is_there()],
        "signal": haz_signal.is_set(),
        "child": haz_child.ask(),
        "path": "/nowhere/at/all" in sys.path,
        "settings": haz_settings.name,
        "bundle": haz_bundle.path,
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]
"""

UNSAFE = {
    "haz_thread": "starts a thread",
    "haz_socket": "leaves open a socket",
    "haz_database": "leaves open /",
    "haz_exit": "registers an exit hook",
    "haz_folder": "registers an exit hook",
    "haz_signal": "sets a signal handler",
    "haz_child": "leaves open",  # its pipe; and the child itself
    "haz_path": "changes sys.path",
    "haz_settings": "imports hazard_settings",
    "haz_user": "imports haz_thread",
}


def served(appliance: Appliance, body: bytes) -> None:
    """Until this is what it answers."""
    while appliance.get()[1] != body:
        appliance.wait_for("reload.finished")


@pytest.fixture
def hazardous(start: Start, project: Path) -> Appliance:
    """The project that uses every package, served, and a first reload of it seen."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    (project / "hazard_settings.py").write_text("NAME = 'shop'\n", encoding="utf-8")
    appliance = start(PYTHONPATH=str(PACKAGES))
    appliance.wait_for("preload.ready", within_s=60)
    return appliance


def test_every_package_works_in_a_forked_worker(hazardous: Appliance):
    """Each package works in a worker as in one that was started cold; what is safe is preloaded, the rest is named."""
    first = hazardous.reload(PAGE, "two")  # a variable that is set by the project was read too early: a cold start
    assert first["colour"] == "red"
    hazardous.catch_up()
    assert next(each for each in hazardous.events if each["event"] == "preload.unfit")["reason"].startswith(
        "the project sets HAZARD_COLOUR"
    )
    while sum(each["event"] == "preload.ready" for each in hazardous.events) < 2:
        hazardous.wait_for("preload.ready", within_s=60)
    second = hazardous.reload(PAGE, "three")
    third = hazardous.reload(PAGE, "four")
    while Path(f"/proc/{second['pid']}").exists():
        hazardous.wait_for("worker.exited", pid=second["pid"])
    assert hazardous.was_forked()
    third |= json.loads(hazardous.get()[1])  # the worker before it has done its things at exit
    for facts in (second, third):
        assert facts["preloaded"] is True
        assert facts["thread"] == [2, True, True]
        assert facts["database"][1] == facts["pid"]
        assert facts["colour"] == "red"
        assert facts["folders"] == [True, True]
        assert facts["child"] == ["question", facts["pid"]]
        assert facts["signal"] is facts["path"] is True
        assert facts["settings"] == "shop"
        assert facts["bundle"] == "cacert.pem"
    assert second["seeded"] == random.Random(1).random()
    assert not set(second["draws"]) & set(third["draws"])
    left = json.loads(hazardous.command("status", "--json").stdout)["preload"]["left_out"]
    assert {name: words for name, words in UNSAFE.items() if not left.get(name, "").startswith(words)} == {}
    assert not left.keys() & {"haz_plain", "haz_random", "haz_bundle", "haz_renamed", "haz_half.one"}
    hazardous.stop()  # killed outright it would leave the package's child behind


GEVENT = "from gevent import monkey\nmonkey.patch_all()\n" + HELLO


def test_a_package_that_patches_with_gevent_starts_cold(start: Start, project: Path):
    """If gevent has patched the standard library, every start is a cold one, from the first on or from an edit on."""
    appliance = start(PYTHONPATH=str(PACKAGES))
    appliance.wait_for("preload.ready")
    appliance.edit("app.py", GEVENT.replace("{word}", "patched"))
    assert "gevent" in appliance.wait_for("preload.refused")["reason"]
    assert appliance.get()[1] == b"patched"
    assert not appliance.was_forked()
    appliance.edit("app.py", GEVENT.replace("{word}", "again"))
    served(appliance, b"again")
    assert not appliance.was_forked()


ENDS = {
    "exit": ("import os\nos._exit(3)\n", ["exit status 3"]),
    "crash": ("import ctypes\nctypes.string_at(0)\n", ["SIGSEGV", "Segmentation fault", "app.py"]),
    "loop": ("def spin():\n    while True:\n        pass\nspin()\n", ["within 2 s", "app.py", "in spin"]),
    "raise": ("raise SystemExit(4)\n", ["SystemExit"]),
}


@pytest.mark.whole
@pytest.mark.parametrize("kind", ENDS)
def test_an_import_that_ends_the_worker_shows_its_last_output(start: Start, kind: str):
    """An import that exits, crashes or never ends gives a page with its last output; fixed, it is served."""
    source, words = ENDS[kind]
    appliance = start(APPLIANCE_BOOT_TIMEOUT_S="2", PYTHONPATH=str(PACKAGES))
    appliance.wait_for("preload.ready")
    appliance.edit("app.py", source)
    appliance.wait_for("worker.restarting" if kind in {"exit", "crash"} else "worker.failed")
    response, body = appliance.settled(Accept="text/plain")
    assert response.status == 500
    assert [word for word in words if word not in body.decode()] == []
    appliance.edit("app.py", HELLO.format(word="mended"))
    while appliance.get()[1] != b"mended":
        appliance.wait_for("worker.ready")
    assert json.loads(appliance.command("status", "--json").stdout)["preload"]["state"] == "ready"


CHILDREN = """
import subprocess
children = [subprocess.Popen(["sleep", "300"]) for _ in range(150)]
"""


def test_children_of_an_import_end_with_their_worker(start: Start):
    """Children that the project starts at import end with the worker that started them."""
    appliance = start(PYTHONPATH=str(PACKAGES))
    appliance.wait_for("preload.ready")
    appliance.edit("app.py", CHILDREN + HELLO.format(word="many"))
    served(appliance, b"many")
    appliance.edit("app.py", HELLO.format(word="none"))
    for _ in range(150):
        appliance.wait_for("process.reaped")
    assert appliance.get()[1] == b"none"


BOUND = """
import socket
own = socket.socket()
own.bind(("127.0.0.1", {port}))
own.listen()
"""


def test_a_project_that_listens_itself_is_reloaded(start: Start, project: Path):
    """A project that listens itself is reloaded: its boot is tried once more when the old worker has gone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (project / "app.py").write_text(BOUND.format(port=port) + HELLO.format(word="one"), encoding="utf-8")
    appliance = start(PYTHONPATH=str(PACKAGES))
    appliance.wait_for("preload.ready")
    appliance.edit("app.py", BOUND.format(port=port) + HELLO.format(word="two"))
    served(appliance, b"two")
