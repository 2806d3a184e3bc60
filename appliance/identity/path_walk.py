"""A path that is walked level by level, so that no link of another user leads us elsewhere.

Owns the walk to the folders that the settings name: the cache's, and the status socket's. Must not know what lies in
them. Runs before such a folder is changed, above all as root: a link that another user has put on the way would have
root change what it leads to.
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

_MOST_LINKS = 40  # as many as the kernel follows


class Reached(NamedTuple):
    """A folder, and the status of the one that it lies in."""

    folder: Folder
    above: os.stat_result


def reach(path: Path, *, make: bool = False) -> Reached:
    """Open the folder at this path; the folder itself may be anybody's.

    Args:
        path: links on it count where root or this user has made them.
        make: make the levels that are absent. Root makes none in another user's folder: it would be root's there.

    Raises:
        NotOursError: a link on the way is another user's.
        OSError: a level is absent, can't be opened or made, or is no folder.
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
    return Reached(volume_of(here, str(path)), above)


def _levels(target: str, links: int) -> list[str]:
    """The levels of a link's target, the last one first."""
    if links > _MOST_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
    return [part for part in reversed(PurePosixPath(target).parts) if part != "/"]


def _link(here: int, name: str, path: Path) -> str | None:
    """Where the link of this name leads; None where it is no link, or nothing is there."""
    with contextlib.ExitStack() as opened:
        try:
            status = os.stat(name, dir_fd=here, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                return None
            if hasattr(os, "O_PATH"):  # by a descriptor: it can't be swapped for another link before it is read
                here = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                opened.callback(os.close, here)
                status, name = os.fstat(here), ""
            target = os.readlink(name, dir_fd=here)
        except OSError:
            return None  # nothing is there, or no link any more: entering it says so
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
