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


def save_until(appliance: Appliance, file: Path, pattern: str) -> None:
    """Save until the new value is answered: it takes a moment until the worker has told what it has loaded."""
    for number in range(1, 10_000):
        file.write_text(f"VALUE = {number}\n", encoding="utf-8")
        if appliance.get()[1].decode() in {pattern.format(each) for each in range(1, number + 1)}:
            return
    raise AssertionError(f"{file} is not watched")


def test_what_was_loaded_is_watched(start: Start, project: Path, elsewhere: Path):
    """A module that git ignores, and one outside of the project, are watched once they are loaded."""
    appliance = start()
    appliance.wait_for("worker.ready")
    save_until(appliance, project / "local_settings.py", "{} 0")
    appliance.wait_for("reload.finished")
    (project / "local_settings.py").write_text("VALUE = 'x'\n", encoding="utf-8")
    while appliance.get()[1] != b"x 0":
        appliance.wait_for("reload.finished")
    save_until(appliance, elsewhere / "shared.py", "x {}")


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
