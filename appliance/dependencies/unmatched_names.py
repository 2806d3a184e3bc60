"""Find the extras and groups that APPLIANCE_DEPENDENCIES names but no file of the project has, for a warning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.dependencies.dependency_groups import older_groups
from appliance.dependencies.source_tree import read_source_tree
from appliance.dependencies.text_file import read_text, read_toml, table
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from appliance.dependencies.dependency_selection import DependencySelection

_PIPENV = frozenset({"Pipfile", "Pipfile.lock"})
_LOCKS = frozenset({"Pipfile.lock", "poetry.lock", "pylock.toml"})


def unmatched_names(choice: DependencySelection, root: Path, sources: Sequence[Path]) -> tuple[str, ...]:
    """Return one sentence for each name that does not exist.

    Args:
        choice: what the user selected.
        root: the folder of the dependency files.
        sources: the files that the dependencies are read from.
    """
    names = {file.name for file in sources}
    if "uv.lock" in names:
        return ()  # uv gets the names as arguments, and refuses one that does not exist
    # uv gets the extras of a pylock.toml as arguments too.
    extras = set(choice.extras) if "pylock.toml" in names else _extras(root, choice)
    groups = _groups(root, sources, locked=bool(names & {"Pipfile.lock", "pylock.toml"}))
    missing = [*_missing("extra", choice.extras, extras), *_missing("group", choice.groups, groups)]
    lock = next((name for name in names if name in _LOCKS), "")
    where = f"{lock} does not have: lock again" if lock else "no file of the project has"
    return tuple(f"APPLIANCE_DEPENDENCIES names {each}, which {where}" for each in missing)


def _extras(root: Path, choice: DependencySelection) -> set[str]:
    tree = read_source_tree(root, choice)
    return {*(tree.extras if tree else ()), *table(_pyproject(root), "tool", "poetry", "extras")}


def _groups(root: Path, sources: Sequence[Path], *, locked: bool) -> set[str]:
    """Return the existing groups; a lock that does not contain pyproject.toml's groups has only its own."""
    data = {} if locked else _pyproject(root)
    poetry = table(data, "tool", "poetry")
    older = ["dev"] if older_groups(data) or table(poetry, "dev-dependencies") else []
    categories = (key for source in sources if source.name in _PIPENV for key in _categories(source))
    return {*table(data, "dependency-groups"), *table(poetry, "group"), *older, *categories}


def _pyproject(root: Path) -> dict[str, Any]:
    file = root / "pyproject.toml"
    return read_toml(file) if file.is_file() else {}


def _missing(kind: str, asked: Iterable[str], known: Iterable[str]) -> list[str]:
    there = {*map(normalized, known), "*"}
    return [f"{kind}:{name}" for name in asked if name not in there]


def _categories(file: Path) -> Iterable[str]:
    data = json.loads(read_text(file)) if file.name.endswith(".lock") else read_toml(file)
    return table(data)
