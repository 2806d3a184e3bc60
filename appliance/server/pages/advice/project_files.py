"""Look through the project's folder for the reason for an error: modules, dependency files, commands, sources.

Each function reads a few files, and runs only after an exception, in the worker.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from ....conventions import (
    DISTRIBUTION_FILES,
    EXAMPLE_END,
    FUNCTION_COMMAND,
    NAMED_COMMAND,
    SKIPPED_FOLDERS,
    SOURCE_FOLDERS_MAX,
    SOURCES_MAX,
)
from ....package_names import any_spelling, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPENDENCIES = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg", "setup.py", "requirements.in")
_DEPENDENCIES_THERE = re.compile(r"^\[(?:project|dependency-groups|tool\.poetry|tool\.flit)\b", re.MULTILINE)
_COMMAND = re.compile(NAMED_COMMAND.format(name=r"([\w-]{1,80})"))
_COMMAND_OF_FUNCTION = re.compile(FUNCTION_COMMAND.format(name=r"(\w{1,80})"))
_MAKES_TABLES = ("init", "create", "setup", "seed")
TEXT_MAX = 1_048_576  # characters that are read of a file

_EXAMPLE = re.compile(EXAMPLE_END)


def has_module(root: str, name: str) -> bool:
    """Whether the project has a module of this name in its usual places."""
    folders = (root, f"{root}/src")
    return any(os.path.exists(f"{folder}/{name}{end}") for folder in folders for end in (".py", ""))


def place_of(root: str, name: str) -> str:
    """Return the path of a module or package in the project, relative to the root; "" if there is none."""
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            each for each in names if not each.startswith(".") and each not in SKIPPED_FOLDERS - {"tests", "test"}
        )
        if f"{name}.py" in files:
            return os.path.relpath(f"{folder}/{name}.py", root)
        if name in names and _has_python(f"{folder}/{name}"):
            return os.path.relpath(f"{folder}/{name}", root)
        count += len(names)
        if count > SOURCE_FOLDERS_MAX:
            break
    return ""


def empty_submodule(root: str, name: str) -> str:
    """Return the place of a git submodule that has this name, or whose repository has it, and is empty; else ""."""
    for section in text_of(f"{root}/.gitmodules").split("[submodule")[1:]:
        place, url = (
            next(iter(re.findall(rf"^\s*{key}\s*=\s*(\S+)", section, re.MULTILINE)), "") for key in ("path", "url")
        )
        names = {os.path.basename(each.rstrip("/")).removesuffix(".git") for each in (place, url)}
        if normalized(name) in set(map(normalized, names)) and not _is_filled(f"{root}/{place}"):
            return place
    return ""


def _is_filled(folder: str) -> bool:
    return os.path.isdir(folder) and bool(os.listdir(folder))


def _has_python(folder: str) -> bool:
    for _, names, files in os.walk(folder):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        if any(file.endswith(".py") for file in files):
            return True
    return False


def removed_module(root: str, name: str) -> str:
    """Return the file or folder of a module that was removed just now, if a finder knows one; else ""."""
    for finder in sys.meta_path:
        removed = getattr(finder, "removed", None)
        path = removed(name) if callable(removed) else ""
        if path and isinstance(path, str):
            return os.path.relpath(path, root) if path.startswith(f"{root}/") else path
    return ""


def missing_file_example(root: str, module: str) -> tuple[str, str]:
    """Return a module's file that does not exist yet, and the example beside it to copy; "" if there is none."""
    below = [entry for entry in sys.path if entry.startswith(f"{root}/")]
    *parents, last = module.split(".")
    for folder in ("/".join([entry, *parents]) for entry in (root, *below)):
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                rest = name.removeprefix(last)
                if rest != name and _EXAMPLE.fullmatch(rest):
                    within = os.path.relpath(folder, root).removeprefix(".")
                    return os.path.join(within, f"{last}.py"), os.path.join(within, name)
    return "", ""


def dependency_file(root: str) -> str:
    """Return the file to add a dependency to; "" if there is none."""
    names = set(os.listdir(root))
    if "requirements" in names:
        inner = sorted(name for name in os.listdir(f"{root}/requirements") if name.endswith((".txt", ".in")))
        preferred = [name for name in ("dev.txt", "development.txt", "local.txt", "base.txt") if name in inner]
        if inner:
            return f"requirements/{(preferred or inner)[0]}"
    if "pyproject.toml" in names and not _DEPENDENCIES_THERE.search(text_of(f"{root}/pyproject.toml")):
        # It only configures tools; the files of setuptools list the dependencies.
        names -= {"pyproject.toml"} if names & {"setup.cfg", "setup.py", "Pipfile"} else set()
    if "setup.py" in names and "install_requires" not in text_of(f"{root}/setup.cfg"):
        names.discard("setup.cfg")  # it only configures tools, too
    return next((name for name in _DEPENDENCIES if name in names), "")


def mentions(root: str, distribution: str) -> tuple[str, str]:
    """Return the packaging file that names a distribution, and its extra or group: it is optional, so not installed.

    Returns:
        the file's name, or ""; ``extra:NAME`` or ``group:NAME``, or "" if unknown.
    """
    pattern = re.compile(rf"[\"'\s]{any_spelling(distribution)}(?![\w.-])", re.IGNORECASE)
    for name in DISTRIBUTION_FILES:
        text = text_of(f"{root}/{name}")
        found = pattern.search(text)
        if found:
            return name, _optional(text[: found.end()])
    return "", ""


def _optional(text: str) -> str:
    """Return the extra or the group in which the text ends."""
    tables = re.findall(r"^\[([^\[\]\n]{1,200})\][ \t]{0,80}$", text, re.MULTILINE)
    keys = re.findall(
        r"(?:^|[{,])[ \t]{0,80}[\"']?([\w.-]{1,200})[\"']?[ \t]{0,80}[=:][ \t]{0,80}(?=[\[(\n])", text, re.MULTILINE
    )
    table = tables[-1] if tables else "options.extras_require" if "extras_require" in text else ""
    group = re.fullmatch(r"tool\.poetry\.group\.([\w-]+)\.dependencies", table)
    if group:
        return f"group:{group[1]}"
    kind = {"project.optional-dependencies": "extra", "options.extras_require": "extra", "dependency-groups": "group"}
    return f"{kind[table]}:{keys[-1]}" if keys and table in kind else ""


def missing_imports(root: str) -> list[str]:
    """Return the modules that the project's sources import and that can't be found, by their full names."""
    found: dict[str, None] = {}
    for file in _sources(root):
        for name in _imports(file):
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top in sys.modules or has_module(root, top) or place_of(root, top):
                continue
            if os.path.exists(f"{os.path.dirname(file)}/{top}.py") or importlib.util.find_spec(top) is not None:
                continue
            found[name] = None
    return list(found)


def table_command(root: str) -> str:
    """Return the command that creates the database's tables; "" if none is found."""
    manage = next((path for path in _manage_scripts(root) if "django" in text_of(f"{root}/{path}").lower()), "")
    if manage:
        return f"python {manage} migrate"
    if os.path.isfile(f"{root}/migrations/alembic.ini"):
        return "flask db upgrade"
    if os.path.isfile(f"{root}/alembic.ini"):
        return "alembic upgrade head"
    for file in _sources(root):
        text = text_of(file)
        names = (*_COMMAND.findall(text), *_COMMAND_OF_FUNCTION.findall(text))
        command = next((name for name in names if any(word in name for word in _MAKES_TABLES)), "")
        if command and ("click" in text or ".cli." in text):
            return f"flask {command.replace('_', '-')}"
    return ""


def _manage_scripts(root: str) -> Iterator[str]:
    yield "manage.py"
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield f"{entry.name}/manage.py"


def _sources(root: str) -> Iterator[str]:
    count = 0
    for folder, names, files in islice(os.walk(root), SOURCE_FOLDERS_MAX):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        for name in sorted(files):
            if name.endswith(".py"):
                count += 1
                yield f"{folder}/{name}"
                if count >= SOURCES_MAX:
                    return


def _imports(file: str) -> Iterator[str]:
    """Yield the modules that a source imports outside of ``try``: an import within ``try`` is optional."""
    try:
        tree = ast.parse(text_of(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif not isinstance(node, ast.Try):
            waiting.extend(ast.iter_child_nodes(node))


def text_of(file: str) -> str:
    """Return the text of a project's file; "" if it can't be read."""
    try:
        if not os.path.isfile(file):  # a FIFO, such as a .env that a manager of secrets fills, would be waited for
            return ""
        with open(file, encoding="utf-8", errors="replace") as source:
            return source.read(TEXT_MAX)
    except OSError:
        return ""
