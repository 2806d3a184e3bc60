"""Unusual projects: a folder's name that is not text, a package named tests, an import that never ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]


def becomes(appliance: Appliance, body: bytes) -> None:
    """Until this is answered."""
    while appliance.get()[1] != body:
        appliance.wait_for("reload.finished")


def test_a_project_in_a_folder_with_an_undecodable_name_is_served(start: Start, tmp_path: Path):
    """A project in such a folder, with such files and a library beside, is checked, installed, served and reloaded."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    (folder / "library").mkdir(parents=True)
    declared = '[project]\nname = "library"\nversion = "0"\n'
    (folder / "library" / "pyproject.toml").write_text(declared, encoding="utf-8")
    (folder / "library" / "word.py").write_text("WORD = b'one'\n", encoding="utf-8")
    (folder / "requirements.txt").write_text("-e ./library\n", encoding="utf-8")
    (folder / "app.py").write_text("import word\n" + HELLO.replace('b"{word}"', "word.WORD"), encoding="utf-8")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.py")).touch()
    appliance = start(folder, UV_OFFLINE="1", UV_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    appliance.wait_for("preload.ready")
    assert appliance.get()[1] == b"one"
    (folder / "library" / "word.py").write_text("WORD = b'two'\n", encoding="utf-8")
    becomes(appliance, b"two")
    assert appliance.was_forked()
    for command in ("check", "config", "status", "doctor"):
        done = appliance.command(command)
        assert "Traceback" not in done.stdout + done.stderr
    assert "chosen" in appliance.command("check").stdout
    assert appliance.command("run", "python", "-c", "import word").returncode == 0


@pytest.mark.parametrize("package", ["test", "tests"])
def test_a_package_named_as_tests_are(start: Start, project: Path, package: str):
    """An application that lies where tests usually do is served where there is nothing else."""
    (project / package).mkdir()
    (project / package / "__init__.py").touch()
    (project / "app.py").rename(project / package / "app.py")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"


BOT = """
import flask, threading
app = flask.Flask(__name__)

@app.route("/")
def answer():
    return "{word}"

threading.Thread(target=lambda: app.run(port=0)).start()
while True:
    threading.Event().wait(3600)
"""
SCRIPT = """
import sys, threading
from wsgiref.simple_server import make_server

def main(argv):
    def answer(environ, start_response):
        start_response("200 OK", [])
        return [b"{word}"]
    threading.Thread(target=lambda: make_server("", 0, answer).serve_forever(), daemon=True).start()
    while True:
        threading.Event().wait(3600)

if __name__ == "__main__":
    main(sys.argv)
"""


CHERRYPY = """
class Part:
    def subscribe(self): ...
    def unsubscribe(self): ...

class Server(Part):
    def start(self):
        raise OSError("its port is ours")

class Engine:
    autoreload = signals = Part()
    def start(self): ...

def tree(environ, start_response):
    start_response("200 OK", [])
    return [word]

engine, server = Engine(), Server()
"""
STARTED = """
import time
import cherrypy

stopped = False
cherrypy.word = b"{word}"

def main():
    cherrypy.{part}.start()
    while not stopped:
        time.sleep(3600)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("part", ["engine", "server"])
def test_a_server_that_is_started_beside_the_files_own_work_is_served(start: Start, project: Path, part: str):
    """A file whose server is started and returns is served while the file does its own work, and reloaded."""
    text = STARTED.replace("{part}", part)
    (project / "cherrypy.py").write_text(CHERRYPY, encoding="utf-8")
    (project / "app.py").write_text(text.replace("{word}", "one"), encoding="utf-8")
    appliance = start(APPLIANCE_PYTHON=sys.executable, APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    appliance.edit("app.py", text.replace("{word}", "two"))
    becomes(appliance, b"two")


@pytest.mark.parametrize(("text", "app"), [(BOT, ""), (SCRIPT, "app.py")])
def test_a_server_that_loops_in_its_import_is_served_and_reloaded(start: Start, project: Path, text: str, app: str):
    """A file that serves in a thread, and loops in its main one, is served beside its loop, and reloaded."""
    (project / "app.py").write_text(text.replace("{word}", "one"), encoding="utf-8")
    settings = {"APPLIANCE_APP": app, "APPLIANCE_PYTHON": sys.executable, "APPLIANCE_INSTALL": "off"}
    appliance = start(**settings)
    endless = appliance.wait_for("import.endless")
    assert (endless["file"], endless["level"]) == (str(project / "app.py"), "warning")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    appliance.edit("app.py", text.replace("{word}", "two"))
    becomes(appliance, b"two")
