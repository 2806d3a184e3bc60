"""Find the Pythons of this machine: which versions the appliance supports, where they are, and their versions.

It starts another Python only to ask for its version.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.dependencies.appliance_python import appliance_python_version
from appliance.identity.identity import user_cache
from appliance.ownership import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The versions that the project's side of the appliance is written for, newest first.
SERVED = ("3.15", "3.14", "3.13", "3.12", "3.11", "3.10")
ADDED = Path("/opt/python")  # the image's further interpreters: /opt/python/3.14/bin/python3.14
_QUESTION = "import json, sys; print(json.dumps([sys.executable, *sys.version_info[:3]]))"


def appliance_interpreter() -> Path:
    """Return the Python that the appliance's environment was made from: it can't import the appliance's packages."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


def find_python(version: str, cache: Path, values: Mapping[str, str]) -> Path | None:
    """Return a Python of this version; it is started to check the version, because a file name proves nothing."""
    if version == appliance_python_version():
        return appliance_interpreter()
    for path in _places(version, cache, values):
        found = ask_python(path)
        if found and found[1] == version:
            return found[0]
    return None


def available(cache: Path, values: Mapping[str, str]) -> list[str]:
    """Return the versions on this machine, the appliance's own first, then the newest."""
    own = appliance_python_version()
    found = [version for version in SERVED if version != own and find_python(version, cache, values)]
    return [own, *found]


def ask_python(path: Path) -> tuple[Path, str] | None:
    """Return the real path and version of a Python; None if it does not run."""
    program = shutil.which(path)
    if program is None:
        return None
    try:
        # -S: no .pth file of a project's environment runs. It takes 12 ms.
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
    """Yield the paths where a Python of this version may be."""
    name = f"python{version}"
    for folder in values.get("PATH", os.defpath).split(os.pathsep):
        # pyenv's shims are scripts; for a version that is not selected they fail after 100 ms.
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
