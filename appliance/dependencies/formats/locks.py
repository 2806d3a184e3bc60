"""Read the four lock file formats: what each installs, which is worked out only at the installation.

A large lock takes a second to parse, and checking an unchanged project may take 50 ms. So the key of an environment
depends on the lock's bytes alone, and the lock is not parsed to compute the key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.dependencies.contents import Contents
from appliance.dependencies.formats.pipfile import read_pipfile_lock
from appliance.dependencies.formats.poetry import poetry_specs
from appliance.dependencies.requirements import read_requirements
from appliance.dependencies.source_tree import read_source_tree
from appliance.dependencies.text_file import read_toml, table
from appliance.package_names import normalized

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.dependencies.dependency_selection import DependencySelection
    from appliance.dependencies.source_tree import SourceTree


def uv_contents(root: Path, lock: Path, choice: DependencySelection) -> Contents:
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
    if table(read_toml(root / "pyproject.toml"), "tool", "uv", "workspace"):
        arguments.append("--all-packages")
    arguments += _choice_arguments(choice)
    return Contents(sync=tuple(arguments), trees=tuple(trees), lock=lock)


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
    return _pinned(root, [*pins.indexes, *pins.lines])


def pipfile_contents(root: Path, lock: Path, choice: DependencySelection) -> Contents:
    """Return the pins of a Pipfile.lock."""
    pins, indexes = read_pipfile_lock(lock, choice)
    return _pinned(root, [*indexes, *pins])


def folders_of(lock: bytes) -> list[str]:
    """Return the folders that a uv.lock or poetry.lock names, found by regular expressions."""
    text = lock.decode("utf-8", "replace")
    found = re.findall(r"source = \{ (?:editable|virtual|directory) = \"([^\"]+)\"", text)
    found += re.findall(r"type = \"directory\"\s+url = \"([^\"]+)\"", text)
    return [folder for folder in dict.fromkeys(found) if folder != "."]


def _pinned(root: Path, lines: list[str]) -> Contents:
    found = read_requirements(root, (), lines)
    # A folder among the pins declares its dependencies again, without pins: the lock's pins replace those lines.
    own = {normalized(re.split(r"[\s\[=@<>!~;]", line, maxsplit=1)[0]): line for line in lines}
    kept = [
        line
        for line in found.flat.splitlines()
        if line in lines or normalized(re.split(r"[\s\[=@<>!~;]", line, maxsplit=1)[0]) not in own
    ]
    return Contents(lines="\n".join(kept) + "\n", exact=True, trees=found.trees)


def _choice_arguments(choice: DependencySelection) -> list[str]:
    arguments = [] if choice.development else ["--no-default-groups"]
    for kind, names in (("extra", choice.extras), ("group", choice.groups)):
        for name in names:
            arguments += [f"--all-{kind}s"] if name == "*" else [f"--{kind}", name]
    return arguments
