"""For each file of the project with a standard module's name, decide which of the two modules the project uses.

Runs in the worker, before the project's folder is on the path. Costs one folder listing if there is no such file.

Theory of operation. We import much of the standard library before the project's code runs, so the project's own
``queue.py`` would never be found, although ``python app.py`` would find it. Dropping the standard module whenever there
is such a file is not a solution: a stray ``logging.py`` would break every framework, but does not under ``flask run``.
So the project's sources decide. If the project's own file defines all names that the sources use of the module, they
use the project's file; otherwise they use the standard module. If the sources never use the module, nothing changes.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

_SOURCES_MAX = 200  # of a folder; enough to see which module a project uses


def choose_modules(search_path: list[str], standard_path: list[str]) -> list[str]:
    """Put the module that the project uses into ``sys.modules``, for each standard name that it has a file of.

    Returns:
        the names by which the project uses its own file.
    """
    own: list[str] = []
    before, sys.path[:] = sys.path[:], standard_path  # a PYTHONPATH may contain the project's folder already
    try:
        for folder in search_path:
            for name, file in _shadows(folder):
                uses = _uses(folder, name, file)
                if uses and uses <= _defined(file):
                    own.append(name)
                    for loaded in [each for each in sys.modules if each == name or each.startswith(name + ".")]:
                        del sys.modules[loaded]
                elif uses:
                    _load_standard(name, standard_path)
    finally:
        sys.path[:] = before
    return own


def _shadows(folder: str) -> list[tuple[str, str]]:
    """Return (standard name, the project's file) for each such file in this folder."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return []
    found = []
    for entry in entries:
        name = entry.name.removesuffix(".py")
        if name in sys.stdlib_module_names and name not in sys.builtin_module_names and name != "__future__":
            found.append((name, entry.path if name != entry.name else f"{entry.path}/__init__.py"))
    return found


def _load_standard(name: str, standard_path: list[str]) -> None:
    if not _is_standard(sys.modules.get(name), standard_path):
        sys.modules.pop(name, None)
        importlib.import_module(name)  # noqa: TID251  by the standard library's path alone


def _is_standard(module: object, standard_path: list[str]) -> bool:
    return module is not None and str(getattr(module, "__file__", "") or standard_path[0]).startswith(
        tuple(standard_path)
    )


def _trees(folder: str) -> Iterator[tuple[str, ast.Module]]:
    sources = [entry.path for entry in os.scandir(folder) if entry.name.endswith(".py")][:_SOURCES_MAX]
    for source in sources:
        tree = _tree(source)
        if tree is not None:
            yield source, tree


def _tree(file: str) -> ast.Module | None:
    import ast  # noqa: PLC0415  takes 10 ms, and few projects have such a file

    try:
        with open(file, "rb") as source:
            return ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return None


def _uses(folder: str, name: str, own: str) -> set[str]:
    """Return the names that the project's sources use of the module: ``name.x``, and ``from name import x``."""
    import ast  # noqa: PLC0415  as above

    found: set[str] = set()
    for source, tree in _trees(folder):
        if source == own:
            continue
        aliases: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == name and not node.level:
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Import):
                aliases |= {alias.asname or alias.name for alias in node.names if alias.name == name}
        if aliases:
            found |= {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases
            }
    return found


def _defined(file: str) -> set[str]:
    """Return the names that a source defines at its top level."""
    import ast  # noqa: PLC0415  as above

    tree = _tree(file)
    found: set[str] = set()
    for node in tree.body if tree else []:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            found |= {
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
    return found
