"""Find out which pinned packages have a wheel for which Python, before anything is built.

Theory of operation. uv resolves the project's own lines for one Python, without their dependencies, and writes the
result as a pylock.toml. That reads only the index's pages: no package is downloaded, nothing is built. It follows
every setting that names an index, and takes 0.2 s if the pages are cached; the installation needs them anyway. If a
lock lists its wheels, the lock is read and the index is not asked.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from packaging.tags import compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from appliance.dependencies.requirement_text import plain_line, requirement_of
from appliance.dependencies.text_file import read_toml
from appliance.discovery.rules.project_package import toml_of
from appliance.environment.python.last_python import runs_on
from appliance.environment.python.pythons import appliance_interpreter
from appliance.errors import InstallError
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packaging.requirements import Requirement
    from packaging.tags import Tag

    from appliance.dependencies.install_contents import Contents
    from appliance.environment.installer import Installer

_OPTION = re.compile(r"\s*(?:-i|--index-url|--extra-index-url|-f|--find-links|-c|--constraint|--pre)(?=[\s=]|\Z)")
_AT_A_TIME = 3  # half of the time of an answer is waiting
_BOUNDED = re.compile(r"==|<=|<|~=")


def lacking_wheels(
    contents: Callable[[str], Contents], versions: Sequence[str], program: Installer
) -> dict[str, tuple[str, ...]]:
    """Return, for each version, the pins that have no wheel for it or can't be imported on it.

    If the first version has all wheels, only that version is checked. A package without a wheel for any of these
    versions does not count. A version on which a pin can't be installed at all has no entry. If the index does not
    answer, the result is empty.

    Args:
        contents: returns what to install for a version of Python.
        versions: the versions to check, the preferred one first.
        program: the installer.
    """
    lock = contents(versions[0]).lock
    data = read_toml(lock) if lock else {}

    def answer(version: str) -> dict[str, bool] | None:
        known = _of_lock(data, version) if lock else _of_index(contents(version), version, program)
        return {pin: has and runs_on(pin, version) for pin, has in known.items()} if known is not None else None

    first = answer(versions[0])
    if first is None:
        return {}
    if first and all(first.values()):
        return {versions[0]: ()}
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        answers = {versions[0]: first, **dict(zip(versions[1:], pool.map(answer, versions[1:]), strict=True))}
    found = {version: each for version, each in answers.items() if each}
    somewhere = {pin for answer in found.values() for pin, has in answer.items() if has}
    return {
        version: tuple(pin for pin, has in answer.items() if not has and pin in somewhere)
        for version, answer in found.items()
    }


def pins_old_releases(contents: Contents) -> bool:
    """Whether anything is pinned or has an upper bound: other packages have a wheel for every Python."""
    if contents.lock is not None:
        return True
    return any(_BOUNDED.search(str(requirement.specifier)) for _, requirement in _requirements(contents.index_query))


def _of_index(contents: Contents, version: str, program: Installer) -> dict[str, bool] | None:
    """Return ``{"numpy==1.21.0": False}``; empty if that Python can't have the pins; None if no index answers."""
    lines = [line for line, _ in _requirements(contents.index_query)]
    options = [line for line in contents.index_query.splitlines() if _OPTION.match(line)]
    command = ("pip", "compile", "--quiet", "--no-config", "--no-header", "--no-deps", "--format", "pylock.toml")
    python = ("--python", str(appliance_interpreter()), "--python-version", version)
    try:
        text = program.read("\n".join([*options, *lines]) + "\n", *command, *python, "-")
    except InstallError as error:
        return None if error.details.get("unreachable") else {}
    if (found := toml_of(text)) is None:
        return None
    # The file lists the wheels that fit that Python on this machine.
    return {_pin(package): bool(package.get("wheels")) for package in found.get("packages", ())}


def _requirements(text: str) -> Iterable[tuple[str, Requirement]]:
    """Yield the lines that an index can answer: only a build gives the metadata of a folder, file or repository."""
    for line in text.splitlines():
        plain = plain_line(line)
        requirement = requirement_of(plain)
        if requirement is not None and not requirement.url:
            yield plain, requirement


def _of_lock(data: dict[str, Any], version: str) -> dict[str, bool]:
    """Read a lock that covers every Python (uv.lock, pylock.toml), in which a package may occur more than once."""
    tags = _tags(version)
    found: dict[str, bool] = {}
    for package in (*data.get("package", ()), *data.get("packages", ())):
        if not isinstance(package, dict) or not (package.get("wheels") or package.get("sdist")):
            continue  # a folder, a repository
        pin = _pin(package)
        names = [_file_name(wheel) for wheel in package.get("wheels", ()) if isinstance(wheel, dict)]
        found[pin] = found.get(pin, False) or any(not tags.isdisjoint(_tags_of(name)) for name in names)
    return found


def _pin(package: dict[str, Any]) -> str:
    return f"{normalized(str(package.get('name')))}=={package.get('version')}"


def _file_name(wheel: dict[str, Any]) -> str:
    place = next((str(wheel[key]) for key in ("name", "filename", "url", "path") if wheel.get(key)), "")
    return place.partition("#")[0].rpartition("/")[2]


def _tags(version: str) -> frozenset[Tag]:
    """Return the wheel tags that a CPython of this version supports on this machine."""
    parts = tuple(map(int, version.split(".")))
    platforms = list(platform_tags())
    every = (*cpython_tags(parts, platforms=platforms), *compatible_tags(parts, platforms=platforms))
    return frozenset(every)


def _tags_of(name: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return frozenset()
