"""Which Python the project runs on: what it asks for, and what there is.

Owns the reading of a project's wish for a Python and the search of this machine. Must not know what is installed into
an environment. Runs in the appliance's own interpreter; it starts another one only to ask its version, and only where
the appliance's own does not do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.boot.identity import user_cache
from appliance.boot.wish import pin, read_wishes
from appliance.errors import InterpreterError
from appliance.ownership import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.boot.settings import Settings
    from appliance.boot.wish import Wish

# What the project's side of the appliance is written for, newest first.
SERVED = ("3.15", "3.14", "3.13", "3.12", "3.11", "3.10")
_OLDEST = tuple(map(int, SERVED[-1].split(".")))
ADDED = Path("/opt/python")  # where the image's further interpreters lie: /opt/python/3.14/bin/python3.14
_QUESTION = "import json, sys; print(json.dumps([sys.executable, *sys.version_info[:3]]))"


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine, or one that the installer is to fetch.

    Attributes:
        version: "3.13".
        path: where it is; None for one to be fetched.
        why: whose wish it follows, in words.
        passed_over: the version that the project pins, where it is too old to be served.
    """

    version: str
    path: Path | None
    why: str
    passed_over: str = ""


def choose_interpreter(
    root: Path, settings: Settings, values: Mapping[str, str], folder: Path | None = None
) -> Interpreter:
    """The appliance's own Python where the project has no other wish, else one of this machine, else one to fetch.

    Args:
        root: the project's folder.
        settings: the appliance's.
        values: the project's environment.
        folder: the one that its dependencies are read in, where that is known.

    Raises:
        InterpreterError: none can serve it.
    """
    if "/" in settings.python:
        return _named(Path(settings.python))
    every = [pin(settings.python, "APPLIANCE_PYTHON")] if settings.python else read_wishes(root, folder)
    # A pin older than what is served is mostly a host's of long ago: what runs there runs on a newer one, or says why
    # not. A range that ends there is the project's own word.
    stale = [] if settings.python else [wish for wish in every if wish.pin and _is_too_old(wish)]
    wishes = [wish for wish in every if wish not in stale]
    fitting = [version for version in SERVED if all(wish.allows(version) for wish in wishes)]
    why = " and ".join(f"{wish.where} says {wish.text}" for wish in wishes) or "the project asks for none"
    if stale:
        why = f"{stale[0].where} says {stale[0].text}, which is older than what the appliance serves"
    if not fitting:
        raise InterpreterError(
            f"no Python that the appliance serves fits: {why}",
            expected=f"a Python from {SERVED[-1]} to {SERVED[0]}",
            action="Widen what the project asks for, or set APPLIANCE_PYTHON to the version to take.",
            asked=why,
        )
    own = ".".join(map(str, sys.version_info[:2]))
    if own in fitting:
        return Interpreter(own, own_interpreter(), why, passed_over=stale[0].text if stale else "")
    for version in fitting:
        for path in _candidates(version, settings.cache, values):
            found = _ask(path)
            if found and found[1] == version:
                return Interpreter(version, found[0], why, passed_over=stale[0].text if stale else "")
    if values.get("UV_PYTHON_DOWNLOADS") == "never" or values.get("UV_OFFLINE"):
        raise missing_error(fitting, why, "fetching one is turned off", settings.cache, values)
    # The newest that is settled: a version that is still to come may have no build to fetch.
    settled = [version for version in fitting if version != SERVED[0]] or fitting
    return Interpreter(settled[0], None, why)


def _is_too_old(wish: Wish) -> bool:
    match = re.match(r"(\d+)\.(\d+)", wish.text)
    return match is not None and (int(match[1]), int(match[2])) < _OLDEST


def own_interpreter() -> Path:
    """The Python that the appliance's own environment was made from: nothing of ours is importable in it."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


def missing_error(
    fitting: list[str], why: str, reason: str, cache: Path, values: Mapping[str, str], **details: object
) -> InterpreterError:
    """The error for a Python that is not on this machine, naming those that are."""
    there = available(cache, values)
    return InterpreterError(
        f"Python {' or '.join(fitting)} is not here ({why}), and {reason}",
        expected=f"one of those that are here: {', '.join(there)}",
        action=f"Set APPLIANCE_PYTHON={there[0]} to try the project on that one, or add the asked one to the image: "
        f"docker build --build-arg EXTRA_PYTHON=python:{fitting[0]}-slim .",
        asked=why,
        available=there,
        **details,
    )


def available(cache: Path, values: Mapping[str, str]) -> list[str]:
    """The versions on this machine, the appliance's own first."""
    own = ".".join(map(str, sys.version_info[:2]))
    found = [version for version in SERVED if any(_ask(path) for path in _candidates(version, cache, values))]
    return list(dict.fromkeys([own, *found]))


def _named(path: Path) -> Interpreter:
    if path.is_dir():
        # The folder of an environment is as good as the Python in it.
        path = path / "bin" / "python"
    found = _ask(path)
    if found is None:
        raise InterpreterError(
            f"APPLIANCE_PYTHON is {path}, which does not run as a Python",
            expected="the path of a Python interpreter, or a version such as 3.12",
            action="Correct APPLIANCE_PYTHON, or take it away: the project's own wish is then followed.",
        )
    if found[1] not in SERVED:
        raise InterpreterError(
            f"APPLIANCE_PYTHON is {path}, Python {found[1]}",
            expected=f"a Python from {SERVED[-1]} to {SERVED[0]}",
            action="Name another one.",
        )
    return Interpreter(found[1], path, "APPLIANCE_PYTHON names it")


def _candidates(version: str, cache: Path, values: Mapping[str, str]) -> Iterator[Path]:
    """Where a Python of this version may be."""
    name = f"python{version}"
    for folder in values.get("PATH", os.defpath).split(os.pathsep):
        # pyenv's shims are scripts that answer for versions that are not chosen, after 100 ms, with an error.
        if folder and not folder.endswith("/shims") and os.access(f"{folder}/{name}", os.X_OK):
            yield Path(folder, name)
    pyenv = Path(values.get("PYENV_ROOT") or Path(values.get("HOME") or "/", ".pyenv"))
    fetched = user_cache(cache) / "python"
    for pattern in (ADDED / f"{version}*", pyenv / "versions" / f"{version}.*", fetched / f"cpython-{version}.*"):
        found = sorted(pattern.parent.glob(f"{pattern.name}/bin/{name}"), reverse=True)
        yield from (path for path in found if pattern.parent != fetched or _is_ours(path.parent))


def _is_ours(folder: Path) -> bool:
    """Whether no other user can have put the programs there: uid-1000/python/cpython-3.13.5-linux/bin."""
    try:
        open_folder(str(folder), 4).close()
    except OSError:
        return False
    return True


def _ask(path: Path) -> tuple[Path, str] | None:
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
