"""Describe a project folder without an application: what it holds instead, and what to do.

Called when no rule has found an application; this module knows no rules. Runs in the supervisor and in commands.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.conventions import INSTALLED_CODE
from appliance.discovery.frameworks import is_framework
from appliance.discovery.rules.project_package import package_names
from appliance.discovery.rules.usual_names import IS_TEST
from appliance.discovery.source.modules import imports_of
from appliance.discovery.started_server import started_server
from appliance.discovery.target import pick
from appliance.identity.regular_file import read_regular, read_text_of
from appliance.plural import counted, first_names

if TYPE_CHECKING:
    from appliance.discovery.source.modules import Modules

_MAX_LISTED = 4
_MAX_DEPTH = 2
_MAX_PARSED = 200  # files; 0.1 s
_MAX_FILES = 2000
_MAX_CHARACTERS = 100_000
_OWN_SERVERS = re.compile(
    r"^[ \t]*(?:import|from)[ \t]+"
    r"(streamlit|gradio|chainlit|nicegui|shiny|reflex|flet|solara|marimo|panel|bokeh|websockets)\b",
    re.MULTILINE,
)
_EXAMPLE = re.compile(r"(?:[^/]+/)?(?:examples?|samples?|demo)/.+\.py\Z")
_EXAMPLE_FOLDER = re.compile(r"(?:.+/)?(?:app|main|run|wsgi|server|manage)\.py\Z")  # named as a project's own file
_MAX_EXAMPLES = 20  # files
_PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")
_NAME_IT = "Set APPLIANCE_APP=module:object if there is one. `appliance check` shows where the appliance looked."


class Absence(NamedTuple):
    """The contents of the folder, and the action that helps."""

    text: str
    action: str
    application: str = ""  # one that a person may mean


def describe_absence(modules: Modules) -> Absence:
    """Describe an empty folder, notebooks, another language, a library, or Python that binds no application."""
    root = modules.root
    files = _files(root)
    if not files:
        return Absence(
            "The folder is empty",
            "Mount your project (docker run -v .:/workspace; for compose PROJECT_DIR=../mine), or write an app.py. "
            "If a tool synchronises it into the folder, wait: the appliance looks again when files arrive.",
        )
    python = [name for name in files if name.endswith((".py", ".wsgi"))]
    template = _template(root)
    if template:
        return template
    if not python:
        notebooks = [name for name in files if name.endswith(".ipynb")]
        if notebooks:
            return Absence(
                f"The folder has notebooks ({first_names(notebooks, _MAX_LISTED)}) and no Python file",
                "Write an app.py that binds a WSGI application; the appliance can't serve a notebook.",
            )
        kinds = [kind for kind, _ in Counter(Path(name).suffix for name in files).most_common(_MAX_LISTED) if kind]
        return Absence(
            f"The folder has no Python file, but {first_names(kinds, _MAX_LISTED) or first_names(files, _MAX_LISTED)}",
            "Mount the folder of the Python project, or name its sub-folder in APPLIANCE_PROJECT.",
        )
    own = next(filter(None, (_own_server(root / name) for name in python)), "")
    if own:
        return Absence(
            f"It is made with {own}, which has its own server",
            f"Start it with {own}'s own command; the appliance serves only WSGI.",
        )
    return _unbound(modules, python)


def _template(root: Path) -> Absence | None:
    """Recognise a template for new projects: it has placeholders instead of names."""
    if (root / "cookiecutter.json").is_file():
        return Absence(
            "It is a template of cookiecutter, with placeholders instead of names",
            "Make a project of it, and mount that: uvx cookiecutter .",
        )
    if any((root / name).is_file() for name in ("copier.yml", "copier.yaml")):
        return Absence(
            "It is a template of Copier, with placeholders instead of names",
            "Make a project of it, and mount that: uvx copier copy . mysite",
        )
    for file in (root / "manage.py", *sorted(root.glob("*/manage.py"))):
        with contextlib.suppress(OSError):
            if _PLACEHOLDER.search(read_text_of(file)[:_MAX_CHARACTERS]):
                folder = "." if file.parent == root else f"./{file.parent.name}"
                return Absence(
                    f"{file.relative_to(root)} is a template of Django, with placeholders instead of names",
                    f"Make a project of it, and mount that: django-admin startproject --template {folder} mysite",
                )
    return None


def _unbound(modules: Modules, python: list[str]) -> Absence:
    """Describe Python files that bind no application."""
    root, parsed = modules.root, modules.parsed
    packages = [name for name in package_names(root) if any((root / part / name).is_dir() for part in ("", "src"))]
    unknown = [name for name in python[:_MAX_PARSED] if root / name not in parsed]
    broken = [fault for name in unknown if (fault := _fault(root / name, name))]
    for fault in broken:
        if _may_bind_one(modules, fault.name, packages):
            text = f"{fault.text}, and no other file binds an application"
            return Absence(text, "Fix it: when you save it, the appliance looks again.")
    example = _example(modules, python)
    do_this = f"It has examples: {example} is one. {_NAME_IT}" if example else _NAME_IT
    also = f"; {broken[0].text}" if broken else ""
    if packages:
        return Absence(f"{packages[0]} is a package without an application, perhaps a library{also}", do_this)
    passed_over = None if example else _passed_over(modules)
    if passed_over:
        file, name, reason = passed_over
        return Absence(
            f"Searched {counted(len(python), 'Python file')}: only {file}, which {reason}, binds one{also}",
            f"If that is the application: APPLIANCE_APP={name}",
            name,
        )
    return Absence(f"Searched {counted(len(python), 'Python file')}: {first_names(python, _MAX_LISTED)}{also}", do_this)


def _example(modules: Modules, python: list[str]) -> str:
    """Return the setting that serves one of a library's examples; empty if none is seen to serve WSGI."""
    examples = [name for name in python if _EXAMPLE.match(name)]
    folders = [name for name in examples if _EXAMPLE_FOLDER.match(name)]
    for name in (*folders, *examples)[:_MAX_EXAMPLES]:
        source = modules.source(modules.root / name)
        server = started_server(modules, source)
        if name.endswith("/manage.py") or pick(modules, source).name or (server and server.kind == "wsgi"):
            return f"APPLIANCE_PROJECT={Path(name).parent}" if name in folders else f"APPLIANCE_APP={name}"
    return ""


def _passed_over(modules: Modules) -> tuple[str, str, str] | None:
    """Return file and name of an application that no rule takes, and why: its place, or its unusual name."""
    for file in modules.files(_MAX_DEPTH, tests=True):
        best = pick(modules, modules.source(file), own=True)
        if best.name:
            is_test = IS_TEST.search(file.name) or modules.is_left_out(file)
            reason = "is among the tests" if is_test else "looks like a part of a library"
            return str(file.relative_to(modules.root)), f"{modules.name_of(file)[0]}:{best.name}", reason
    return None


class _Fault(NamedTuple):
    name: str
    text: str


def _fault(file: Path, name: str) -> _Fault | None:
    """Return why a file is not valid Python; None if it is, or can't be read."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about an invalid escape: the import will report it
            ast.parse(read_regular(file))
    except SyntaxError as error:
        return _Fault(name, f"{name} can't be parsed ({error.msg}, line {error.lineno})")
    except (OSError, ValueError, RecursionError, MemoryError):
        pass
    return None


def _may_bind_one(modules: Modules, name: str, packages: list[str]) -> bool:
    """Whether a broken file may hold the application; a Python 2 script in bin/, for example, does not.

    This is not asked for the usual files: a broken one of those is chosen, and its import shows the error.
    """
    root, file = modules.root, modules.root / name
    if modules.is_left_out(file):
        return False
    if any(file.parent in {root / package, root / "src" / package} for package in packages):
        return True
    text = read_text_of(file)[:_MAX_CHARACTERS]
    return "start_response" in text or any(map(is_framework, imports_of(file)))


def _own_server(file: Path) -> str:
    try:
        found = _OWN_SERVERS.search(read_text_of(file)[:_MAX_CHARACTERS])
    except OSError:
        return ""
    return found[1].capitalize() if found else ""


def _files(root: Path) -> list[str]:
    found: list[str] = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in INSTALLED_CODE)
        found += [os.path.relpath(f"{folder}/{name}", root) for name in sorted(files) if not name.startswith(".")]
        if len(found) > _MAX_FILES:
            break
    return found
