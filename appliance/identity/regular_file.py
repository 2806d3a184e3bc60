"""Read a whole file of the project, and never wait for one that a program has to fill: a FIFO, a terminal, a device.

Runs in the supervisor and in commands.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from appliance.identity.folder import open_at_once

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 16 * 1024 * 1024  # the lock of a project with a thousand packages has 5 MB; 80 MB take half a minute
_KINDS = ((stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"))


def read_regular(path: Path) -> bytes:
    """Read a whole file; the null device is empty, since it is often mounted over a file to hide it.

    Raises:
        OSError: it can't be opened, is not a regular file, or is too large.
    """
    status = path.stat()  # before it is opened: a socket can't be opened, and a device may act
    if _is_null(status):
        return b""
    if not stat.S_ISREG(status.st_mode):
        what = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "a device")
        raise OSError(errno.EINVAL, f"it is {what}, not a regular file", str(path))
    with open(path, "rb", opener=open_at_once) as file:  # it may have become a FIFO since
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MAX_BYTES // 1024**2} MB", str(path))
        return file.read()


def read_text_of(path: Path, encoding: str = "utf-8") -> str:
    """Read a whole file in the same way, as text with the line ends of Unix; invalid bytes are replaced.

    Raises:
        OSError: as above.
    """
    return read_regular(path).decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")


def is_in_place(path: Path) -> bool:
    """Whether there is a file of this name, or what ``read_regular`` refuses: no folder, and not the null device."""
    try:
        status = path.stat()
    except OSError:
        return False
    return not (stat.S_ISDIR(status.st_mode) or _is_null(status))


def _is_null(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116  no path of ours
