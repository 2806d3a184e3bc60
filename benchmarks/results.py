"""The last result of each benchmark, as JSON under ``results/``.

Owns the files. Knows nothing of what they hold.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "results"


def keep(name: str, result: dict[str, Any]) -> None:
    """Keep a result in the place of the one before."""
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def last(name: str) -> dict[str, Any] | None:
    """The result that was kept, if one was."""
    file = _FOLDER / f"{name}.json"
    if not file.exists():
        return None
    result: dict[str, Any] = json.loads(file.read_text())
    return result
