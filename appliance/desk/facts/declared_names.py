"""Find the lines of a project's files that ask for a package by its name.

The files were chosen and read for the installation; here only names are looked for, so that each package of the
environment can be shown with its line. A file in another form names nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SIZE_MAX = 1024 * 1024
_LOCKS = frozenset({"uv.lock", "poetry.lock", "pylock.toml", "Pipfile.lock"})  # they list all, not what is asked for
_NAME = r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?)"
_END = r"(?=\s*(?:[\[=<>!~;@,#'\"]|$))"
_REQUIREMENT = re.compile(rf"\s*{_NAME}{_END}")
_IN_LIST = re.compile(rf"[\"']\s*{_NAME}(?=\s*[\[=<>!~;@\"'(])")
_KEY = re.compile(rf"\s*[\"']?{_NAME}[\"']?\s*=")
_TABLE = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")
_LIST_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*=\s*\[")
_INLINE = re.compile(r"\{[^{}]*\}")  # {include-group = "test"}
_CONDA = re.compile(rf"\s*-\s*(?:[\w-]+::)?{_NAME}{_END}")
# Tables of a TOML file whose keys are packages, and those whose lists are of requirements.
_OF_KEYS = re.compile(
    r"packages|dev-packages|tool\.poetry\.(?:dev-)?dependencies|tool\.poetry\.group\.[^.]+\.dependencies"
)
_OF_LISTS = re.compile(r"project\.optional-dependencies|dependency-groups")


def declared_names(files: Sequence[Path], project: Path) -> dict[str, list[str]]:
    """Return where each package is asked for, as ``requirements.txt:3``, by its normal form."""
    found: dict[str, list[str]] = {}
    for file in files:
        if file.name in _LOCKS:
            continue
        try:
            with file.open(encoding="utf-8", errors="replace") as opened:
                lines = opened.read(_SIZE_MAX).splitlines()
        except OSError:
            continue
        shown = file.relative_to(project) if file.is_relative_to(project) else file
        for number, name in _names(file, lines):
            places = found.setdefault(normalized(name), [])
            if (place := f"{shown}:{number}") not in places:
                places.append(place)
    return found


def _names(file: Path, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    if file.suffix == ".toml" or file.name == "Pipfile":
        yield from _toml_names(lines)
    elif file.suffix in {".yml", ".yaml"}:
        yield from _matches(_CONDA, lines)
    elif file.suffix != ".py":
        yield from _matches(_REQUIREMENT, lines)


def _matches(pattern: re.Pattern[str], lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if match := pattern.match(line):
            yield number, match[1]


def _toml_names(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the names in the tables and lists of a TOML file that hold requirements, with their lines."""
    current, in_list = "", False
    for number, line in enumerate(lines, 1):
        if not in_list and (heading := _TABLE.match(line)):
            current = re.sub(r"[\s\"']", "", heading[1])
            continue
        if not in_list and (key := _LIST_KEY.match(line)):
            in_list = bool(_OF_LISTS.fullmatch(current)) or (current == "project" and key[1] == "dependencies")
            line = line[key.end() :]  # noqa: PLW2901  what is left of it
        elif not in_list and _OF_KEYS.fullmatch(current) and (key := _KEY.match(line)) and key[1] != "python":
            yield number, key[1]
        if in_list:
            for match in _IN_LIST.finditer(_INLINE.sub("", line.partition("#")[0])):
                yield number, match[1]
            in_list = not re.search(r"\]\s*,?\s*(?:#.*)?$", re.sub(r"\[[^\]]*\]", "", line))
