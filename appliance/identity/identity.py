"""Switch from root to the owner of the mounted project, early and permanently.

Runs in PID 1 and in ``appliance run``, before any file of the project is read: if importlib looks at a folder as root
without CAP_DAC_OVERRIDE, it takes that folder for empty even after the switch.

The supervisor itself switches, not only its children: without CAP_KILL and CAP_DAC_OVERRIDE (``cap_drop: ALL`` plus
SETUID, SETGID, CHOWN) root can neither list another user's 0700 mount nor signal that user's processes.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import ProjectMissingError
from appliance.identity.cache_folder import folder_name, prepare_cache
from appliance.ownership import CLOSED, LEVELS, open_folder
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from appliance.identity.cache_folder import Notice


class Identity(Record):
    """A user, as the kernel and the passwd file know it; ``name`` and ``home`` are empty if the file has no entry."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    name: str


def owner_of(project: Path) -> Identity | None:
    """Return the user to serve this folder as; None if nothing changes: we are not root, or root owns the folder."""
    if os.geteuid() != 0:
        return None
    try:
        status = project.stat()
    except OSError:
        return None  # check_folder reports this
    if status.st_uid == 0:
        return None
    try:
        entry = pwd.getpwuid(status.st_uid)
    except KeyError:
        # The usual case in a container: the host's users are not in the image's passwd file.
        return Identity(status.st_uid, status.st_gid, (status.st_gid,), "", "")
    # The folder's group, not the user's: anyone who can read the folder now can then read what is created in it.
    return Identity(status.st_uid, status.st_gid, (status.st_gid,), entry.pw_dir, entry.pw_name)


def switch_user(identity: Identity | None, cache: Path, *, terminals: bool = False) -> list[Notice]:
    """Switch to this user permanently, and make sure it has its own folder in the cache; do nothing for None.

    The environment stays as it is: ``user_home`` returns the right HOME afterwards.

    Args:
        identity: the user.
        cache: the folder of the cache.
        terminals: also give root's terminal to the user: right for a container's own terminal, not for a person's.

    Returns:
        What was found in the cache, as events to log.

    Raises:
        ProjectMissingError: the kernel refuses, because SETUID or SETGID has been dropped.
    """
    if identity is None:
        return []
    notices = prepare_cache(cache, identity.uid, identity.gid)
    for descriptor in range(3):
        # A closed stream has no owner; without CAP_CHOWN the project only can't open /dev/stderr by its path.
        with contextlib.suppress(OSError):
            _chown_stream(identity, descriptor, terminals=terminals)
    try:
        os.setgroups(identity.groups)
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    except PermissionError as error:
        raise ProjectMissingError(
            f"the project belongs to uid {identity.uid}, and root may not switch to that user: {error.strerror}",
            expected="the capabilities SETUID, SETGID and CHOWN, or a container started as the project's owner",
            action=f"Add cap_add: [SETUID, SETGID, CHOWN], or set user: '{identity.uid}:{identity.gid}'.",
            uid=identity.uid,
        ) from error
    return notices


def user_cache(cache: Path) -> Path:
    """Return this user's part of the cache."""
    return cache / folder_name(os.geteuid())


def user_home(cache: Path, home: str) -> str:
    """Return HOME for the project's processes: the given one if this user can write there, else one in the cache.

    A container's HOME is root's, or ``/`` for a user without an entry in its passwd file: pip, uv, and every tool with
    a dot file fail there.
    """
    if home and os.path.isdir(home) and os.access(home, os.W_OK):  # noqa: PTH112 - "" is not a Path
        return home
    own = user_cache(cache) / "home"
    try:
        open_folder(str(own), LEVELS, make=CLOSED).close()
    except OSError:
        return home or "/"  # a cache that can't be written is an error where it is needed: at the installation
    return str(own)


def _chown_stream(identity: Identity, descriptor: int, *, terminals: bool) -> None:
    """Let this user open /dev/stdout and /dev/stderr: a pipe or a terminal belongs to its creator.

    Only root's own streams are given. A named FIFO is a file like any other, and is not given.
    """
    status = os.fstat(descriptor)
    is_pipe = stat.S_ISFIFO(status.st_mode) and str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith("pipe:")
    if status.st_uid == 0 and (is_pipe or (terminals and os.isatty(descriptor))):
        os.fchown(descriptor, identity.uid, identity.gid)
