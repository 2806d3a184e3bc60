"""Read which Python a project requires or pins, from all files that may say so."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from appliance.dependencies.formats.conda import conda_python
from appliance.dependencies.formats.dependency_spec import alternatives
from appliance.dependencies.formats.pipfile import pipfile_python
from appliance.dependencies.text_file import table, text_or_nothing
from appliance.discovery.rules.project_package import read_pyproject, toml_of
from appliance.discovery.setup_files import read_setup
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from packaging.specifiers import SpecifierSet

_NEWEST_PATCH = 40


class PythonRequirement(Record):
    """The Python that one file of the project, or a setting, asks for.

    Attributes:
        specifiers: alternatives, as PEP 440 specifiers.
        pin: whether it names one version, as a developer's tool or a host does, and says nothing about other versions.
    """

    specifiers: tuple[SpecifierSet, ...]
    where: str
    text: str
    pin: bool = False

    def allows(self, version: str) -> bool:
        """Whether some patch release of this version fits."""
        return any(each.contains(f"{version}.{patch}") for each in self.specifiers for patch in range(_NEWEST_PATCH))


def pin(version: str, where: str) -> PythonRequirement:
    """Return the requirement for this version alone, with any patch number."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  30 ms, which a start without such a file saves

    parts = version.split(".")[:2]
    return PythonRequirement((SpecifierSet(f"=={'.'.join(parts)}.*"),), where, version, pin=True)


def read_python_requirements(root: Path, folder: Path | None = None) -> list[PythonRequirement]:
    """Return the project's ranges and its first pin: several pins are common, and the later ones are often outdated.

    Args:
        root: the project's folder.
        folder: the folder of its dependency files, which takes precedence over the project's folder.
    """
    folders = tuple(dict.fromkeys((folder or root, root)))
    pins = (requirement for each in folders for requirement in _in(root, each, _pins))
    ranges = (found for each in folders if (found := [*_in(root, each, _ranges)]))
    return [*islice(pins, 1), *next(ranges, [])]


def _in(root: Path, folder: Path, read: Callable[[Path], Iterator[PythonRequirement]]) -> Iterator[PythonRequirement]:
    """Read the requirements of one folder; they name the folder if it is not the project's own."""
    place = folder.relative_to(root) if root in folder.parents else folder
    return (each if folder == root else replace(each, where=f"{each.where} in {place}") for each in read(folder))


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
        ("requirements.txt", _by(r"(?m)^python={1,2}(\d+\.\d+)")),  # conda list --export
    )
    for name, reader in readers:
        version = reader(text_or_nothing(root / name))
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
    version = pipfile_python(toml_of(text) or {})  # an error in it is reported where dependencies are read from it
    return version if re.match(r"\d+\.\d+", version) else ""


def _ranges(root: Path) -> Iterator[PythonRequirement]:
    """Return the ranges of a distribution: if both the standard table and Poetry's have one, both hold."""
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
        asked = conda_python(text_or_nothing(root / name))
        if asked and not asked.startswith("=="):
            yield from _range([asked], name, asked)
    try:
        setup = read_setup(root)
    except OSError:
        return
    if setup and setup.python:
        yield from _range([setup.python], "python_requires of the setup file", setup.python)


def _range(every: Iterable[str], where: str, text: str) -> Iterator[PythonRequirement]:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415  30 ms, which a start without such a file saves

    try:
        yield PythonRequirement(tuple(SpecifierSet(each) for each in every), where, text)
    except InvalidSpecifier:
        return  # its own tools refuse it too; the project then runs on what is installed
