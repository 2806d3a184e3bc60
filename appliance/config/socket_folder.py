"""The folder of the status socket: make sure that it is the supervisor's own, also in a folder such as /tmp.

This module checks the folder and knows nothing of its contents. ``prepare_socket_folder`` runs as root, before root
switches to the project's owner; the rest runs in the supervisor.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from appliance.identity.cache_folder import set_aside
from appliance.identity.path_walk import reach
from appliance.ownership import NotOursError, Rule

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.identity.cache_folder import Notice
    from appliance.ownership import Folder


def prepare_socket_folder(folder: Path, uid: int) -> list[Notice]:
    """Rename, as root, whatever keeps this user from making the folder. In /tmp only root can do so."""
    notices: list[Notice] = []
    if os.geteuid() == 0:
        with contextlib.suppress(OSError), reach(folder.parent).folder as place:
            if flaw := _flaw(place, folder.name, uid):
                notices.append(set_aside(place, folder.name, NotOursError(flaw, str(folder))))
    return notices


def foreign_owner(folder: Path) -> str:
    """Return why the folder may be another user's trap: everybody can make one there, and it is not ours or root's."""
    with contextlib.suppress(OSError), reach(folder.parent).folder as place:
        status = os.stat(folder.name, dir_fd=place.descriptor, follow_symlinks=False)
        if _is_world_writable(place) and status.st_uid not in {0, os.geteuid()}:
            return f"it belongs to uid {status.st_uid}"
    return ""


def safe_folder(folder: Path) -> Folder:
    """Open the folder, if nobody else can replace what this user puts there.

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


def _is_world_writable(place: Folder) -> bool:
    return bool(os.fstat(place.descriptor).st_mode & stat.S_IWOTH)


def _flaw(place: Folder, name: str, uid: int) -> str:
    """Return why this user can't have the folder of this name as its own; empty if it can, or will make it."""
    try:
        status = os.stat(name, dir_fd=place.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return ""
    shared = stat.S_ISVTX | stat.S_IWOTH
    is_shared = status.st_uid == 0 and status.st_mode & shared == shared
    if not _is_world_writable(place) or is_shared:
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return "it is not a folder"
    return Rule(frozenset({uid})).flaw(status)
