"""Check the mounted project folder itself, before anything looks into it.

Runs in the supervisor after the switch to the project's owner, and in the commands.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from appliance.errors import ProjectMissingError

if TYPE_CHECKING:
    from pathlib import Path

_GROUP_MAY = stat.S_IRGRP | stat.S_IXGRP


def check_folder(path: Path) -> None:
    """Check that the folder can be listed and entered.

    Raises:
        ProjectMissingError: it does not exist, is not a folder, or this user can't read it.
    """
    try:
        status = path.stat()
    except PermissionError:
        raise ProjectMissingError(
            f"{path} can't be reached by uid {os.geteuid()}",
            expected="a folder that the appliance's user can list and enter",
            action="Open the folders above it (chmod o+x), or run the appliance as their owner.",
            path=str(path),
            uid=os.geteuid(),
        ) from None
    except OSError as error:
        raise ProjectMissingError(
            f"{path} can't be opened: {error.strerror}",
            expected="the project's folder",
            action="Mount your project there (docker run -v .:/workspace), or name its folder in APPLIANCE_PROJECT.",
            path=str(path),
        ) from None
    if not stat.S_ISDIR(status.st_mode):
        raise ProjectMissingError(
            f"{path} is not a folder",
            expected="the project's folder",
            action="Name the folder that holds the project; APPLIANCE_APP names a file in it.",
            path=str(path),
        )
    if status.st_nlink == 0 and _is_empty(path):  # some file systems in user space count no links
        raise ProjectMissingError(
            f"{path} is a folder that has been removed",
            expected="the folder that was mounted, as it was",
            action="Restart the container: that mounts what is at that path on the host now.",
            path=str(path),
        )
    # os.access asks the kernel, for the real user: its answer is right for root without CAP_DAC_OVERRIDE too.
    if not os.access(path, os.R_OK | os.X_OK):
        owner = f"Run as its owner (user: '{status.st_uid}:{status.st_gid}'), or open it: chmod o+rx on the host."
        group = f"Run in its group (group_add: ['{status.st_gid}']; fsGroup in Kubernetes), or as its owner."
        is_groups = status.st_mode & _GROUP_MAY == _GROUP_MAY and status.st_uid == 0
        raise ProjectMissingError(
            f"{path} can't be read by uid {os.geteuid()}: it belongs to uid {status.st_uid}, "
            f"mode {stat.S_IMODE(status.st_mode):04o}",
            expected="a folder that the appliance's user can list and enter",
            action=group if is_groups else owner,
            path=str(path),
            uid=os.geteuid(),
        )


def has_file(path: Path) -> bool:
    """Whether this is a file that this user can reach: ``Path.is_file`` raises within a closed folder, before 3.14."""
    return os.path.isfile(path)  # noqa: PTH113  as above


def open_at_once(path: str, flags: int) -> int:
    """Open a file, as the ``opener`` of ``open``, without waiting for the other end of a FIFO, which reads as empty."""
    return os.open(path, flags | os.O_NONBLOCK)


def _is_empty(path: Path) -> bool:
    try:
        return not any(path.iterdir())
    except OSError:
        return True
