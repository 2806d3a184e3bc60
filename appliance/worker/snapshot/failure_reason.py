"""Say in a line why a step of a snapshot failed: the exception, and the place where it was raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...server.pages.tracebacks import safe_str

if TYPE_CHECKING:
    from collections.abc import Callable

_MESSAGE_MAX = 200
_PARTS = 2  # of a path: "shop/models.py"


def failure_reason(error: BaseException, is_project_path: Callable[[str], bool]) -> str:
    """Return the exception with its first line of text, and the last line of the project that led to it, or of any."""
    place, at = error.__traceback__, ""
    is_projects = False
    while place is not None:
        file = place.tb_frame.f_code.co_filename
        if (found := is_project_path(file)) or not is_projects:
            is_projects, at = found, f" at {'/'.join(file.split('/')[-_PARTS:])}:{place.tb_lineno}"
        place = place.tb_next
    text = safe_str(error, _MESSAGE_MAX).partition("\n")[0]
    return f"{type(error).__name__}{': ' * bool(text)}{text}{at}"
