"""The Python that a project asks for, wherever it says so.

Owns the reading of those files. Must not know which Pythons there are. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from appliance.dependencies.formats.conda import conda_python
from appliance.dependencies.formats.dependency_spec import alternatives
from appliance.dependencies.formats.pipfile import pipfile_python
from appliance.dependencies.text_file import table
from appliance.discovery.rules.own_package import read_pyproject
from appliance.discovery.setup_files import read_setup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_NEWEST_PATCH = 40


@dataclass(frozen=True)
class PythonRequirement:
    """One statement of the project's, or of a setting.

    Attributes:
        specifiers: alternatives, as PEP 440 states them.
        pin: whether it names one version, as a tool for developers or a host does, and says nothing of others.
    """

    specifiers: tuple[SpecifierSet, ...]
    where: str
    text: str
    pin: bool = False

    def allows(self, version: str) -> bool:
        """Whether some release of this version fits."""
        return any(each.contains(f"{version}.{patch}") for each in self.specifiers for patch in range(_NEWEST_PATCH))


def pin(version: str, where: str) -> PythonRequirement:
    """This version alone, whatever its last digits."""
    parts = version.split(".")[:2]
    return PythonRequirement((SpecifierSet(f"=={'.'.join(parts)}.*"),), where, version, pin=True)


def read_wishes(root: Path, folder: Path | None = None) -> list[PythonRequirement]:
    """Every statement of the project's; of those that pin one version the first alone: stale ones are common.

    Args:
        root: the project's folder.
        folder: the one that its dependencies are read in: what is said there goes before what the project's own says.
    """
    folders = tuple(dict.fromkeys((folder or root, root)))
    pins = (wish for each in folders for wish in _in(root, each, _pins))
    ranges = (found for each in folders if (found := [*_in(root, each, _ranges)]))
    return [*islice(pins, 1), *next(ranges, [])]


def _in(root: Path, folder: Path, read: Callable[[Path], Iterator[PythonRequirement]]) -> Iterator[PythonRequirement]:
    """What is said in one folder; a person is told in which, where it is not the project's own."""
    place = folder.relative_to(root) if root in folder.parents else folder
    return (wish if folder == root else replace(wish, where=f"{wish.where} in {place}") for wish in read(folder))


def _pins(root: Path) -> Iterator[PythonRequirement]:
    readers: tuple[tuple[str, Callable[[str], str]], ...] = (
        (".python-version", _by(r"(?m)^[ \t]*(?:cpython-|python-?)?(\d+\.\d+)(?:\.\d+)?(?:[abrc]+\d+|-dev)?[ \t\r]*$")),
        ("runtime.txt", _by(r"(?m)^[ \t]*(?:python-)?(\d+\.\d+)")),
        (".tool-versions", _by(r"(?m)^[ \t]*python[ \t]+(\d+\.\d+)")),
        ("mise.toml", _by(r"(?m)^[ \t]*python[ \t]*=[ \t]*\[?[ \t]*[\"'](\d+\.\d+)")),
        (".mise.toml", _by(r"(?m)^[ \t]*python[ \t]*=[ \t]*\[?[ \t]*[\"'](\d+\.\d+)")),
        ("Pipfile", _of_pipfile),
        ("environment.yml", _of_conda),
        ("environment.yaml", _of_conda),
    )
    for name, reader in readers:
        version = reader(_text(root / name))
        if version:
            yield pin(version, name)


def _by(pattern: str) -> Callable[[str], str]:
    def find(text: str) -> str:
        match = re.search(pattern, text)
        return match[1] if match else ""

    return find


def _of_conda(text: str) -> str:
    pinned = re.match(r"==(\d+\.\d+)", conda_python(text))
    return pinned[1] if pinned else ""


def _of_pipfile(text: str) -> str:
    try:
        version = pipfile_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return ""  # where it is what the dependencies are read from, that is an error there
    return version if re.match(r"\d+\.\d+", version) else ""


def _ranges(root: Path) -> Iterator[PythonRequirement]:
    """What a distribution says of the Pythons that it runs on: of the standard's table and Poetry's, each holds."""
    data = read_pyproject(root)
    standard = table(data, "project").get("requires-python")
    poetry = table(data, "tool", "poetry", "dependencies").get("python")
    if isinstance(standard, str):
        yield from _range([standard], "requires-python of pyproject.toml", standard)
    if isinstance(poetry, str) and poetry != standard:
        yield from _range(alternatives(poetry), "python of [tool.poetry.dependencies]", poetry)
    if isinstance(standard, str) or isinstance(poetry, str):
        return
    for name in ("environment.yml", "environment.yaml"):
        asked = conda_python(_text(root / name))
        if asked and not asked.startswith("=="):
            yield from _range([asked], name, asked)
    try:
        setup = read_setup(root)
    except OSError:
        return
    if setup and setup.python:
        yield from _range([setup.python], "python_requires of the setup file", setup.python)


def _range(every: Iterable[str], where: str, text: str) -> Iterator[PythonRequirement]:
    try:
        yield PythonRequirement(tuple(SpecifierSet(each) for each in every), where, text)
    except InvalidSpecifier:
        return  # its own tools refuse it too; whoever gets so far runs on what is here


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig", "replace")
    except OSError:
        return ""
