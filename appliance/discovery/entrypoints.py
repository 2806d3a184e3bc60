"""Read the entry points that a project declares: for example which function ``egg:shop#main`` names.

It reads pyproject.toml, setup.cfg and setup.py, runs none of them, and does not know what the entry points are for.
Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import ast
import configparser
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LINE = re.compile(r"^[ \t]*([\w.\-][\w.\- ]{0,200}?)[ \t]{0,80}=[ \t]*([\w.]+)[ \t]*:[ \t]*([\w.]+)", re.MULTILINE)


def declared_entry_points(root: Path, pyproject: Mapping[str, Any], group: str) -> dict[str, str]:
    """Return ``{"main": "shop:main"}`` for one group; the first file that declares any wins."""
    for found in (_in_pyproject(pyproject, group), _in_setup_cfg(root, group), _in_setup_py(root, group)):
        if found:
            return found
    return {}


def _in_pyproject(pyproject: Mapping[str, Any], group: str) -> dict[str, str]:
    project, tool = (_table(pyproject, name) for name in ("project", "tool"))
    if group == "console_scripts":  # these have a table of their own
        project, tool = (
            {"entry-points": {group: project.get("scripts")}},
            {"poetry": {"plugins": {group: _table(tool, "poetry").get("scripts")}}},
        )
    for table in (_table(project, "entry-points"), _table(_table(tool, "poetry"), "plugins")):
        texts = {name: text for name, text in _table(table, group).items() if isinstance(text, str)}
        if texts:
            return texts
    return {}


def _table(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name, {})
    return found if isinstance(found, dict) else {}


def _in_setup_cfg(root: Path, group: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((root / "setup.cfg").read_text("utf-8", "replace"))
    except (OSError, configparser.Error):
        return {}
    return _lines(parser.get("options.entry_points", group, fallback=""))


def _in_setup_py(root: Path, group: str) -> dict[str, str]:
    try:
        tree = ast.parse((root / "setup.py").read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "entry_points":
            return _of_argument(node.value, group)
    return {}


def _of_argument(argument: ast.expr, group: str) -> dict[str, str]:
    """Read ``entry_points=`` as a mapping of lists, or as the text of a file with sections."""
    if isinstance(argument, ast.Dict):
        for key, value in zip(argument.keys, argument.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == group:
                return _lines("\n".join(_texts(value)))
        return {}
    section = re.search(
        rf"\[{re.escape(group)}\](.*?)(?=^[ \t]{0, 80}\[|\Z)", "\n".join(_texts(argument)), re.DOTALL | re.MULTILINE
    )
    return _lines(section[1]) if section else {}


def _texts(expression: ast.expr) -> Iterable[str]:
    return (
        node.value for node in ast.walk(expression) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _lines(text: str) -> dict[str, str]:
    return {name: f"{module}:{attribute}" for name, module, attribute in _LINE.findall(text)}
