"""Snapshots of projects of other kinds: scripts, factories, and those that must not be imported ahead."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.protocol import messages
from appliance.protocol.snapshot_messages import SnapshotReady
from tests.worker.snapshot.snapshot_player import played, pythons

pytestmark = pytest.mark.skipif(not pythons(), reason="no Python 3.12 or newer is installed here")

APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""

SCRIPT = """
from wsgiref.simple_server import make_server
import words

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [words.word().encode()]

if __name__ == "__main__":
    try:
        make_server("", 8000, application).serve_forever()
    finally:
        print("the end of the script")
"""

FACTORY = """
def create_app(word="one"):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [word.encode()]
    return application
"""


def test_a_script_is_swapped_within_its_own_call(tmp_path: Path):
    """A file that starts its server is served in its call of the server; its end comes after the worker's."""
    files = {"app.py": SCRIPT, "words.py": "def word():\n    return 'one'\n"}
    with played(tmp_path / "project", files, pythons()[-1], kind="script", module="__main__") as player:
        snapshot, ready = player.import_ahead()
        assert (ready.refused, ready.modules) == ("", 2)
        (player.root / "words.py").write_text("def word():\n    return 'two'\n", encoding="utf-8")
        worker = player.swapped(snapshot, ["words.py"])
        assert player.get() == "two"
        player.drain(worker)
        assert player.ended(worker)
        assert b"the end of the script" in worker.printed()


def test_a_factory_that_ran_is_not_swapped(tmp_path: Path):
    """A factory has made the application: its change has to be imported; that of the application it made, too."""
    files = {"app.py": FACTORY}
    with played(tmp_path / "project", files, pythons()[-1], attribute="create_app", call="yes") as player:
        snapshot, ready = player.import_ahead()
        assert not ready.refused
        worker = player.swapped(snapshot, [])
        assert player.get() == "one"
        player.drain(worker)
        (player.root / "app.py").write_text(FACTORY.replace("return application", "x = 1; return application"))
        assert "ran while the project was imported" in player.declined(snapshot, ["app.py"]).reason


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import threading\nthreading.Thread(target=print).start()", "starts a thread"),
        ("import socket\nS = socket.create_server(('127.0.0.1', 0))", "listens on 127.0.0.1:0"),
        ("open('written', 'w')", "opens written for writing"),
        ("1 / 0", "the import failed (ZeroDivisionError: division by zero at project/app.py:1)"),
        ("raise SystemExit(3)", "the import failed (SystemExit: 3 at project/app.py:1)"),
        ("for n in range(300): print(n)", "prints more than 200 lines"),
        ("import os\nos.dup2(2, 1)", "redirects its output"),
        ("import os\nNUMBER = os.getpid()", "app, line 2, asks for the number of its process"),
        ("import random\nrandom.seed(3)", "seeds or uses random"),
        ("import sys\nsys.settrace(lambda *_: None)", "sets a tracer"),
    ],
)
def test_an_import_with_effects_is_refused(tmp_path: Path, code: str, why: str):
    """The snapshot says why, naming the module where it is one's; it ends, and nothing was written."""
    with played(tmp_path / "project", {"app.py": f"{code}\n{APPLICATION}"}, pythons()[-1]) as player:
        snapshot, ready = player.import_ahead()
        assert why in ready.refused
        assert player.ended(snapshot)
        assert not (player.root / "written").exists()


def test_an_application_of_an_event_loop_is_refused(tmp_path: Path):
    """An ASGI application runs in a loop of its own process: it is not imported ahead, and its module never runs."""
    files = {"app.py": f"open('written', 'w')\n{APPLICATION}"}
    with played(tmp_path / "project", files, pythons()[-1], interface="asgi") as player:
        _, ready = player.import_ahead(adapter={"folder": "", "action": ""})
        assert ready.refused == "it is an ASGI application, which needs an event loop"
        assert not (player.root / "written").exists()


def test_settings_of_the_process_stay_as_the_import_left_them(tmp_path: Path):
    """Settings of the interpreter from the import hold in each fork: the collector, limits, variables."""
    code = "import gc, os, sys\ngc.disable()\nsys.setrecursionlimit(1234)\nos.environ['WORD'] = 'set'\n"
    served = APPLICATION.replace(
        'b"one"', "repr((gc.isenabled(), sys.getrecursionlimit(), os.environ['WORD'])).encode()"
    )
    with played(tmp_path / "project", {"app.py": code + served}, pythons()[-1]) as player:
        snapshot, ready = player.import_ahead()
        assert not ready.refused
        worker = player.swapped(snapshot, [])
        assert player.get() == "(False, 1234, 'set')"
        player.drain(worker)


def test_breakpoints_of_the_project_are_its_own(tmp_path: Path):
    """A hook that the project has set for its breakpoints stays; a breakpoint in its import is passed."""
    code = "import sys\nbreakpoint()\nsys.breakpointhook = lambda *_: print('its own')\n"
    served = APPLICATION.replace("return", "breakpoint()\n    return")
    with played(tmp_path / "project", {"app.py": code + served}, pythons()[-1]) as player:
        snapshot, ready = player.import_ahead()
        assert not ready.refused
        worker = player.swapped(snapshot, [])
        assert player.get() == "one"
        player.drain(worker)
        assert b"its own" in worker.printed()
        batches = [each.batch for each in worker.received if isinstance(each, messages.Records)]
        events = [each[3] for batch in batches for each in batch if each[0] == "event"]
        assert events.count("breakpoint.passed") == 1


def test_a_package_that_was_installed_since_is_not_swapped_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A fork declines a save if packages were installed by hand after the import, as a fork of the preloader would."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "package.py").write_text("", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    files = {"app.py": f"import package, words\n{APPLICATION}", "words.py": "def word(): return 'one'\n"}
    with played(tmp_path / "project", files, pythons()[-1], preload=("package",)) as player:
        snapshot, ready = player.import_ahead()
        assert ready.refused == ""
        player.swapped(snapshot, ["words.py"])
        (packages / "other.py").write_text("", encoding="utf-8")
        assert player.declined(snapshot, ["words.py"]).reason == "the installed packages have changed"
        assert player.serve(player.preloader, []).expect(messages.ForkMismatch, messages.Ready).stale


def test_a_worker_runs_in_the_folder_that_is_there_now(tmp_path: Path):
    """If the project's folder was replaced by another one of its name, a fork works in that, as a new worker would."""
    application = APPLICATION.replace('b"one"', 'open("data.txt", "rb").read(), words.word()')
    files = {"app.py": f"import own, words\n{application}", "own.py": "", "words.py": "def word(): return b''\n"}
    with played(tmp_path / "project", files | {"data.txt": "old"}, pythons()[-1]) as player:
        checkpoint = player.begin_import(["words.py"])
        player.checkpoint(checkpoint, "words.py")
        snapshot = player.go_on(checkpoint)
        assert snapshot.expect(SnapshotReady).refused == ""
        player.root.rename(tmp_path / "away")
        shutil.copytree(tmp_path / "away", player.root)
        (player.root / "data.txt").write_text("new", encoding="utf-8")
        for fork, source in ((player.swapped, snapshot), (player.resumed, checkpoint)):
            worker = fork(source, ["words.py"])
            assert player.get() == "new"
            player.drain(worker)


def test_data_beside_the_project_is_an_input_of_its_import(tmp_path: Path):
    """Nobody watches a file outside of the project: if the import has read it, a fork looks whether it has changed."""
    application = APPLICATION.replace('b"one"', "own.DATA.encode()")
    own = "try:\n    DATA = open('../data.txt').read()\nexcept FileNotFoundError:\n    DATA = 'none'\n"
    files = {"app.py": f"import own, words\n{application}", "own.py": own, "words.py": "def word(): pass\n"}
    data = tmp_path / "data.txt"
    with played(tmp_path / "project", files, pythons()[-1]) as player:
        for text in ("one", "two"):
            checkpoint = player.begin_import(["words.py"])
            player.checkpoint(checkpoint, "words.py")
            snapshot = player.go_on(checkpoint)
            assert snapshot.expect(SnapshotReady).refused == ""
            player.drain(player.swapped(snapshot, ["words.py"]))
            data.write_text(text, encoding="utf-8")
            reason = player.declined(snapshot, ["words.py"]).reason
            assert reason == f"{data} has changed, which the import of the project has read"
            assert player.declined(checkpoint, ["words.py"]).path == str(data)
            worker = player.plain()
            assert player.get() == text
            player.drain(worker)
