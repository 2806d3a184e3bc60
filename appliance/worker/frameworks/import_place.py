"""Tell where an import stands: the module that is being imported, and the project's own line that waits for it.

Runs in the worker, in a thread beside the import, and only if that has taken long.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ...protocol.page_messages import Importing

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME_MAX = 200  # characters
_FRAMES_MAX = 2_000


def importing(thread: int, root: str, is_project_path: Callable[[str], bool]) -> Importing:
    """Return where this thread's import stands.

    Args:
        thread: the identifier of the thread that imports.
        root: the project's folder; a file below it is named relative to it.
        is_project_path: whether a file is the project's own.
    """
    frame = sys._current_frames().get(thread)  # noqa: SLF001  the only way to see where a thread is
    module, file, line, count = "", "", 0, 0
    while frame is not None and count < _FRAMES_MAX and not (module and file):
        code = frame.f_code
        if not module and code.co_name == "<module>":
            name = frame.f_globals.get("__name__")
            module = name[:_NAME_MAX] if type(name) is str else ""
        if not file and is_project_path(code.co_filename):
            file, line = code.co_filename, frame.f_lineno or 0
        frame, count = frame.f_back, count + 1
    shown = os.path.relpath(file, root) if file.startswith(f"{root}/") else file
    return Importing(module=module, file=shown[:_NAME_MAX], line=line, count=len(sys.modules))
