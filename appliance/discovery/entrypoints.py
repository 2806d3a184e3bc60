"""Read the entry points that a project declares: for example which function ``egg:shop#main`` names.

It does not know what they are for. Runs in the supervisor and in commands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.discovery.rules.project_package import project_setup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FUNCTION = re.compile(r"[ \t]*([\w.]+)[ \t]*:[ \t]*([\w.]+)")


def declared_entry_points(root: Path, pyproject: Mapping[str, Any], group: str) -> dict[str, str]:
    """Return ``{"main": "shop:main"}`` for one group; pyproject.toml goes before the setup files."""
    found = _in_pyproject(pyproject, group)
    if found:
        return found
    declared = project_setup(root).entry_points.get(group, {})
    functions = {name: match for name, value in declared.items() if (match := _FUNCTION.match(value))}
    return {name: f"{match[1]}:{match[2]}" for name, match in functions.items()}


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
