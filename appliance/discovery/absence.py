"""A folder without an application: what it holds instead, in words.

Owns these words. Must not know rules; it is asked when none of them has found anything. Runs in the appliance's own
interpreter.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from appliance.discovery.frameworks import is_framework
from appliance.discovery.rules.own_package import package_names
from appliance.discovery.source.modules import Modules, imports_of
from appliance.discovery.target import pick

_SHOWN = 4
_DEEP_ENOUGH = 2
_PARSED = 200  # files; 0.1 s
_FILES_MAX = 2000
_LONGEST = 100_000
_OF_THEIR_OWN = re.compile(
    r"^[ \t]*(?:import|from)[ \t]+"
    r"(streamlit|gradio|chainlit|nicegui|shiny|reflex|flet|solara|marimo|panel|bokeh|websockets)\b",
    re.MULTILINE,
)
_EXAMPLE = re.compile(r"(?:[^/]+/)?(?:examples?|samples?|demo)/(?:.+/)?(?:app|main|run|wsgi|server|manage)\.py\Z")
_TO_FILL_IN = re.compile(r"\{\{\s*\w+\s*\}\}")
_SHOWN_FOLDER = "."
_NAME_IT = "Name it: APPLIANCE_APP=module:object. `appliance check` shows what was looked at."


class Absence(NamedTuple):
    """What there is, and what to do about it."""

    words: str
    action: str


def what_there_is(root: Path) -> Absence:
    """An empty folder, notebooks, another language, a library, or Python that binds no application."""
    files = _files(root)
    if not files:
        return Absence(
            "the folder is empty",
            "Mount your project (docker run -v .:/workspace; for compose PROJECT_DIR=../mine), or write an app.py.",
        )
    python = [name for name in files if name.endswith((".py", ".wsgi"))]
    template = _template(root)
    if template:
        return template
    if not python:
        notebooks = [name for name in files if name.endswith(".ipynb")]
        if notebooks:
            return Absence(
                f"it holds notebooks ({_list(notebooks)}) and no Python file",
                "Write an app.py that binds a WSGI application; a notebook can't be served.",
            )
        kinds = [kind for kind, _ in Counter(Path(name).suffix for name in files).most_common(_SHOWN) if kind]
        return Absence(
            f"it holds no Python file; there are {_list(kinds) or _list(files)}",
            "Mount the folder of the Python project, or name its sub-folder in APPLIANCE_PROJECT.",
        )
    own = next(filter(None, (_own_server(root / name) for name in python)), "")
    if own:
        return Absence(
            f"it is made with {own}, which has a server of its own",
            f"Start it by {own}'s own command; the appliance serves WSGI alone.",
        )
    return _unbound(root, python)


def _template(root: Path) -> Absence | None:
    """A template that projects are made from is none yet: its names are still to be filled in."""
    if (root / "cookiecutter.json").is_file():
        return Absence(
            "it is a template of cookiecutter's, whose names are still to be filled in",
            f"Make a project of it, and mount that: uvx cookiecutter {_SHOWN_FOLDER}",
        )
    if any((root / name).is_file() for name in ("copier.yml", "copier.yaml")):
        return Absence(
            "it is a template of Copier's, whose names are still to be filled in",
            f"Make a project of it, and mount that: uvx copier copy {_SHOWN_FOLDER} mysite",
        )
    for file in (root / "manage.py", *sorted(root.glob("*/manage.py"))):
        with contextlib.suppress(OSError):
            if _TO_FILL_IN.search(file.read_text("utf-8", "replace")[:_LONGEST]):
                folder = _SHOWN_FOLDER if file.parent == root else f"{_SHOWN_FOLDER}/{file.parent.name}"
                return Absence(
                    f"{file.relative_to(root)} is a template of Django's, whose names are still to be filled in",
                    f"Make a project of it, and mount that: django-admin startproject --template {folder} mysite",
                )
    return None


def _unbound(root: Path, python: list[str]) -> Absence:
    """Python that is not what it should be."""
    packages = [name for name in package_names(root) if any((root / part / name).is_dir() for part in ("", "src"))]
    broken = [fault for name in python[:_PARSED] if (fault := _fault(root / name, name))]
    for fault in broken:
        if _may_bind_one(root, fault.name, packages):
            words = f"{fault.words}, and no other file binds one"
            return Absence(words, "Mend it: when it is saved, it is looked at again.")
    example = next((name for name in python if _EXAMPLE.match(name)), "")
    do_this = f"It has examples: APPLIANCE_PROJECT={Path(example).parent} is one. {_NAME_IT}" if example else _NAME_IT
    also = f"; {broken[0].words}" if broken else ""
    if packages:
        return Absence(f"{packages[0]} is a package that offers none, a library perhaps{also}", do_this)
    among_tests = None if example else _among_tests(root)
    if among_tests:
        file, name = among_tests
        return Absence(
            f"{len(python)} Python files bind none, but for {file}, which lies where tests do{also}",
            f"If that is the application: APPLIANCE_APP={name}",
        )
    return Absence(f"{len(python)} Python files bind none ({_list(python)}){also}", do_this)


def _among_tests(root: Path) -> tuple[str, str] | None:
    """The file and the name of an application in a folder, or a module, that is left out for its name."""
    modules = Modules(root)
    for file in modules.files(_DEEP_ENOUGH, tests=True):
        best = pick(modules, modules.source(file), own=True)
        if best.name:
            return str(file.relative_to(root)), f"{modules.name_of(file)[0]}:{best.name}"
    return None


class _Fault(NamedTuple):
    name: str
    words: str


def _fault(file: Path, name: str) -> _Fault | None:
    """Why a file is no Python; None if it is, or can't be read."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of an invalid escape: the import will tell
            ast.parse(file.read_bytes())
    except SyntaxError as error:
        return _Fault(name, f"{name} can't be parsed ({error.msg}, line {error.lineno})")
    except (OSError, ValueError, RecursionError, MemoryError):
        pass
    return None


def _may_bind_one(root: Path, name: str, packages: list[str]) -> bool:
    """Whether a broken file may hold the application: a script of Python 2 in bin/ is not why there is none.

    The usual files are not asked after: a broken one of those is chosen, and its import shows where.
    """
    file = root / name
    if Modules(root).is_left_out(file):
        return False
    if any(file.parent in {root / package, root / "src" / package} for package in packages):
        return True
    text = file.read_text("utf-8", "replace")[:_LONGEST]
    return "start_response" in text or any(map(is_framework, imports_of(file)))


def _own_server(file: Path) -> str:
    try:
        found = _OF_THEIR_OWN.search(file.read_text("utf-8", "replace")[:_LONGEST])
    except OSError:
        return ""
    return found[1].capitalize() if found else ""


def _files(root: Path) -> list[str]:
    found: list[str] = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in {"node_modules", "venv"})
        found += [os.path.relpath(f"{folder}/{name}", root) for name in sorted(files) if not name.startswith(".")]
        if len(found) > _FILES_MAX:
            break
    return found


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
