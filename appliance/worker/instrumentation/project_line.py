"""Find the line of the project's own code that a library was called from. Runs in the threads of the requests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ... import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_FRAMES_MAX = 100


class ProjectLine:
    """Finds own lines.

    Args:
        is_own: whether a file is the project's own code.
    """

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._own: dict[str, bool] = {}

    def find(self) -> str:
        """Return the innermost line of the project's own code as ``file:line``; "" if none is near."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  documented, and a tenth of inspect.stack()
        for _ in range(_FRAMES_MAX):
            if frame is None:
                break
            name = frame.f_code.co_filename
            own = self._own.get(name)
            if own is None:
                own = self._own[name] = self._is_own(name) and not name.startswith(OWN_FOLDER)
            if own:
                return f"{name}:{frame.f_lineno}"
            frame = frame.f_back
        return ""
