"""Choose the packages that the image needs: all but those that the project declares for development alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import Requirement

from appliance import DISTRIBUTION
from appliance.dependencies.requirement_text import plain_line, requirements_in
from appliance.errors import InstallError
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import Distribution

    from appliance.dependencies.install_contents import Contents
    from appliance.dependencies.manifest import Manifest
    from appliance.environment.installer import Installer

_EXPORT = ("export", "--frozen", "--no-hashes", "--no-annotate", "--no-header", "--quiet")
_EXTRAS = re.compile(r"\[([\w.,\s-]+)\](?:\s*;.*)?\Z")


def needed_distributions(
    installed: Mapping[str, Distribution], manifest: Manifest, uv: Installer, version: str, extra: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Return the names of the distributions that are needed, and of those that only development needs.

    Args:
        installed: the environment's distributions, by normalised name.
        manifest: what the project declares.
        uv: reads a uv.lock.
        version: of the environment's Python.
        extra: requirements that the appliance has added.
    """
    every = sorted(installed)
    declared = _declared(installed, manifest, uv, version)
    if not declared:
        return every, []
    linked = {name for name, found in installed.items() if _is_linked_project(found)}
    of_linked = [each for name in linked for each in requirements_in(installed[name].requires or ())]
    needed = linked | _reached([*declared, *requirements_in(extra), *of_linked], installed, version)
    return [name for name in every if name in needed], [name for name in every if name not in needed]


def _declared(
    installed: Mapping[str, Distribution], manifest: Manifest, uv: Installer, version: str
) -> list[Requirement]:
    """Return the declared requirements without those for development; none if these can't be distinguished."""
    lighter = manifest.without_development()
    try:
        contents = lighter.contents(version) if lighter else None
        lines = _lines(contents, uv) if contents else []
        return [*requirements_in(lines), *_without_a_name(lines, installed)]
    except InstallError:
        return []


def _reached(roots: Iterable[Requirement], installed: Mapping[str, Distribution], version: str) -> set[str]:
    """Return the names of the installed distributions that these requirements ask for, directly or not."""
    waiting = list(roots)
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = normalized(requirement.name)
        for extra in ("", *requirement.extras):
            if name in installed and (name, extra) not in seen:
                seen.add((name, extra))
                below = requirements_in(installed[name].requires or ())
                waiting += [each for each in below if _applies(each, extra, version)]
    return {name for name, _ in seen}


def _is_linked_project(found: Distribution) -> bool:
    """Whether a distribution is the project itself, or a folder of it, which the appliance has linked."""
    return (found.read_text("INSTALLER") or "").strip() == DISTRIBUTION


def _lines(contents: Contents, uv: Installer) -> list[str]:
    """Return the lines of the requirements without those for development."""
    if not contents.sync:
        return contents.index_query.splitlines()
    words = [word.replace("--no-install-", "--no-emit-") for word in contents.sync]
    return uv.read("", *_EXPORT, *words).splitlines()


def _without_a_name(lines: Iterable[str], installed: Mapping[str, Distribution]) -> list[Requirement]:
    """Return requirements for lines such as ``./vendor/shop-1.0-py3-none-any.whl[web]``.

    Only the installer knows their names, so each distribution that comes from a path or an address counts as one.
    """
    found = [
        line
        for line in map(plain_line, lines)
        if line and not line.startswith("-") and not any(requirements_in([line]))
    ]
    extras = ",".join(each for line in found for each in _EXTRAS.findall(line))
    direct = [name for name, each in installed.items() if each.read_text("direct_url.json") is not None]
    return [Requirement(f"{name}[{extras}]") for name in direct] if found else []


def _applies(requirement: Requirement, extra: str, version: str) -> bool:
    if requirement.marker is None:
        return True
    try:
        return requirement.marker.evaluate(
            {"extra": extra, "python_version": version, "python_full_version": f"{version}.0"}
        )
    except UndefinedEnvironmentName:
        return True
