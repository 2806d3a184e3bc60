"""Translate ``Pipfile`` and ``Pipfile.lock`` into requirement lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.dependencies.formats.dependency_spec import DependencySpec, read_specs
from appliance.dependencies.text_file import invalid_error, read_text, read_toml, table
from appliance.errors import InstallError
from appliance.package_names import normalized

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.dependencies.dependency_selection import DependencySelection


def missing_in_lock(lock: Path, choice: DependencySelection) -> list[str]:
    """Return the packages of the Pipfile beside a lock that the lock does not have.

    Raises:
        InstallError: the lock can't be read.
    """
    try:
        wanted = read_toml(lock.with_name("Pipfile"))
    except InstallError:
        return []  # there is none, or it is broken: the lock counts
    locked = table(_parsed(lock))
    missing: list[str] = []
    for ours, theirs in (("packages", "default"), ("dev-packages", "develop")):
        if ours == "packages" or choice.development:
            known = set(map(normalized, table(locked, theirs)))
            missing += [name for name in table(wanted, ours) if normalized(name) not in known]
    return missing


def read_pipfile_lock(file: Path, choice: DependencySelection) -> tuple[list[str], list[str]]:
    """Return the pinned lines with their hashes, and the options that name the indexes.

    Raises:
        InstallError: the file can't be read.
    """
    data = _parsed(file)
    pins: dict[str, str] = {}
    for section in _sections(table(data), choice, "default", "develop"):
        for name, value in table(data, section).items():
            pins.setdefault(name, _pin(name, value))
    return list(pins.values()), _indexes(table(data, "_meta").get("sources"))


def _parsed(lock: Path) -> object:
    try:
        return json.loads(read_text(lock))
    except json.JSONDecodeError as error:
        raise invalid_error(lock, "JSON", error.msg, error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise invalid_error(lock, "JSON", str(error), 0) from None


def pipfile_lines(data: dict[str, Any], choice: DependencySelection) -> tuple[list[str], list[str]]:
    """Return the lines and the options that name the indexes, from a Pipfile without a lock."""
    lines: dict[str, str] = {}
    for section in _sections(data, choice, "packages", "dev-packages"):
        for name, value in table(data, section).items():
            for spec in read_specs(name, value):
                lines.setdefault(spec.line(), spec.line())
    return list(lines), _indexes(data.get("source"))


def pipfile_python(data: dict[str, Any]) -> str:
    """Return the Python that a Pipfile asks for: "3.12", or ""."""
    requires = table(data, "requires")
    return str(requires.get("python_version") or requires.get("python_full_version") or "")


def _sections(data: dict[str, Any], choice: DependencySelection, first: str, development: str) -> list[str]:
    """Return the names of the sections to install: Pipenv's two, and the selected custom categories."""
    own = [name for name in data if choice.names_group(name) and name not in {first, development}]
    return [first, *([development] if choice.development or choice.names_group(development) else []), *own]


def _pin(name: str, value: object) -> str:
    specs = read_specs(name, value)
    each = specs[0] if specs else DependencySpec(name)
    hashes = value.get("hashes") if isinstance(value, dict) else None
    if each.url or each.path or not isinstance(hashes, list):
        return each.line()
    return each.line() + "".join(f" --hash={text}" for text in hashes)


def _indexes(sources: object) -> list[str]:
    """Return the options that name the indexes; ``${NAME}`` in a URL stays, because the installer expands variables."""
    urls = [source.get("url") for source in sources if isinstance(source, dict)] if isinstance(sources, list) else []
    found = [url for url in urls if isinstance(url, str)]
    if found and _is_pypi(found[0]):
        found = found[1:]  # the installer's default, which PIP_INDEX_URL may replace
        return [f"--extra-index-url {url}" for url in found]
    return [f"{'--extra-index-url' if index else '--index-url'} {url}" for index, url in enumerate(found)]


def _is_pypi(url: str) -> bool:
    return "//pypi.org/" in url or "//pypi.python.org/" in url
