"""Turn a record of the project's ``logging``, as its worker sent it, into the level and fields of an event.

This module checks which fields such a record has, and their types: any program that can write to the worker's pipe can
send anything. Runs in the supervisor, and in a process that uses the server as a library.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from appliance.conventions import LOG_LEVELS

EVENT = "project.logged"
_TYPES: MappingProxyType[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "logger": str,
        "message": str,
        "file": str,
        "line": int,
        "function": str,
        "thread": str,
        "level_name": str,
        "extra": dict,
        "exception": list,
        "stack": str,
    }
)


def fields(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return level and fields, in the line's order; fields of a wrong type are left out."""
    level = record.get("level")
    known = {name: record[name] for name, types in _TYPES.items() if isinstance(record.get(name), types)}
    return level if level in LOG_LEVELS else "info", known
