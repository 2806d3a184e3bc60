"""What to do about a dependency or a system library that is missing: the file, the line, the command.

Owns these words; each look costs a file or two, and is made only after something was raised. Must not know exceptions.
Runs in the worker. tests/server/pages/test_hints.py and tests/live/test_remedies.py do what they say.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING

from . import project_files

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARK = ".whole.json"  # what the installer leaves in an environment that is whole
_TOOLS = {
    "uv.lock": "uv add --no-sync",
    "poetry.lock": "poetry add --lock",
    "Pipfile.lock": "pipenv install",
}
_BACKPORTS = {
    "audioop": "audioop-lts",
    "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi",
    "distutils": "setuptools<81",
    "imp": "zombie-imp",
}
_NO_BACKPORT = frozenset({"lib2to3", "msilib", "nis", "ossaudiodev", "spwd"})
_INCLUDE = re.compile(r"(?m)^[ \t]*(?:-r|--requirement)[ \t=]*[\"']?([^\s\"'#]+)")
_FILES_MAX = 20
_IN_IMAGE = "/opt/appliance/healthcheck.py"


def source(root: str) -> str:
    """The file that the environment was installed from; else the one that would be; empty where there is none."""
    try:
        with open(f"{sys.prefix}/{_MARK}", encoding="utf-8") as mark:  # noqa: PTH123  as in surroundings
            told = str(json.load(mark).get("source", ""))
    except (OSError, ValueError, AttributeError):
        told = ""
    # Of a file for development and what it leaves out, the last is what the project runs on.
    named = told.rpartition(", ")[2]
    if named and os.path.isfile(f"{root}/{named}"):  # noqa: PTH113  as in surroundings
        return named
    if told == "none":
        return ""
    lock = next((name for name in _TOOLS if os.path.isfile(f"{root}/{name}")), "")  # noqa: PTH113  as above
    return lock or project_files.dependency_file(root)


def add(root: str, requirements: Iterable[str]) -> str:
    """How these requirements are added to what the project depends on; empty where no file says what that is."""
    wanted = list(requirements)
    file = source(root)
    if not file:
        return ""
    tool = _TOOLS.get(os.path.basename(file))  # noqa: PTH119  as above
    if tool:
        quoted = " ".join(f"'{each}'" if re.search(r"[^\w.-]", each) else each for each in wanted)
        where = os.path.dirname(file)  # noqa: PTH120  as above
        within = f"cd {where} && " if where else ""
        return f"Add it with the tool whose lock is installed: {within}{tool} {quoted}"
    steps = [_line(root, file, each) for each in wanted]
    return " ".join([*steps, "It is installed when that is saved."])


def _line(root: str, file: str, requirement: str) -> str:
    """One requirement: a new line, or in the place of the one that is there, in this file or one that it includes."""
    name = re.split(r"[\[<>=!~ ]", requirement)[0]
    spelled = re.sub(r"[-_.]+", "[-_.]", name)
    there = re.compile(rf"(?im)^[ \t]*({spelled}(?![\w.-])[^#\n]*?)[ \t]*(?:#.*)?$")
    for each in _with_includes(root, file) if file.endswith((".txt", ".in", ".pip")) else ():
        found = there.search(project_files.text_of(f"{root}/{each}"))
        if found:
            return f"Write {requirement} in the place of {found[1]!r} in {each}."
    return f"Add {requirement} to {file}."


def _with_includes(root: str, file: str) -> list[str]:
    """A requirements file and those that it includes, relative to the root."""
    files = [file]
    for each in files:
        for name in _INCLUDE.findall(project_files.text_of(f"{root}/{each}")):
            path = os.path.normpath(os.path.join(os.path.dirname(each), name))  # noqa: PTH118, PTH120  as above
            if path not in files and len(files) < _FILES_MAX:
                files.append(path)
    return files


def install_debian(packages: Iterable[str]) -> str:
    """How Debian's packages are added to where the appliance runs."""
    names = " ".join(packages)
    if not os.path.exists(_IN_IMAGE):  # noqa: PTH110  as above
        return f"Install it (Debian, Ubuntu): apt-get install -y {names}"
    dockerfile = f"FROM wsgi-appliance\\nRUN apt-get update && apt-get install -y {names}\\n"
    return f"Add it to the image, and start it again: printf '{dockerfile}' | docker build -t wsgi-appliance -"


def instead(root: str, old: str, new: str) -> str:
    """One package in the place of another that brings the same module."""
    file = source(root)
    tool = os.path.basename(file)  # noqa: PTH119  as above
    commands = {
        "uv.lock": f"uv remove --no-sync {old} && uv add --no-sync {new}",
        "poetry.lock": f"poetry remove --lock {old} && poetry add --lock {new}",
        "Pipfile.lock": f"pipenv uninstall {old} && pipenv install {new}",
    }
    if tool in commands:
        return f"{new} brings the same module, and needs no library of the system: {commands[tool]}"
    where = f" in {file}" if file else ""
    return f"Write {new} in the place of {old}{where}: it brings the same module, and needs no library of the system."


def backport(module: str) -> str:
    """The package that brings a module back which left the standard library; empty where there is none."""
    return "" if module in _NO_BACKPORT else _BACKPORTS.get(module, f"standard-{module}")


def older_python(gone: str) -> str:
    """How the project runs on the last Python that has what left with this version."""
    last = f"3.{int(gone.partition('.')[2]) - 1}"
    words = f"Run the project on Python {last}: APPLIANCE_PYTHON={last}"
    if not os.path.exists(_IN_IMAGE) or os.path.isdir(f"/opt/python/{last}"):  # noqa: PTH110, PTH112  as above
        return f"{words}."
    return (
        f"{words}. Build the image that has it, from the appliance's own folder: "
        "docker build --target full -t wsgi-appliance /path/to/wsgi-appliance"
    )
