"""Add a package to the file that declares the project's dependencies, in that file's own form.

Each function takes a text and returns the new one, or None if it does not know how. What it returns is parsed again:
a file that does not declare exactly one more package than before is not offered.
"""

from __future__ import annotations

import configparser
import re
from typing import TYPE_CHECKING, Any

import yaml

from appliance.conventions import LOCK_TOOLS, REQUIREMENTS_ENDS
from appliance.dependencies.text_file import table
from appliance.discovery.rules.project_package import toml_of
from appliance.discovery.setup_files import texts
from appliance.package_names import any_spelling
from appliance.remedies.file_edits import appended, edit_to, line_break, read, text_of
from appliance.remedies.lock_commands import add_to_lock
from appliance.remedies.remedy import Proposal
from appliance.remedies.toml_places import array_with, table_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.remedies.remedy import ProjectFacts

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def add_dependency(facts: ProjectFacts, packages: str) -> Proposal | None:
    """Add packages (separated by spaces) to the file that counts; without one, make a requirements file."""
    wanted = packages.split()
    source = facts.plan.source if facts.plan else "none"
    if source == "none":
        edit = edit_to(facts.root, "requirements.txt", "".join(f"{each}\n" for each in wanted))
        return Proposal(edit=edit, why="No file lists the project's dependencies.") if edit else None
    file = source.rpartition(", ")[2]  # of a file for development and the one that it builds on: the project's own
    if file.rpartition("/")[2] in LOCK_TOOLS:
        return add_to_lock(facts, file, wanted)
    before = read(facts.root, file)
    text = text_of(before)
    form = _form(file.rpartition("/")[2])
    if text is None or form is None:
        return None
    after: str | None = text
    for each in wanted:
        after = None if after is None else form(after, each)
    edit = edit_to(facts.root, file, after) if after is not None else None
    return (
        Proposal(edit=edit, why=f"{file} lists the project's dependencies. Saving it installs them.") if edit else None
    )


def _form(name: str) -> Callable[[str, str], str | None] | None:
    if name == "pyproject.toml":
        return in_pyproject
    if name == "Pipfile":
        return in_pipfile
    if name == "setup.cfg":
        return in_setup_cfg
    if name.endswith((".yml", ".yaml")):
        return in_conda
    plain = name.endswith(REQUIREMENTS_ENDS) or name == "requirements"
    return in_requirements if plain else None


def in_requirements(text: str, package: str) -> str | None:
    """Add a line, or replace the line of the same package. A file with hashes is another tool's to write."""
    if "--hash" in text:
        return None
    spelled = any_spelling(_name(package))
    there = re.compile(rf"(?im)^[ \t]*({spelled}(?![\w.-])[^#\r\n]*?)(?=[ \t]*(?:#.*)?\r?$)")
    found = there.search(text)
    if found is None:
        return appended(text, [package])
    return None if found[1] == package else text[: found.start(1)] + package + text[found.end(1) :]


def in_pyproject(text: str, package: str) -> str | None:
    """Add an item to ``project.dependencies``, or a key to Poetry's table."""
    data = toml_of(text)
    if data is None:
        return None
    project = table(data, "project")
    if project:
        if "dependencies" in texts(project.get("dynamic")):
            return None
        after = array_with(text, "project", "dependencies", package)
        known = [*texts(project.get("dependencies")), package]
        return after if after is not None and _differs_by(data, after, ["project", "dependencies"], known) else None
    return _in_table(text, data, ["tool", "poetry", "dependencies"], package)


def in_pipfile(text: str, package: str) -> str | None:
    """Add a key to ``packages``."""
    data = toml_of(text)
    return None if data is None else _in_table(text, data, ["packages"], package)


def _in_table(text: str, data: dict[str, Any], keys: list[str], package: str) -> str | None:
    known = table(data, *keys)
    name = _name(package)
    rest = package[len(name) :]
    if not known or name in known or rest.startswith("["):
        return None
    after = table_with(text, ".".join(keys), f'{name} = "{rest or "*"}"')
    return after if after is not None and _differs_by(data, after, keys, {**known, name: rest or "*"}) else None


def in_setup_cfg(text: str, package: str) -> str | None:
    """Add a line to ``options.install_requires``."""
    found = re.search(r"(?m)^install_requires[ \t]*=[ \t]*\r?\n((?:[ \t]+\S[^\r\n]*(?:\r?\n|\Z))+)", text)
    if found is None:
        return None
    indent = re.match(r"[ \t]+", found[1])
    end = line_break(text)
    gap = "" if found[1].endswith("\n") else end
    after = text[: found.end()] + f"{gap}{indent[0] if indent else '    '}{package}{end}" + text[found.end() :]
    before = _setup_cfg(text)
    return after if before is not None and _setup_cfg(after) == [*before, package] else None


def in_conda(text: str, package: str) -> str | None:
    """Add a package to the ``pip`` list of an ``environment.yml``; make the list if there is none."""
    before = _conda(text)
    if before is None:
        return None
    lines, end = text.splitlines(), line_break(text)
    begin = next((index for index, line in enumerate(lines) if re.fullmatch(r"dependencies:[ \t]*", line)), -1)
    if begin < 0:
        return None
    last = begin
    pip, indent = -1, "  "
    for index in range(begin + 1, len(lines)):
        found = re.match(r"([ \t]*)-[ \t]+(.*)", lines[index])
        if found is None:
            if lines[index].strip() and not lines[index].lstrip().startswith("#"):
                break
            continue
        if last == begin:
            indent = found[1]
        if found[1] == indent and re.fullmatch(r"pip:[ \t]*", found[2]):
            pip = index
        last = index
    inner = _pip_indent(lines, pip, last, indent)
    new = [f"{inner}- {package}"] if pip >= 0 else [f"{indent}- pip:", f"{inner}- {package}"]
    place = _end_of_pip(lines, pip, last, inner) if pip >= 0 else last
    after = end.join([*lines[: place + 1], *new, *lines[place + 1 :]]) + (end if text.endswith("\n") else "")
    expected = [*before[1], package]
    now = _conda(after)
    return after if now is not None and now[1] == expected and now[0] == before[0] else None


def _pip_indent(lines: list[str], pip: int, last: int, indent: str) -> str:
    if 0 <= pip < last:
        found = re.match(r"([ \t]+)-", lines[pip + 1])
        if found is not None and len(found[1]) > len(indent):
            return found[1]
    return f"{indent}    "


def _end_of_pip(lines: list[str], pip: int, last: int, inner: str) -> int:
    place = pip
    for index in range(pip + 1, last + 1):
        if not lines[index].startswith(f"{inner}-"):
            break
        place = index
    return place


def _conda(text: str) -> tuple[list[str], list[str]] | None:
    """Return conda's packages, and pip's."""
    try:
        items = table(yaml.safe_load(text)).get("dependencies")
    except yaml.YAMLError:
        return None
    if not isinstance(items, list):
        return None
    pips = [each["pip"] for each in items if isinstance(each, dict) and isinstance(each.get("pip"), list)]
    return [each for each in items if isinstance(each, str)], [str(each) for pip in pips for each in pip]


def _setup_cfg(text: str) -> list[str] | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        lines = parser.get("options", "install_requires", fallback="").splitlines()
    except configparser.Error:
        return None
    return [line.strip() for line in lines if line.strip()]


def _name(package: str) -> str:
    found = _NAME.match(package)
    return found[0] if found else package


def _differs_by(before: dict[str, Any], after: str, keys: list[str], value: object) -> bool:
    """Whether the new text says the same as before, except for this value at these keys."""
    now = toml_of(after)
    if now is None or table(now, *keys[:-1]).get(keys[-1]) != value:
        return False
    table(now, *keys[:-1]).pop(keys[-1])
    was = _toml_copy(before)
    table(was, *keys[:-1]).pop(keys[-1], None)
    return now == was


def _toml_copy(data: dict[str, Any]) -> dict[str, Any]:
    return {key: _toml_copy(value) if isinstance(value, dict) else value for key, value in data.items()}
