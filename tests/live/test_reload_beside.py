"""Libraries beside the project: however they came onto the path, their saves are served, and none is preloaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

APP = """
import {name}, {name}_packaged
from {name}_packaged import inner

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join([{name}.WORD, {name}_packaged.WORD, inner.WORD]).encode()]
"""
BACKENDS = {
    "setuptools": '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n',
    "hatchling": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
}
CONTENTS = {
    "setuptools": '[tool.setuptools]\npy-modules = ["{name}"]\npackages = ["{name}_packaged"]\n',
    "hatchling": '[tool.hatch.build.targets.wheel]\nonly-include = ["{name}.py", "{name}_packaged"]\n',
}


def library(folder: Path, name: str) -> list[Path]:
    """A library with a module and a package; its files."""
    (folder / f"{name}_packaged").mkdir(parents=True)
    files = [
        folder / f"{name}.py",
        folder / f"{name}_packaged" / "__init__.py",
        folder / f"{name}_packaged" / "inner.py",
    ]
    for file in files:
        file.write_text("WORD = 'one'\n", encoding="utf-8")
    return files


def uv(*argv: str) -> None:
    """Run uv; where no package index answers the test is not run."""
    done = subprocess.run([sys.executable, "-m", "uv", "--quiet", *argv], capture_output=True, text=True, check=False)
    if done.returncode and any(words in done.stderr for words in ("Failed to fetch", "dns error", "No solution found")):
        pytest.skip(f"not run: no package index answers: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr


def check(appliance: Appliance, files: list[Path]) -> None:
    """Each save of each file is served, by a forked worker too, and nothing is written beside it."""
    appliance.wait_for("preload.ready")
    before = {path for file in files for path in file.parent.iterdir()}
    words = ["one"] * len(files)
    for number, word in [(number, word) for word in ("two", "six") for number in range(len(files))]:
        words[number] = word
        files[number].write_text(f"WORD = '{word}'\n", encoding="utf-8")
        while appliance.get()[1].decode() != " ".join(words):
            appliance.wait_for("reload.finished")
    assert appliance.was_forked()
    assert {path for file in files for path in file.parent.iterdir()} == before


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment for the project, without anything in it."""
    uv("venv", "--python", sys.executable, str(tmp_path / "environment"))
    return tmp_path / "environment"


@pytest.mark.whole
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_save_in_an_editable_install_is_served(
    start: Start, project: Path, tmp_path: Path, environment: Path, backend: str
):
    """``uv pip install -e ../library``: by setuptools, which brings a finder, and by others, which bring a path."""
    files = library(tmp_path / "library", backend)
    declared = f'[project]\nname = "{backend}-lib"\nversion = "0"\n{CONTENTS[backend].format(name=backend)}'
    (tmp_path / "library" / "pyproject.toml").write_text(BACKENDS[backend] + declared, encoding="utf-8")
    uv("pip", "install", "--python", str(environment / "bin" / "python"), "--editable", str(tmp_path / "library"))
    (project / "app.py").write_text(APP.format(name=backend), encoding="utf-8")
    appliance = start(APPLIANCE_PYTHON=str(environment / "bin" / "python"), APPLIANCE_INSTALL="off")
    check(appliance, files)


def test_a_save_in_a_folder_on_the_path_is_served(start: Start, project: Path, tmp_path: Path):
    """PYTHONPATH, as the shell has it."""
    files = library(tmp_path / "library", "shelled")
    (project / "app.py").write_text(APP.format(name="shelled"), encoding="utf-8")
    check(start(PYTHONPATH=str(tmp_path / "library")), files)


def test_a_save_in_a_folder_on_the_path_of_the_env_file_is_served(start: Start, project: Path, tmp_path: Path):
    """PYTHONPATH, as .env has it."""
    files = library(tmp_path / "library", "filed")
    (project / "app.py").write_text(APP.format(name="filed"), encoding="utf-8")
    (project / ".env").write_text(f"PYTHONPATH={tmp_path / 'library'}\n", encoding="utf-8")
    check(start(), files)


LOCK = """version = 1
requires-python = ">=3.10"

[manifest]
members = ["member", "site"]

[[package]]
name = "member"
version = "0"
source = { editable = "packages/member" }

[[package]]
name = "site"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "member" }]
"""
OFFLINE = {"UV_OFFLINE": "1", "UV_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}


def test_a_save_in_a_path_dependency_is_served(start: Start, project: Path, tmp_path: Path):
    """``-e ../library`` in the project's own requirements, installed by the appliance."""
    files = library(tmp_path / "library", "required")
    declared = '[project]\nname = "required"\nversion = "0"\n' + CONTENTS["setuptools"].format(name="required")
    (tmp_path / "library" / "pyproject.toml").write_text(BACKENDS["setuptools"] + declared, encoding="utf-8")
    (project / "requirements.txt").write_text("-e ../library\n", encoding="utf-8")
    (project / "app.py").write_text(APP.format(name="required"), encoding="utf-8")
    check(start(**OFFLINE), files)


def test_a_save_in_a_workspace_member_reloads(start: Start, project: Path):
    """A member of a workspace, which the application that is served depends on."""
    files = library(project / "packages" / "member" / "src", "member")
    member = '[project]\nname = "member"\nversion = "0"\nrequires-python = ">=3.10"\n'
    (project / "packages" / "member" / "pyproject.toml").write_text(member, encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "site"\nversion = "0"\nrequires-python = ">=3.10"\ndependencies = ["member"]\n'
        '[tool.uv.workspace]\nmembers = ["packages/*"]\n[tool.uv.sources]\nmember = { workspace = true }\n',
        encoding="utf-8",
    )
    (project / "uv.lock").write_text(LOCK, encoding="utf-8")
    (project / "app.py").write_text(APP.format(name="member"), encoding="utf-8")
    check(start(**OFFLINE), files)
