"""Advise on a file of the project that the project's process may not open.

The process runs as the owner of the project's folder and has no privileges, also if that owner is root: so a file of
another user is closed to it. Runs in the worker, after an exception.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def permission(error: BaseException, _message: str, root: str) -> str:
    """Return who owns the file and who runs, and the command for the host; "" for any other exception."""
    if not isinstance(error, PermissionError) or not isinstance(error.filename, str):
        return ""
    file = Path(root, error.filename)
    while not os.path.lexists(file) and file != file.parent:  # a file that could not be made: its folder says why
        file = file.parent
    if not file.is_relative_to(root):
        return ""
    uid, owner = os.geteuid(), Path(root).stat().st_uid
    found = file.lstat()
    shown = str(file.relative_to(root))
    name = "the project's folder" if shown == "." else shown
    reason = (
        f"{name} belongs to uid {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}; the project runs as uid {uid}."
    )
    if uid != owner:
        return f"{reason} Remove user: from the compose file, or set it to the owner of the folder: {owner}."
    if found.st_uid != owner:
        return f"{reason} On the host, in the project's folder: sudo chown -R {owner} ."
    return f"{reason} On the host, in the project's folder: chmod -R u+rwX {shown}"
