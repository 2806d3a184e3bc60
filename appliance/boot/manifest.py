"""What a project says it depends on: the one form that counts, its files, and a hash of what matters in them.

Owns the order of the forms. Must not know how they are installed. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from appliance.boot.requirements import Requirements, read_requirements
from appliance.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# What a developer installs comes first; the kin of requirements.txt follow.
REQUIREMENTS = (
    "requirements/dev.txt",
    "requirements/development.txt",
    "requirements/local.txt",
    "requirements.txt",
    "requirements/requirements.txt",
    "requirements/base.txt",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements",
    "reqs.txt",
)
_PYPROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Manifest:
    """What is to be installed.

    Attributes:
        form: how it is said.
        source: the file that says it, as a person would name it; "none".
        files: all files that were read.
        digest: the hash of all that matters.
        requirements: of the form "requirements".
        groups: the dependency groups that a developer installs too.
        extras: of the project itself.
        pyproject: whether the dependencies of ``[project]`` are to be installed.
    """

    form: Literal["lock", "requirements", "pyproject", "none"]
    source: str
    files: tuple[Path, ...]
    digest: str
    requirements: Requirements | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    pyproject: bool = False


def read_manifest(root: Path, named: Sequence[str] = ()) -> Manifest:
    """The project's dependencies.

    Args:
        root: the project's folder.
        named: the files that APPLIANCE_DEPENDENCIES names; then nothing is looked for.

    Raises:
        InstallError: a file that can't be read.
    """
    if named:
        return _named(root, named)
    if (root / "uv.lock").is_file() and (root / _PYPROJECT).is_file():
        return _lock(root)
    for name in REQUIREMENTS:
        if (root / name).is_file():
            return _requirements(root, (root / name,))
    if (root / _PYPROJECT).is_file():
        manifest = _pyproject(root)
        if manifest:
            return manifest
    below = _one_below(root)
    if below:
        return _requirements(root, (below,))
    return Manifest("none", "none", (), _digest([]))


def _named(root: Path, named: Sequence[str]) -> Manifest:
    files = tuple(root / name for name in named)
    for name, file in zip(named, files, strict=True):
        if not file.is_file():
            raise InstallError(
                f"APPLIANCE_DEPENDENCIES names {name}, which is not there",
                expected="files of the project: requirements files, uv.lock or pyproject.toml",
                action="Correct APPLIANCE_DEPENDENCIES, or take it away: the files are then looked for.",
                file=name,
            )
    if files == (root / "uv.lock",):
        return _lock(root)
    if files == (root / _PYPROJECT,):
        return _pyproject(root) or Manifest("none", "none", files, _digest([]))
    return _requirements(root, files)


def _lock(root: Path) -> Manifest:
    lock = root / "uv.lock"
    parts = [_bytes(lock), _what_matters(_toml(root / _PYPROJECT))]
    return Manifest("lock", "uv.lock", (lock, root / _PYPROJECT), _digest(parts))


def _requirements(root: Path, files: tuple[Path, ...]) -> Manifest:
    found = read_requirements(root, files)
    parts = [_bytes(file) for file in found.files]
    read = list(found.files)
    pyproject = root / _PYPROJECT
    with_itself = found.itself and pyproject.is_file() and isinstance(_toml(pyproject).get("project"), dict)
    if with_itself:
        parts.append(_what_matters(_toml(pyproject)))
        read.append(pyproject)
    source = ", ".join(str(file.relative_to(root)) if root in file.parents else str(file) for file in files)
    return Manifest(
        "requirements", source, tuple(read), _digest(parts), found, extras=found.extras, pyproject=with_itself
    )


def _pyproject(root: Path) -> Manifest | None:
    """None where it only configures tools."""
    file = root / _PYPROJECT
    data = _toml(file)
    project = data.get("project")
    groups = data.get("dependency-groups")
    wanted = tuple(name for name in ("dev",) if isinstance(groups, dict) and name in groups)
    if not isinstance(project, dict) and not wanted:
        return None
    if isinstance(project, dict) and "dependencies" in project.get("dynamic", ()):
        return _dynamic(root, data)
    return Manifest(
        "pyproject", _PYPROJECT, (file,), _digest([_what_matters(data)]), groups=wanted, pyproject=project is not None
    )


def _dynamic(root: Path, data: dict[str, Any]) -> Manifest | None:
    """What setuptools reads at build time: ``dependencies = {file = [..]}`` names requirements files."""
    try:
        named = data["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    except (KeyError, TypeError):
        return None
    names = [named] if isinstance(named, str) else [name for name in named if isinstance(name, str)]
    files = tuple(root / name for name in names if (root / name).is_file())
    return _requirements(root, files) if files else None


def _one_below(root: Path) -> Path | None:
    """The requirements of a project that lives in a sub-folder, where there is one such alone."""
    found = [
        file
        for file in root.glob("*/requirements.txt")
        if not file.parent.name.startswith((".", "doc", "test", "venv"))
    ]
    return found[0] if len(found) == 1 else None


def _what_matters(data: dict[str, Any]) -> bytes:
    """The tables that an installation depends on: the settings of linters change nothing."""
    project = data.get("project")
    kept = {
        "project": {
            key: project.get(key)
            for key in ("dependencies", "optional-dependencies", "requires-python")
            if isinstance(project, dict)
        },
        "dependency-groups": data.get("dependency-groups"),
        "uv": data["tool"].get("uv") if isinstance(data.get("tool"), dict) else None,
    }
    return json.dumps(kept, sort_keys=True, default=str).encode()


def _digest(parts: list[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8))
        whole.update(part)
    return whole.hexdigest()


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InstallError(
            f"{file.name} can't be read: {error.strerror}",
            expected="a file that the appliance's user may read",
            action=f"Correct the rights of {file.name}.",
            file=file.name,
        ) from None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_bytes(file).decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        raise InstallError(
            f"{file.name} is no TOML: {error}",
            expected="a file that every Python tool can read",
            action=f"Correct {'line ' + line[1] + ' of ' if line else ''}{file.name}.",
            file=file.name,
        ) from None
