"""Find the names under which the project's own package may be imported.

It knows no rules. Runs in the supervisor and in commands.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from appliance.discovery.setup_files import Setup, read_setup
from appliance.identity.regular_file import read_regular

if TYPE_CHECKING:
    from pathlib import Path


def package_names(root: Path) -> list[str]:
    """Return the names under which the project's own package may be imported, the most certain first."""
    pyproject = read_pyproject(root)
    project = pyproject.get("project", {})
    names = [project.get("name")] if isinstance(project, dict) else []
    tool = pyproject.get("tool", {})
    poetry = tool.get("poetry", {}) if isinstance(tool, dict) else {}
    names.append(poetry.get("name") if isinstance(poetry, dict) else None)
    names.append(project_setup(root).name)
    texts = [name for name in names if isinstance(name, str) and name]
    return list(dict.fromkeys(re.sub(r"[-.\s]+", "_", name) for text in texts for name in (text, text.lower())))


def read_pyproject(root: Path) -> dict[str, Any]:
    """Return ``pyproject.toml`` as a mapping; empty if it does not exist or can't be read."""
    try:
        text = read_regular(root / "pyproject.toml").decode()
    except (OSError, ValueError):
        return {}
    return toml_of(text) or {}


def toml_of(text: str) -> dict[str, Any] | None:
    """Return the values of a TOML text, which may begin with a byte order mark; None if it is broken.

    ``dependencies/text_file`` reports what is wrong with a file that something is installed from.
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):  # no TOML, or a number of thousands of digits; or nested too deeply
        return None


def project_setup(root: Path) -> Setup:
    """Return the fields of setup.cfg and setup.py; empty ones if neither can be read."""
    try:
        return read_setup(root) or Setup()
    except OSError:
        return Setup()
