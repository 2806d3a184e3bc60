"""The advice of a page about a failed import is followed exactly: then the project is served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance
from tests.package_index import wheel
from tests.thorough import one_in

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]
_UV_PROJECT = '[project]\nname = "s"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = []\n'
ROWS: dict[str, dict[str, str]] = {
    "a requirements file": {"requirements.txt": "toaster", "app.py": "import kettle\n"},
    "one of a folder": {"requirements/base.txt": "toaster\n", "app.py": "import kettle\n"},
    "nothing at all": {"app.py": "import kettle, toaster\n"},
    "a lock": {"pyproject.toml": _UV_PROJECT, "app.py": "import kettle\n"},
    "a folder beside it": {"requirements.txt": "", "app.py": "import parts\n", "web/parts/__init__.py": ""},
    "an older release": {"requirements.txt": "old\n", "app.py": "import old\n"},
}


def follow(folder: Path, action: str, environment: dict[str, str]) -> None:
    """Follow the action."""
    command = re.search(r"printf '.*' > \S+|uv add [^.]+?(?=\Z|\. )", action)
    edit = re.search(r"Replace '([^']+)' by (\S+) in (\S+)\.(?= |\Z)", action)
    added = re.search(r"Add (\S+) to (\S+)[:.](?= |\Z)", action)
    variable = re.search(r"with (\w+=\S+) in \.env", action)
    if command:
        subprocess.run(
            ["sh", "-c", command[0]], cwd=folder, env=environment, check=True, timeout=60, capture_output=True
        )
    elif edit:
        file = folder / edit[3]
        file.write_text(file.read_text().replace(edit[1], edit[2]))
    elif added:
        file = folder / added[2]
        file.write_text(f"{file.read_text()}\n{added[1]}\n")
    else:
        assert variable, action
        (folder / ".env").write_text(f"{variable[1]}\n")


@pytest.mark.parametrize("row", one_in(2, ROWS))
def test_each_followed_remedy_serves_the_project(start: Start, tmp_path: Path, row: str):
    """Each remedy names a file, a line or a command; once that is done, and nothing else, the project is served."""
    wheels, folder = tmp_path / "wheels", tmp_path / "project"
    wheels.mkdir()
    for name in ("kettle", "toaster"):
        wheel(wheels, name)
    wheel(wheels, "old", "2.0", ["werkzeug"], modules={"old.py": "from werkzeug.urls import url_quote\n"})
    for version, text in (("2.3", "url_quote = 1\n"), ("3.0", "")):
        wheel(wheels, "werkzeug", version, modules={"werkzeug/__init__.py": "", "werkzeug/urls.py": text})
    for name, text in ROWS[row].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + (HELLO.format(word="up") if name == "app.py" else ""))
    only = {"PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1"}
    only |= {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "uv")}
    path = {"PATH": f"{Path(sys.prefix, 'bin')}:{os.environ['PATH']}", "UV_PYTHON": sys.executable}
    environment = {**os.environ, **only, **path}
    if row == "a lock":
        subprocess.run(["uv", "lock"], cwd=folder, env=environment, check=True, timeout=60, capture_output=True)
    appliance = start(folder, **only)
    failed = appliance.wait_for("worker.failed")
    follow(folder, failed["action"], environment)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"up"
