"""Who the supervisor is: root drops, for good and early, to the owner of the mounted project.

Owns the change of user. Must not know what is kept in the cache. Runs in PID 1 and
in ``appliance run``, before a file of the project is read: a folder that importlib has looked at as root without
CAP_DAC_OVERRIDE stays empty for it even after the drop.

The supervisor drops itself, not its children alone: without CAP_KILL and CAP_DAC_OVERRIDE (``cap_drop: ALL`` plus
SETUID, SETGID, CHOWN) root can neither list another user's 0700 mount nor signal that user's processes.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import ProjectMissingError
from appliance.identity.cache_folder import folder_name, give
from appliance.ownership import CLOSED, open_folder

if TYPE_CHECKING:
    from appliance.identity.cache_folder import Notice


@dataclass(frozen=True)
class Identity:
    """A user, as the kernel and the passwd file know it; ``name`` and ``home`` are empty where that file is silent."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    name: str


def owner_of(project: Path) -> Identity | None:
    """Whom root becomes to serve this folder; None where nobody changes: we are not root, or the owner is."""
    if os.geteuid() != 0:
        return None
    try:
        status = project.stat()
    except OSError:
        return None  # check_folder has the words for this
    if status.st_uid == 0:
        return None
    try:
        entry = pwd.getpwuid(status.st_uid)
    except KeyError:
        # The usual case in a container: the host's users are not in the image's passwd file.
        return Identity(status.st_uid, status.st_gid, (status.st_gid,), "", "")
    # The folder's group, not the user's: what is created in it should be readable for whom it is now.
    return Identity(status.st_uid, status.st_gid, (status.st_gid,), entry.pw_dir, entry.pw_name)


def switch_user(identity: Identity | None, cache: Path, *, terminals: bool = False) -> list[Notice]:
    """Drop to this user for good, and leave it a folder of its own in the cache; nothing for None.

    The environment is left as it is: ``user_home`` says what HOME is afterwards.

    Args:
        identity: the user.
        cache: the folder of the cache.
        terminals: give the user root's terminal too: a container's, which ends with it, and not a person's.

    Returns:
        What was found in the cache, as events that are worth a line.

    Raises:
        ProjectMissingError: the kernel refuses, since SETUID or SETGID has been dropped.
    """
    if identity is None:
        return []
    notices = give(cache, identity.uid, identity.gid)
    for descriptor in range(3):
        # A closed one is nobody's; without CAP_CHOWN the project can do without opening /dev/stderr anew.
        with contextlib.suppress(OSError):
            _give_stream(identity, descriptor, terminals=terminals)
    try:
        os.setgroups(identity.groups)
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    except PermissionError as error:
        raise ProjectMissingError(
            f"the project belongs to uid {identity.uid}, and root may not become that user: {error.strerror}",
            expected="the capabilities SETUID, SETGID and CHOWN, or a container started as the project's owner",
            action=f"Add cap_add: [SETUID, SETGID, CHOWN], or set user: '{identity.uid}:{identity.gid}'.",
            uid=identity.uid,
        ) from error
    return notices


def user_cache(cache: Path) -> Path:
    """This user's part of the cache."""
    return cache / folder_name(os.geteuid())


def user_home(cache: Path, home: str) -> str:
    """The HOME of the project's processes: the given one where this user may write there, else one in the cache.

    A container's HOME is root's, or ``/`` for a user that its passwd file does not know: pip, uv, and every tool with a
    dot file fail there.
    """
    if home and os.path.isdir(home) and os.access(home, os.W_OK):  # noqa: PTH112 - "" is no Path
        return home
    own = user_cache(cache) / "home"
    try:
        open_folder(str(own), 2, make=CLOSED).close()
    except OSError:
        return home or "/"  # a cache that can't be written is an error where it is needed: at the installation
    return str(own)


def _give_stream(identity: Identity, descriptor: int, *, terminals: bool) -> None:
    """Let this user open /dev/stdout and /dev/stderr: a pipe or a terminal is its creator's.

    Root's own are given alone; a FIFO that has a name in a folder is a file like others, and is not.
    """
    status = os.fstat(descriptor)
    is_pipe = stat.S_ISFIFO(status.st_mode) and str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith("pipe:")
    if status.st_uid == 0 and (is_pipe or (terminals and os.isatty(descriptor))):
        os.fchown(descriptor, identity.uid, identity.gid)
