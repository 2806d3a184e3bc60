"""Find the names under which the project's own package may be imported.

It reads pyproject.toml, setup.cfg and setup.py, and knows no rules. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def package_names(root: Path) -> list[str]:
    """Return the names under which the project's own package may be imported, the most certain first."""
    project = read_pyproject(root).get("project", {})
    names = [project.get("name")] if isinstance(project, dict) else []
    tool = read_pyproject(root).get("tool", {})
    poetry = tool.get("poetry", {}) if isinstance(tool, dict) else {}
    names.append(poetry.get("name") if isinstance(poetry, dict) else None)
    names.append(_setup_cfg(root / "setup.cfg"))
    names.append(_setup_py(root / "setup.py"))
    texts = [name for name in names if isinstance(name, str) and name]
    return list(dict.fromkeys(re.sub(r"[-.\s]+", "_", name) for text in texts for name in (text, text.lower())))


def read_pyproject(root: Path) -> dict[str, Any]:
    """Return ``pyproject.toml`` as a mapping; empty if it does not exist or can't be read."""
    try:
        return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _setup_cfg(file: Path) -> str:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8", "replace"))
    except (OSError, configparser.Error):
        return ""
    return parser.get("metadata", "name", fallback="")


def _setup_py(file: Path) -> str:
    try:
        text = file.read_text("utf-8", "replace")
    except OSError:
        return ""
    match = re.search(r"""\bname\s*=\s*["']([\w.\- ]+)["']""", text)
    return match[1] if match else ""
