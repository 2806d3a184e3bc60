"""The Pythons of this machine: which versions are served, where they lie, what they say of themselves.

Owns the search. Must not know what a project asks for. Runs in the appliance's own interpreter; it starts another one
only to ask its version.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.dependencies.own_python import own_version
from appliance.identity.identity import user_cache
from appliance.ownership import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What the project's side of the appliance is written for, newest first.
SERVED = ("3.15", "3.14", "3.13", "3.12", "3.11", "3.10")
ADDED = Path("/opt/python")  # where the image's further interpreters lie: /opt/python/3.14/bin/python3.14
_QUESTION = "import json, sys; print(json.dumps([sys.executable, *sys.version_info[:3]]))"


def own_interpreter() -> Path:
    """The Python that the appliance's own environment was made from: nothing of ours is importable in it."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


def find_python(version: str, cache: Path, values: Mapping[str, str]) -> Path | None:
    """A Python of this version on this machine; a name is no proof, what it says of itself counts."""
    if version == own_version():
        return own_interpreter()
    for path in _places(version, cache, values):
        found = ask_python(path)
        if found and found[1] == version:
            return found[0]
    return None


def available(cache: Path, values: Mapping[str, str]) -> list[str]:
    """The versions on this machine, the appliance's own first, then the newest."""
    own = own_version()
    found = [version for version in SERVED if version != own and find_python(version, cache, values)]
    return [own, *found]


def ask_python(path: Path) -> tuple[Path, str] | None:
    """Its real path and version; None where it does not run."""
    program = shutil.which(path)
    if program is None:
        return None
    try:
        # -S: no .pth of a project's environment runs. 12 ms.
        answer = subprocess.run(  # noqa: S603 - the interpreter that the user or the machine names
            [program, "-I", "-S", "-c", _QUESTION],
            capture_output=True,
            timeout=10,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        executable, major, minor, _ = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Path(executable), f"{major}.{minor}"


def _places(version: str, cache: Path, values: Mapping[str, str]) -> Iterator[Path]:
    """Where a Python of this version may be."""
    name = f"python{version}"
    for folder in values.get("PATH", os.defpath).split(os.pathsep):
        # pyenv's shims are scripts that answer for versions that are not chosen, after 100 ms, with an error.
        if folder and not folder.endswith("/shims") and os.access(f"{folder}/{name}", os.X_OK):
            yield Path(folder, name)
    home = values.get("HOME") or "/"
    pyenv = Path(values.get("PYENV_ROOT") or Path(home, ".pyenv"))
    fetched = user_cache(cache) / "python"
    people_s = Path(values.get("UV_PYTHON_INSTALL_DIR") or Path(home, ".local/share/uv/python"))
    for pattern in (
        ADDED / f"{version}*",
        pyenv / "versions" / f"{version}.*",
        fetched / f"cpython-{version}.*",
        people_s / f"cpython-{version}.*",
    ):
        found = sorted(pattern.parent.glob(f"{pattern.name}/bin/{name}"), reverse=True)
        yield from (path for path in found if pattern.parent != fetched or _is_ours(path.parent))


def _is_ours(folder: Path) -> bool:
    """Whether no other user can have put the programs there: uid-1000/python/cpython-3.13.5-linux/bin."""
    try:
        open_folder(str(folder), 4).close()
    except OSError:
        return False
    return True
