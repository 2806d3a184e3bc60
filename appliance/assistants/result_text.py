"""The result of a tool within limits, and as text for an assistant: everything of it, in few characters."""

from __future__ import annotations

import json
from typing import Any

MOST = 40_000  # characters of a result
_LIMITS = ((8_000, 500), (2_000, 200), (600, 100), (200, 40), (80, 15), (40, 5))  # of a text, and of a list
_DEPTH = 12


def fitted(value: dict[str, Any], most: int = MOST) -> dict[str, Any]:
    """Return the result, its texts and lists shortened as far as it takes to fit."""
    for texts, items in _LIMITS:
        found = _shortened(value, texts, items, _DEPTH)
        if len(json.dumps(found)) <= most:
            return dict(found)
    return {"too_long": "This result is too long to be shown. Ask for less: a smaller limit, or one part."}


def _shortened(value: Any, texts: int, items: int, depth: int) -> Any:
    if isinstance(value, str):
        left = len(value) - texts
        return (
            value if left <= 0 else f"{value[: texts * 2 // 3]} ...({left} more characters)... {value[-texts // 3 :]}"
        )
    if depth == 0:
        return "..."
    if isinstance(value, dict):
        return {str(key): _shortened(each, texts, items, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        found = [_shortened(each, texts, items, depth - 1) for each in value[:items]]
        return [*found, f"... ({len(value) - items} more)"] if len(value) > items else found
    return value


def as_text(value: Any) -> str:
    """Return JSON values as indented lines; "", None and empty lists are left out."""
    return "\n".join(_lines(value, "")) or "nothing"


def _lines(value: Any, indent: str) -> list[str]:
    if isinstance(value, dict):
        return [line for name, each in value.items() for line in _member(str(name), each, indent)]
    if isinstance(value, list):
        return [line for each in value for line in _item(each, indent)]
    return [f"{indent}{_plain(value)}"]


def _member(name: str, value: Any, indent: str) -> list[str]:
    if value is None or value in ("", [], {}):
        return []
    if isinstance(value, str) and "\n" in value:
        return [f"{indent}{name}:", *(f"{indent}  | {line}" for line in value.splitlines())]
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        flat = ", ".join(map(_plain, value))
        if "\n" not in flat and len(flat) <= 200:
            return [f"{indent}{name}: {flat}"]
    if isinstance(value, dict | list):
        return [f"{indent}{name}:", *_lines(value, f"{indent}  ")]
    return [f"{indent}{name}: {_plain(value)}"]


def _item(value: Any, indent: str) -> list[str]:
    if isinstance(value, list) and all(isinstance(each, str) and "\n" not in each for each in value):
        return [f"{indent}- {': '.join(value)}"]
    lines = _lines(value, f"{indent}  ")
    if isinstance(value, str) and "\n" in value:
        first, *rest = value.splitlines()
        lines = [f"{indent}  {first}", *(f"{indent}  | {line}" for line in rest)]
    return [f"{indent}- {lines[0][len(indent) + 2 :]}", *lines[1:]] if lines else []


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.3f}"
    return str(value)
