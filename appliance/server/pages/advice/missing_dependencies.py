"""Say how to add a missing dependency or system library: the file, the line, the command.

Each function reads one or two files, and runs only after an exception, in the worker.
tests/live/test_remedies_followed.py does what these texts say.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING

from ....conventions import BACKPORTS, COMPLETE_MARK, LOCK_TOOLS, REQUIREMENTS_ENDS
from ....package_names import any_spelling, normalized
from . import project_files

if TYPE_CHECKING:
    from collections.abc import Iterable

_ADD = {"uv": "uv add --no-sync", "poetry": "poetry add --lock", "pipenv": "pipenv install"}
_NAMES_IN_TOML = ("uv.lock", "poetry.lock")  # each package is a table with its name
_INCLUDE = re.compile(r"(?m)^[ \t]*(?:-r|--requirement)[ \t=]*[\"']?([^\s\"'#]+)")
_FILES_MAX = 20
_EDITED_S = 1.0  # after the mark, which is written last
_IN_IMAGE = "/opt/appliance/healthcheck.py"


def dependency_source(root: str) -> str:
    """Return the file that the environment was installed from, or else the one that would be; "" if there is none."""
    try:
        with open(f"{sys.prefix}/{COMPLETE_MARK}", encoding="utf-8") as mark:
            installed_from = str(json.load(mark).get("source", ""))
    except (OSError, ValueError, AttributeError):
        installed_from = ""
    # If a file for development includes another one, the included one, named last, has the project's dependencies.
    named = installed_from.rpartition(", ")[2]
    if named and os.path.isfile(f"{root}/{named}"):
        return named
    if installed_from == "none":
        return ""
    lock = next((name for name in LOCK_TOOLS if os.path.isfile(f"{root}/{name}")), "")
    return lock or project_files.dependency_file(root)


def add(root: str, requirements: Iterable[str]) -> str:
    """Say how to add requirements to the project's dependencies; "" if no file lists dependencies."""
    wanted = list(requirements)
    file = dependency_source(root)
    if not file:
        return ""
    tool = LOCK_TOOLS.get(os.path.basename(file))
    if tool:
        quoted = " ".join(f"'{each}'" if re.search(r"[^\w.-]", each) else each for each in wanted)
        where = os.path.dirname(file)
        within = f"cd {where} && " if where else ""
        return f"Add it with the tool that wrote the lock file: {within}{_ADD[tool]} {quoted}"
    steps = [_requirement_step(root, file, each) for each in wanted]
    return " ".join([*steps, "Saving the file installs it."])


def lock_again(root: str, package: str) -> str:
    """Say that the lock that was installed does not have the package, and how to write it again; "" if it has it."""
    file = dependency_source(root)
    where, name = os.path.split(file)
    text = project_files.text_of(f"{root}/{file}") if name in _NAMES_IN_TOML else ""
    # The end of a long lock is not read.
    if not text or len(text) >= project_files.TEXT_MAX:
        return ""
    if re.search(rf'(?im)^name = "{any_spelling(package)}"', text):
        return ""
    within = f"cd {where} && " if where else ""
    return f"{file} does not have it: run {within}{LOCK_TOOLS[name]} lock. Saving the file installs it."


def _requirement_step(root: str, file: str, requirement: str) -> str:
    """Say where to write one requirement: a new line, or instead of the existing one, in this or an included file."""
    name = re.split(r"[\[<>=!~ ]", requirement)[0]
    spelled = any_spelling(name)
    there = re.compile(rf"(?im)^[ \t]*({spelled}(?![\w.-])[^#\n]*?)[ \t]*(?:#.*)?$")
    for each in _with_includes(root, file) if file.endswith(REQUIREMENTS_ENDS) else ():
        found = there.search(project_files.text_of(f"{root}/{each}"))
        if found:
            return f"Replace {found[1]!r} by {requirement} in {each}."
    return f"Add {requirement} to {file}."


def _with_includes(root: str, file: str) -> list[str]:
    """Return a requirements file and the files that it includes, relative to the root."""
    files = [file]
    for each in files:
        for name in _INCLUDE.findall(project_files.text_of(f"{root}/{each}")):
            path = os.path.normpath(os.path.join(os.path.dirname(each), name))
            if path not in files and len(files) < _FILES_MAX:
                files.append(path)
    return files


def should_be_installed(root: str, package: str, module: str) -> bool:
    """Whether the environment should have this module: it was removed by hand after the installation."""
    name = normalized(package)
    for folder in sys.path:
        if f"{os.sep}site-packages" in folder:
            for info in _entries(folder):
                found = info.endswith(".dist-info") and normalized(info.partition("-")[0]) == name
                if found and re.search(rf"(?m)^{module}(?:\.py|/)", project_files.text_of(f"{folder}/{info}/RECORD")):
                    return True
    file = dependency_source(root)
    if not os.path.isfile(f"{sys.prefix}/{COMPLETE_MARK}") or not file.endswith((".txt", ".in")):
        return False
    declared = re.compile(rf"(?im)^[ \t]*{any_spelling(name)}(?![\w.-])[^;#\n]*$")
    return any(declared.search(project_files.text_of(f"{root}/{each}")) for each in _with_includes(root, file))


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def is_edited(file: str) -> bool:
    """Whether an installed file was written after the environment was complete."""
    try:
        complete = os.stat(f"{sys.prefix}/{COMPLETE_MARK}").st_mtime
        within = file.startswith(f"{sys.prefix}/") and f"{os.sep}site-packages{os.sep}" in file
        return within and os.stat(file).st_mtime > complete + _EDITED_S
    except OSError:
        return False


def run_in_environment(command: str) -> str:
    """Return the command line that runs a command of the project where the appliance runs."""
    return f"{'docker compose exec app ' * os.path.exists(_IN_IMAGE)}appliance run {command}"


def install_debian(packages: Iterable[str]) -> str:
    """Say how to install Debian packages where the appliance runs."""
    names = " ".join(packages)
    if not os.path.exists(_IN_IMAGE):
        return f"Install it (Debian, Ubuntu): apt-get install -y {names}"
    dockerfile = f"FROM wsgi-appliance\\nRUN apt-get update && apt-get install -y {names}\\n"
    return (
        f"Add it to the image, and start the container again: printf '{dockerfile}' | docker build -t wsgi-appliance -"
    )


def replace_package(root: str, old: str, new: str) -> str:
    """Say how to replace a package by another one that has the same module."""
    file = dependency_source(root)
    tool = LOCK_TOOLS.get(os.path.basename(file), "")
    commands = {
        "uv": f"uv remove --no-sync {old} && uv add --no-sync {new}",
        "poetry": f"poetry remove --lock {old} && poetry add --lock {new}",
        "pipenv": f"pipenv uninstall {old} && pipenv install {new}",
    }
    if tool in commands:
        return f"{new} contains the same module, and needs no system library: {commands[tool]}"
    where = f" in {file}" if file else ""
    return f"Replace {old} by {new}{where}: it contains the same module, and needs no system library."


def backport(module: str) -> str:
    """Return the package that replaces a module that left the standard library; "" if there is none."""
    return BACKPORTS.get(module, "")


def last_before(gone: str) -> str:
    """Return the last Python before ``gone``, the version that lacks something."""
    return f"3.{int(gone.partition('.')[2]) - 1}"


def older_python(gone: str) -> str:
    """Say how to run the project on the last Python before ``gone``."""
    last = last_before(gone)
    advice = f"Run the project on Python {last}: APPLIANCE_PYTHON={last}"
    if not os.path.exists(_IN_IMAGE) or os.path.isdir(f"/opt/python/{last}"):
        return f"{advice}."
    return (
        f"{advice}. Build the image with that Python, in the appliance's folder: "
        "docker build --target full -t wsgi-appliance /path/to/wsgi-appliance"
    )
