"""The mounted folder itself, before anything in it is looked at.

Owns the words for a folder that is not there or can't be read. Runs in the supervisor after the drop to the owner, and in
the commands.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.errors import ProjectMissingError

if TYPE_CHECKING:
    from pathlib import Path


def check_folder(path: Path) -> None:
    """Let a folder pass that can be listed and entered.

    Raises:
        ProjectMissingError: it is not there, no folder, or closed to this user.
    """
    if not path.exists() and not path.is_symlink():
        raise ProjectMissingError(
            f"{path} does not exist",
            expected="the project's folder",
            action="Mount your project there (docker run -v .:/workspace), or name its folder in APPLIANCE_PROJECT.",
            path=str(path),
        )
    if not path.is_dir():
        raise ProjectMissingError(
            f"{path} is no folder",
            expected="the project's folder",
            action="Name the folder that holds the project; APPLIANCE_APP names a file in it.",
            path=str(path),
        )
    try:
        with os.scandir(path):
            pass
        readable = os.access(path, os.X_OK)
    except OSError:
        readable = False
    if not readable:
        status = path.stat()
        raise ProjectMissingError(
            f"{path} can't be read by uid {os.geteuid()}: it belongs to uid {status.st_uid}, "
            f"mode {status.st_mode & 0o7777:04o}",
            expected="a folder that the appliance's user may list and enter",
            action=f"Run as its owner (user: '{status.st_uid}:{status.st_gid}'), or open it: chmod o+rx on the host.",
            path=str(path),
            uid=os.geteuid(),
        )
