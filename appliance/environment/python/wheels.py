"""Which of the pinned packages have a wheel for which Python: known before anything is built.

Owns the question, and how its answer is read. Must not know what is chosen by it. Runs in ``appliance install``.

Theory of operation. uv resolves the project's own lines for one Python, without what these depend on, and writes what
it found as a pylock.toml: that takes the index's pages alone (no package is fetched, nothing is built), honours
whatever names an index, and costs 0.2 s where the pages are there, which the installation needs anyway. A lock that
lists its wheels is read, and nothing is asked.
"""

from __future__ import annotations

import re
import tomllib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from appliance.dependencies.dependency_selection import plain
from appliance.dependencies.text_file import read_toml
from appliance.environment.python.last_python import runs_on
from appliance.environment.python.pythons import own_interpreter
from appliance.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packaging.tags import Tag

    from appliance.dependencies.contents import Contents
    from appliance.environment.installer import Installer

_OPTION = re.compile(r"\s*(?:-i|--index-url|--extra-index-url|-f|--find-links|-c|--constraint|--pre)(?=[\s=]|\Z)")
_AT_A_TIME = 3  # an answer is half waiting
_BOUNDED = re.compile(r"==|<=|<|~=")


def lacking_wheels(
    contents: Callable[[str], Contents], versions: Sequence[str], program: Installer
) -> dict[str, tuple[str, ...]]:
    """For each version the pins without a wheel for it, or that can't be imported on it; the first alone if it has all.

    A package that has no wheel for any of these versions counts for none. A version on which a pin can't be installed
    at all is left out. Where the index does not answer, nothing is known.

    Args:
        contents: what is to be installed on a version of Python.
        versions: those that are asked about, the one that would be taken first.
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


def asks_for_the_old(contents: Contents) -> bool:
    """Whether anything is pinned, or bounded from above: what is not has a wheel for every Python."""
    if contents.lock is not None:
        return True
    return any(_BOUNDED.search(str(requirement.specifier)) for _, requirement in _requirements(contents.question))


def _of_index(contents: Contents, version: str, program: Installer) -> dict[str, bool] | None:
    """``{"numpy==1.21.0": False}``; empty where that Python can't have them; None where nobody answers."""
    lines = [line for line, _ in _requirements(contents.question)]
    options = [line for line in contents.question.splitlines() if _OPTION.match(line)]
    command = ("pip", "compile", "--quiet", "--no-config", "--no-header", "--no-deps", "--format", "pylock.toml")
    python = ("--python", str(own_interpreter()), "--python-version", version)
    try:
        text = program.read("\n".join([*options, *lines]) + "\n", *command, *python, "-")
        packages = tomllib.loads(text).get("packages", ())
    except InstallError as error:
        return None if error.details.get("unreachable") else {}
    except tomllib.TOMLDecodeError:
        return None
    # It lists the wheels that fit that Python on this machine.
    return {_pin(package): bool(package.get("wheels")) for package in packages}


def _requirements(text: str) -> Iterable[tuple[str, Requirement]]:
    """The lines that an index is asked for: no folders, files or repositories, whose metadata would be built."""
    for line in text.splitlines():
        words = re.sub(r"(^|\s)#.*|\s--hash[= ]\S+", "", line).strip().rstrip("\\").strip()
        try:
            requirement = Requirement(words)
        except InvalidRequirement:
            continue
        if not requirement.url:
            yield words, requirement


def _of_lock(data: dict[str, Any], version: str) -> dict[str, bool]:
    """Of a lock for every Python (uv.lock, pylock.toml): a package may be there more than once."""
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
    return f"{plain(str(package.get('name')))}=={package.get('version')}"


def _file_name(wheel: dict[str, Any]) -> str:
    place = next((str(wheel[key]) for key in ("name", "filename", "url", "path") if wheel.get(key)), "")
    return place.partition("#")[0].rpartition("/")[2]


def _tags(version: str) -> frozenset[Tag]:
    """What a CPython of this version takes on this machine."""
    parts = tuple(map(int, version.split(".")))
    platforms = list(platform_tags())
    every = (*cpython_tags(parts, platforms=platforms), *compatible_tags(parts, platforms=platforms))
    return frozenset(every)


def _tags_of(name: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return frozenset()
