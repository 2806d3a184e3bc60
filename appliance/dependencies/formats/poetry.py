"""Read ``[tool.poetry]`` of a pyproject.toml: the project's dependencies by group and extra.

Poetry's own tables and the standard ones may stand in one file; both count.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.dependencies.dependency_groups import group_lines
from appliance.dependencies.formats.dependency_spec import DependencySpec, read_specs
from appliance.dependencies.requirement_text import requirement_of
from appliance.dependencies.text_file import table
from appliance.discovery.setup_files import texts
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.dependencies.dependency_selection import DependencySelection


def poetry_specs(data: dict[str, Any], choice: DependencySelection) -> list[DependencySpec]:
    """Return a developer's dependencies: the main ones, the groups that are not optional, and the selected extras."""
    own = table(data, "tool", "poetry", "dependencies")
    specs = [each for name, value in own.items() if name.lower() != "python" for each in read_specs(name, value)]
    specs += standard_specs(table(data, "project").get("dependencies"))
    asked = _of_extras(data, choice)
    found = [each for each in specs if not each.optional or normalized(each.name) in asked]
    for extra, lines in table(data, "project", "optional-dependencies").items():
        if choice.takes_extra(extra):
            found += standard_specs(lines)
    for entries in _groups(data, choice):
        found += [each for name, value in entries.items() for each in read_specs(name, value)]
    groups = filter(choice.takes_group, table(data, "dependency-groups"))
    return found + standard_specs(group_lines(data, groups, Path("pyproject.toml")))


def standard_specs(lines: object) -> list[DependencySpec]:
    """Parse PEP 508 requirements; an invalid one stays as it is, so that the installer reports it."""
    found: list[DependencySpec] = []
    for line in texts(lines):
        parsed = requirement_of(line)
        if parsed is None:
            found.append(DependencySpec(line))
            continue
        marker = str(parsed.marker) if parsed.marker else ""
        extras = tuple(sorted(parsed.extras))
        found.append(DependencySpec(parsed.name, str(parsed.specifier), extras, marker, parsed.url or ""))
    return found


def poetry_indexes(data: dict[str, Any]) -> list[str]:
    """Return ``[[tool.poetry.source]]`` as options of a requirements file: uv asks them in this order, before PyPI."""
    sources = table(data, "tool", "poetry").get("source")
    urls = [source.get("url") for source in sources if isinstance(source, dict)] if isinstance(sources, list) else []
    return [f"--extra-index-url {url}" for url in urls if isinstance(url, str)]


def _groups(data: dict[str, Any], choice: DependencySelection) -> Iterable[dict[str, Any]]:
    for name, group in table(data, "tool", "poetry", "group").items():
        optional = isinstance(group, dict) and group.get("optional") is True
        if choice.names_group(name) or (choice.development and not optional):
            yield table(group, "dependencies")
    if choice.development:
        yield table(data, "tool", "poetry", "dev-dependencies")


def _of_extras(data: dict[str, Any], choice: DependencySelection) -> set[str]:
    extras = table(data, "tool", "poetry", "extras")
    return {normalized(name) for extra, names in extras.items() if choice.takes_extra(extra) for name in texts(names)}
