"""Name the project's own files on the desk's pages relative to its folder. JSON has the whole paths."""

from __future__ import annotations

from typing import Any

_NAMES = frozenset({"file", "place"})


class RelativePaths:
    """Shortens the places in the texts of pages.

    Args:
        project: the project's folder; "" shortens nothing.
    """

    def __init__(self, project: str) -> None:
        self._before = project.rstrip("/") + "/" if project else ""

    def apply(self, value: Any) -> Any:
        """Return JSON values with each own file as it is named in the project; nothing else is changed."""
        if isinstance(value, list):
            return [self.apply(each) for each in value]
        if isinstance(value, dict):
            return {name: self._of_name(name, each) for name, each in value.items()}
        return value

    def _of_name(self, name: str, value: Any) -> Any:
        if name in _NAMES and isinstance(value, str):
            return value.removeprefix(self._before)
        return self.apply(value)
