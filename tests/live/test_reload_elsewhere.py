"""Files that nobody would look at, were they not loaded: ignored by git, or outside of the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

APP = """
import sys
sys.path.append({elsewhere!r})
import local_settings, shared

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{local_settings.VALUE}} {{shared.VALUE}}".encode()]
"""


@pytest.fixture
def elsewhere(project: Path, tmp_path: Path) -> Path:
    """The project imports a module that git ignores, and one that lies outside of it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (project / "app.py").write_text(APP.format(elsewhere=str(folder)), encoding="utf-8")
    (project / ".gitignore").write_text("local_settings.py\n", encoding="utf-8")
    for file in (project / "local_settings.py", folder / "shared.py"):
        file.write_text("VALUE = 0\n", encoding="utf-8")
    return folder


def becomes(appliance: Appliance, body: str) -> None:
    """Until this is answered, with one reload after the other."""
    while appliance.get()[1].decode() != body:
        appliance.wait_for("reload.finished")


def test_what_was_loaded_is_watched(start: Start, project: Path, elsewhere: Path):
    """A module that git ignores, and one outside of the project, are watched from the moment they were loaded."""
    appliance = start()
    appliance.wait_for("worker.ready")
    for number in range(1, 4):
        (project / "local_settings.py").write_text(f"VALUE = {number}\n", encoding="utf-8")
        becomes(appliance, f"{number} {number - 1}")
        (elsewhere / "shared.py").write_text(f"VALUE = {number}\n", encoding="utf-8")
        becomes(appliance, f"{number} {number}")


LAZY = """
import sys
sys.path.append({elsewhere!r})

def app(environ, start_response):
    import local_settings, shared
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{local_settings.VALUE}} {{shared.VALUE}}".encode()]
"""


def test_what_is_loaded_later_is_watched(start: Start, project: Path, elsewhere: Path):
    """A module that a request imports is watched before that request is answered."""
    (project / "app.py").write_text(LAZY.format(elsewhere=str(elsewhere)), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    for number in range(1, 4):
        becomes(appliance, f"{number - 1} {number - 1}")
        (elsewhere / "shared.py").write_text(f"VALUE = {number}\n", encoding="utf-8")
        becomes(appliance, f"{number - 1} {number}")
        (project / "local_settings.py").write_text(f"VALUE = {number}\n", encoding="utf-8")


OPTIONAL = """
import importlib.util
try:
    import local_settings
    value = local_settings.VALUE
except ImportError:
    value = "none"
known = importlib.util.find_spec("private") is not None

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{value} {known}".encode()]
"""


@pytest.mark.whole
def test_what_was_looked_for_is_watched(start: Start, project: Path):
    """A module that was looked for and not found, though git ignores its name, is served once it is made, and again."""
    (project / "app.py").write_text(OPTIONAL, encoding="utf-8")
    (project / ".gitignore").write_text("local_settings.py\nprivate/\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"none False"
    (project / "local_settings.py").write_text("VALUE = 'one'\n", encoding="utf-8")
    becomes(appliance, "one False")
    (project / "local_settings.py").unlink()
    becomes(appliance, "none False")
    (project / "local_settings.py").write_text("VALUE = 'two'\n", encoding="utf-8")
    becomes(appliance, "two False")
    (project / "private").mkdir()
    (project / "private" / "__init__.py").write_text("", encoding="utf-8")
    becomes(appliance, "two True")


def test_the_remedy_ends_the_page(start: Start, project: Path):
    """A module that the page says is missing is made as it says, ignored by git or not, and the project is served."""
    text = "import local_settings\n" + OPTIONAL
    (project / "app.py").write_text(text, encoding="utf-8")
    (project / "local_settings.example.py").write_text("VALUE = 'example'\n", encoding="utf-8")
    (project / ".gitignore").write_text("local_settings.py\n", encoding="utf-8")
    appliance = start()
    failed = appliance.wait_for("worker.failed")
    assert "cp local_settings.example.py local_settings.py" in failed["action"]
    (project / "local_settings.py").write_bytes((project / "local_settings.example.py").read_bytes())
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"example False"


READS = """
import json, os
folder = os.path.dirname(__file__)
def read(name):
    try:
        with open(os.path.join(folder, name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return "none"
config, absent, log = read("instance/config.py"), read("instance/absent.cfg"), read("site.log")
with open(os.path.join(folder, "state.json"), "w") as file:
    file.write("{}")

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{config} {absent} {log}".encode()]
"""


@pytest.mark.whole
def test_files_read_at_the_start_are_watched(start: Start, project: Path):
    """A file that the application reads at its start is an input, even if git ignores it; logs and output are not."""
    (project / "app.py").write_text(READS, encoding="utf-8")
    (project / ".gitignore").write_text("instance/\n*.log\nstate.json\n", encoding="utf-8")
    (project / "instance").mkdir()
    (project / "instance" / "config.py").write_text("one\n", encoding="utf-8")
    (project / "site.log").write_text("quiet\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    (project / "site.log").write_text("loud\n", encoding="utf-8")
    (project / "state.json").write_text("{1}", encoding="utf-8")
    (project / "instance" / "config.py").write_text("two\n", encoding="utf-8")
    becomes(appliance, "two none loud")
    (project / "instance" / "absent.cfg").write_text("there\n", encoding="utf-8")
    becomes(appliance, "two there loud")
    appliance.catch_up()
    files = [event["files"] for event in appliance.events if event["event"] == "reload.started"]
    assert files == [["instance/config.py"], ["instance/absent.cfg"]]


@pytest.mark.whole
def test_what_has_failed_is_watched(start: Start, project: Path, elsewhere: Path):
    """A file in which the first import has failed is watched, although it never was loaded."""
    (project / "local_settings.py").write_text("VALUE = (\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.failed")
    (project / "local_settings.py").write_text("VALUE = 'mended'\n", encoding="utf-8")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"mended 0"


def test_a_file_of_any_name_is_watched(start: Start, project: Path):
    """The file that the application is in counts, though no module has a name like it."""
    (project / "app.py").unlink()
    text = (
        "#!/usr/bin/env python3\nfrom wsgiref.simple_server import make_server\n\n\n"
        "def answer(environ, start_response):\n    start_response('200 OK', [])\n    return [b'one']\n\n\n"
        "if __name__ == '__main__':\n    make_server('', 80, answer).serve_forever()\n"
    )
    (project / "shop").write_text(text, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    appliance.edit("shop", text.replace("'one'", "'two'"))
    appliance.wait_for("reload.finished")
    assert appliance.get()[1] == b"two"


LISTING = """
import os
SIZES = {entry.name: entry.stat().st_size for entry in os.scandir("static")}

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(f"{name}:{size}" for name, size in sorted(SIZES.items())).encode()]
"""


def test_a_folder_that_was_listed_is_watched(start: Start, project: Path):
    """A server of static files that has listed its folder keeps what it saw: a save there restarts it."""
    (project / "static").mkdir()
    (project / "static" / "site.css").write_text("a", encoding="utf-8")
    (project / "app.py").write_text(LISTING, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    (project / "static" / "site.css").write_text("bb", encoding="utf-8")
    becomes(appliance, "site.css:2")
    (project / "static" / "new.js").write_text("ccc", encoding="utf-8")
    becomes(appliance, "new.js:3 site.css:2")
