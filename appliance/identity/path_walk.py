"""Open a folder by walking its path level by level, so that no link of another user leads elsewhere.

Used for the folders that the settings name: the cache's, and the status socket's. It runs before such a folder is
changed, above all as root: otherwise another user's link on the path would make root change the link's target.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from appliance.ownership import OPEN, PASS, Folder, NotOursError, volume_of

if TYPE_CHECKING:
    from pathlib import Path

_MAX_LINKS = 40  # as many as the kernel follows


class ReachedFolder(NamedTuple):
    """A folder, and the status of its parent folder."""

    folder: Folder
    above: os.stat_result


def reach(path: Path, *, make: bool = False) -> ReachedFolder:
    """Open the folder at this path; anybody may own the folder itself.

    Args:
        path: links on it are followed if root or this user has made them.
        make: make missing levels. Root makes none in another user's folder: the new level would belong to root.

    Raises:
        NotOursError: a link on the path belongs to another user.
        OSError: a level is missing, can't be opened or made, or is not a folder.
    """
    levels = list(reversed(path.absolute().parts[1:]))
    links = 0
    here = os.open("/", PASS)
    above = os.fstat(here)
    try:
        while levels:
            name = levels.pop()
            target = _link(here, name, path)
            if target is not None:
                links += 1
                levels += _levels(target, links)
                below = os.open("/", PASS) if target.startswith("/") else os.dup(here)
            else:
                below = _enter(here, name, make=make)
            above = os.fstat(here)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return ReachedFolder(volume_of(here, str(path)), above)


def _levels(target: str, links: int) -> list[str]:
    """Return the levels of a link's target, the last one first."""
    if links > _MAX_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
    return [part for part in reversed(PurePosixPath(target).parts) if part != "/"]


def _link(here: int, name: str, path: Path) -> str | None:
    """Return the target of the link of this name; None if it is not a link, or does not exist."""
    with contextlib.ExitStack() as opened:
        try:
            status = os.stat(name, dir_fd=here, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                return None
            if hasattr(os, "O_PATH"):  # by a descriptor: nobody can swap it for another link before it is read
                here = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                opened.callback(os.close, here)
                status, name = os.fstat(here), ""
            target = os.readlink(name, dir_fd=here)
        except OSError:
            return None  # missing, or not a link any more: the caller's open reports that
    if status.st_uid not in {0, os.geteuid()}:
        raise NotOursError(f"a link of uid {status.st_uid} is on the way to it", str(path))
    return target


def _enter(here: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, PASS | os.O_NOFOLLOW, dir_fd=here)
    except FileNotFoundError:
        if not make or (os.geteuid() == 0 and os.fstat(here).st_uid != 0):
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, OPEN, dir_fd=here)
    return os.open(name, PASS | os.O_NOFOLLOW, dir_fd=here)
