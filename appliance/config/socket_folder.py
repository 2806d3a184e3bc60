"""The folder of the status socket: the supervisor's own, also in a place where everybody may make folders.

Owns the check of that folder. Must not know what is in it. ``give_socket_folder`` runs as root before it becomes the
project's owner; the rest in the supervisor.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from appliance.identity.cache_folder import replaced
from appliance.identity.path_walk import reach
from appliance.ownership import NotOursError, Rule

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.identity.cache_folder import Notice
    from appliance.ownership import Folder


def give_socket_folder(folder: Path, uid: int) -> list[Notice]:
    """As root: set aside what is in this user's way; it makes the folder itself. Nobody else may do so in /tmp."""
    notices: list[Notice] = []
    if os.geteuid() == 0:
        with contextlib.suppress(OSError), reach(folder.parent).folder as place:
            if flaw := _flaw(place, folder.name, uid):
                notices.append(replaced(place, folder.name, NotOursError(flaw, str(folder))))
    return notices


def foreign_owner(folder: Path) -> str:
    """Why the folder may be another user's trap: it lies where everybody may make one, and is not ours or root's."""
    with contextlib.suppress(OSError), reach(folder.parent).folder as place:
        status = os.stat(folder.name, dir_fd=place.descriptor, follow_symlinks=False)
        if _is_anybodys(place) and status.st_uid not in {0, os.geteuid()}:
            return f"it belongs to uid {status.st_uid}"
    return ""


def sound_folder(folder: Path) -> Folder:
    """The folder, opened, if nobody else can replace what we put there.

    Raises:
        NotOursError: another user can.
        OSError: it can't be opened.
    """
    opened = reach(folder).folder
    status = os.fstat(opened.descriptor)
    flaw = opened.rule.flaw(status)
    if flaw and not (status.st_uid in opened.rule.owners and status.st_mode & stat.S_ISVTX):
        opened.close()
        raise NotOursError(flaw, str(folder))
    return opened


def _is_anybodys(place: Folder) -> bool:
    return bool(os.fstat(place.descriptor).st_mode & stat.S_IWOTH)


def _flaw(place: Folder, name: str, uid: int) -> str:
    """Why this user can't have the folder of this name as its own; empty if it can, or will make it."""
    try:
        status = os.stat(name, dir_fd=place.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return ""
    everybodys = stat.S_ISVTX | stat.S_IWOTH
    is_everybodys = status.st_uid == 0 and status.st_mode & everybodys == everybodys
    if not _is_anybodys(place) or is_everybodys:
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return "it is no folder"
    return Rule(frozenset({uid})).flaw(status)
