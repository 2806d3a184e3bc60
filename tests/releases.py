"""Released versions of others' software, fetched once into a cache folder that can be made again at any time.

The folder is ``wsgi-appliance-tests`` in the user's cache folder. Where a release or its Python is not available, the
tests that need it are reported as not run; where APPLIANCE_TESTS_RELEASES=required, they fail.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REQUIRED = os.environ.get("APPLIANCE_TESTS_RELEASES") == "required"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wsgi-appliance-tests"
UV = Path(sys.prefix) / "bin" / "uv"


def not_run(reason: str) -> None:
    """The test can't be run here."""
    if REQUIRED:
        pytest.fail(f"{reason}, and APPLIANCE_TESTS_RELEASES=required")
    pytest.skip(f"not run: {reason}")


def source(name: str, version: str) -> Path:
    """The unpacked source distribution of a release."""
    folder = CACHE / f"{name}-{version}"
    with _making(folder) as aside:
        if aside is not None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name]
            _run([*command, "--dest", str(aside), f"{name}=={version}"])
            (archive,) = aside.glob("*.tar.gz")
            with tarfile.open(archive) as packed:
                packed.extractall(aside, filter="data")
            archive.unlink()
    (unpacked,) = folder.iterdir()
    return unpacked


def environment(python: str, *requirements: str, project: str) -> Path:
    """A virtual environment of this version of Python with these releases and what they ask for.

    ``project`` is a module that is imported once, so that what it imports is compiled: the appliance compiles nothing
    in an environment that it has not made.
    """
    digest = hashlib.sha256("\n".join([python, *requirements, project]).encode()).hexdigest()[:16]
    folder = CACHE / f"env-{python}-{digest}"
    with _making(folder) as aside:
        if aside is not None:
            _run(
                [
                    str(UV),
                    "venv",
                    "--quiet",
                    "--no-project",
                    "--relocatable",
                    "--python",
                    interpreter(python),
                    str(aside),
                ]
            )
            install = [str(UV), "pip", "install", "--quiet", "--python", str(aside / "bin" / "python")]
            _run([*install, *requirements])
            (aside / "app.py").write_text(project, encoding="utf-8")
            _run([str(aside / "bin" / "python"), "-c", "import app"], aside)
    return folder


def npm_package(name: str, version: str) -> Path:
    """The folder that npm has installed this release in."""
    folder = CACHE / f"npm-{name.rpartition('/')[2]}-{version}"
    with _making(folder) as aside:
        if aside is not None:
            _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(aside), f"{name}@{version}"])
    return folder


def interpreter(version: str) -> str:
    """The path of an installed Python of this version."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    installed = [
        *versions.glob(f"{version}.*/bin/python"),
        *map(Path, filter(None, [shutil.which(f"python{version}")])),
    ]
    for path in sorted(installed, reverse=True):
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:  # pyenv's shims fail
            return str(path)
    not_run(f"there is no Python {version}")
    raise AssertionError


@contextlib.contextmanager
def _making(folder: Path) -> Iterator[Path | None]:
    """A folder to fill, which becomes ``folder``; None where that is there. One process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            yield None
            return
        aside = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        yield aside
        aside.rename(folder)


def _run(command: list[str], folder: Path | None = None) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        words = re.sub(r"\s+", " ", done.stderr)[-400:]
        not_run(f"{' '.join(command[-3:])} could not be had ({words})")
