"""Read the four lock file formats: what each installs, which is worked out only at the installation.

A large lock takes a second to parse, and checking an unchanged project may take 50 ms. So the key of an environment
depends on the lock's bytes alone, and the lock is not parsed to compute the key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.conventions import LOCK_TOOLS
from appliance.dependencies.formats.pipfile import missing_in_lock, read_pipfile_lock
from appliance.dependencies.formats.poetry import poetry_specs
from appliance.dependencies.install_contents import Contents
from appliance.dependencies.requirement_text import requirement_of
from appliance.dependencies.requirements import read_requirements
from appliance.dependencies.source_tree import read_source_tree
from appliance.dependencies.text_file import read_toml, table
from appliance.discovery.setup_files import texts
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from appliance.dependencies.dependency_selection import DependencySelection
    from appliance.dependencies.source_tree import SourceTree


def uv_contents(root: Path, lock: Path, choice: DependencySelection, python: str) -> Contents:
    """Return the arguments of ``uv sync``, without the workspace projects that are imported from their own folders."""
    data = read_toml(lock)
    packages = [package for package in data.get("package", ()) if isinstance(package, dict)]
    trees: list[SourceTree] = []
    arguments = ["--project", str(root), "--no-install-project"]
    for package in packages:
        source = table(package, "source")
        path = next((source[kind] for kind in ("editable", "virtual", "directory") if kind in source), None)
        tree = read_source_tree((root / path).resolve(), choice) if isinstance(path, str) and path != "." else None
        if tree is None or tree.compiled:
            continue
        trees.append(tree)
        arguments += ["--no-install-package", str(package.get("name"))]
    described = read_toml(root / "pyproject.toml")
    if table(described, "tool", "uv", "workspace"):
        arguments.append("--all-packages")
    arguments += _choice_arguments(choice)
    notes = _older(lock, "pyproject.toml", _not_locked(described, packages, choice, python))
    return Contents(sync=tuple(arguments), trees=tuple(trees), notes=notes, lock=lock)


def pylock_contents(lock: Path, choice: DependencySelection) -> Contents:
    """Return the arguments that install a pylock.toml: the installer reads the file itself."""
    arguments = [word for extra in choice.extras if extra != "*" for word in ("--extra", extra)]
    arguments += ["--all-extras"] if "*" in choice.extras else []
    return Contents(arguments=("-r", str(lock), *arguments), exact=True, lock=lock)


def poetry_contents(root: Path, lock: Path, choice: DependencySelection, python: str) -> Contents:
    """Return the pins of a poetry.lock, selected by the pyproject.toml beside it."""
    data = read_toml(root / "pyproject.toml") if (root / "pyproject.toml").is_file() else {}
    from appliance.dependencies.formats.poetry_lock import read_pins  # noqa: PLC0415  30 ms, which a start without such a file saves

    pins = read_pins(read_toml(lock), poetry_specs(data, choice) or None, python)
    own = {normalized(str(table(data, *keys).get("name"))) for keys in (("project",), ("tool", "poetry"))}
    missing = [name for name in pins.missing if normalized(name) not in own]
    return _pinned(root, [*pins.indexes, *pins.lines], _older(lock, "pyproject.toml", missing))


def pipfile_contents(root: Path, lock: Path, choice: DependencySelection) -> Contents:
    """Return the pins of a Pipfile.lock."""
    pins, indexes = read_pipfile_lock(lock, choice)
    return _pinned(root, [*indexes, *pins], _older(lock, "Pipfile", missing_in_lock(lock, choice)))


def folders_of(lock: bytes) -> list[str]:
    """Return the folders that a uv.lock or poetry.lock names, found by regular expressions."""
    text = lock.decode("utf-8", "replace")
    found = re.findall(r"source = \{ (?:editable|virtual|directory) = \"([^\"]+)\"", text)
    found += re.findall(r"type = \"directory\"\s+url = \"([^\"]+)\"", text)
    return [folder for folder in dict.fromkeys(found) if folder != "."]


def _older(lock: Path, file: str, missing: Sequence[str]) -> tuple[str, ...]:
    """Return the note for a lock that lacks what a file beside it requires: nothing else installs that."""
    if not missing:
        return ()
    return (f"{lock.name} does not have {', '.join(missing)}, as {file} requires: run {LOCK_TOOLS[lock.name]} lock",)


def _not_locked(
    described: dict[str, Any], packages: Sequence[dict[str, Any]], choice: DependencySelection, python: str
) -> list[str]:
    """Return the packages that a pyproject.toml requires on this Python, and that a uv.lock does not have."""
    project = table(described, "project")
    lines = [*texts(project.get("dependencies"))]
    for extra, more in table(project, "optional-dependencies").items():
        lines += texts(more) if choice.takes_extra(extra) else ()
    for group, more in table(described, "dependency-groups").items():
        lines += texts(more) if choice.takes_group(group) else ()
    known = {normalized(str(each.get("name"))) for each in (*packages, project)}
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    found = (requirement_of(line) for line in lines)
    return [
        each.name
        for each in found
        if each and normalized(each.name) not in known and (each.marker is None or each.marker.evaluate(here))
    ]


def _pinned(root: Path, lines: list[str], notes: tuple[str, ...]) -> Contents:
    found = read_requirements(root, (), lines)
    # A folder among the pins declares its dependencies again, without pins: the lock's pins replace those lines.
    own = {normalized(re.split(r"[\s\[=@<>!~;]", line, maxsplit=1)[0]): line for line in lines}
    kept = [
        line
        for line in found.flat.splitlines()
        if line in lines or normalized(re.split(r"[\s\[=@<>!~;]", line, maxsplit=1)[0]) not in own
    ]
    return Contents(lines="\n".join(kept) + "\n", exact=True, trees=found.trees, notes=notes)


def _choice_arguments(choice: DependencySelection) -> list[str]:
    arguments = [] if choice.development else ["--no-default-groups"]
    for kind, names in (("extra", choice.extras), ("group", choice.groups)):
        for name in names:
            arguments += [f"--all-{kind}s"] if name == "*" else [f"--{kind}", name]
    return arguments
