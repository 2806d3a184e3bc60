"""Detect that the project calls ``os.getpid`` while it is imported: a stored number is wrong in each fork.

Runs in the snapshot, while it imports the project. No audit event reports ``os.getpid``.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from ... import PACKAGE
from ..files.loaded_modules import namespaces

if TYPE_CHECKING:
    from collections.abc import Callable


class ProcessNumber:
    """Notes calls of ``os.getpid`` by the project's own code, from ``begin`` to ``end``. It may begin again.

    Args:
        is_project_path: whether a file (absolute path) is the project's own code.

    Attributes:
        asked: who has asked first; empty if nobody has.
    """

    def __init__(self, is_project_path: Callable[[str], bool]) -> None:
        self._is_project_path = is_project_path
        self._original = os.getpid
        self.asked = ""
        self._copies: list[dict[str, Any]] = []  # the names of modules that have imported it by name

    def _getpid(self) -> int:
        frame = sys._getframe(1)  # noqa: SLF001  the only way to know who asks
        name = str(frame.f_globals.get("__name__", "the project"))
        if not self.asked and name.partition(".")[0] != PACKAGE and self._is_project_path(frame.f_code.co_filename):
            self.asked = f"{name}, line {frame.f_lineno}, asks for the number of its process"
        return self._original()

    def begin(self) -> None:
        """Note calls from now on, also by modules that have imported the name before ``end``."""
        self._noted = self._getpid  # one object, so that its copies are known
        os.getpid = self._noted
        while self._copies:
            self._copies.pop()["getpid"] = self._noted

    def end(self) -> None:
        """Give ``os`` its own function back, and each module that has imported the replacement by name."""
        os.getpid = self._original
        for _name, names in namespaces():
            if names.get("getpid") is self._noted:
                names["getpid"] = self._original
                self._copies.append(names)
