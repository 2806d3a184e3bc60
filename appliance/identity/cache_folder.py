"""Find or make this user's folder in the cache volume, whatever other users have left there.

This module knows the layout of the volume by user, and what to do if the volume can't be used safely; it does not know
what the folder holds. ``ownership`` has the rule. ``prepare_cache`` runs as root, before root switches to the project's
owner; ``claim`` runs as the user of the folder, at the start of every command.

Theory of operation. The volume's own folder is safe in two cases: it belongs to root or to us and others can't write to
it, or it has the sticky bit. If the bit is missing, we try to set it. In a safe folder, nobody else can replace our
files. A file or folder that has our folder's name and is not ours is renamed; if that is not allowed, our folder gets
another name. A folder in the temporary folder is used instead in two cases: other users keep things in a volume where
they could replace ours, or nothing can be written there. This folder lasts as long as the container.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from appliance import DISTRIBUTION
from appliance.identity.path_walk import reach
from appliance.ownership import OPEN, WRITABLE, Folder, NotOursError, Rule, keeps_owners
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Notice = tuple[str, Mapping[str, object]]
    Report = Callable[[Notice], None]

_TRIES = 8  # another user may put something there repeatedly
_FOLDER_ACTION = "Find out who made it, then remove it."
_VOLUME_ACTION = (
    "Give the volume to root, with mode 1777; in Kubernetes set fsGroup. Or name another folder in APPLIANCE_CACHE."
)
_MOUNT_ACTION = "Mount a volume there; in Kubernetes one with fsGroup. Or name another folder in APPLIANCE_CACHE."
_NO_OWNERS = "{path} is on a file system that does not keep who made a file"


class ClaimedFolder(Record):
    """The place of this user's folder.

    Attributes:
        cache: the folder that holds it: the one in the settings, or its replacement.
        notices: events to log, each with its fields.
    """

    cache: Path
    notices: tuple[Notice, ...] = ()


def folder_name(uid: int) -> str:
    """Return the name of a user's folder: if two users share a volume, neither may lock the other out."""
    return f"uid-{uid}"


def prepare_cache(cache: Path, uid: int, gid: int) -> list[Notice]:
    """Make sure, as root, that this user finds its own folder in the cache, or can make one.

    Root changes nothing of other users but a name. If root may not do this, ``claim`` finds another way.
    """
    notices: list[Notice] = []
    name = folder_name(uid)
    with contextlib.suppress(OSError), reach(cache, make=True).folder as volume:
        _restrict(volume, passable=True)
        theirs = Folder(
            volume.descriptor, volume.path, Rule(frozenset({uid}), group=volume.rule.group, is_learned=True)
        )
        for _ in range(_TRIES):
            try:
                theirs.enter(name).close()
            except FileNotFoundError:
                # If everybody can write, as in the image's /cache, the user makes it, and root needs no CAP_CHOWN.
                if os.fstat(volume.descriptor).st_mode & stat.S_IWOTH:
                    break
                os.mkdir(name, OPEN, dir_fd=volume.descriptor)
                _hand_over(volume, name, uid, gid)
            except NotOursError as error:
                if _hand_over(volume, name, uid, gid) or not keeps_owners(volume.descriptor):
                    break
                notices.append(set_aside(volume, name, error))
            else:
                break
    return notices


def claim(cache: Path, temporary: Path) -> ClaimedFolder:
    """Find or make the folder, as its user.

    Args:
        cache: the folder of the cache, which holds one folder for each user.
        temporary: where to make a folder if the cache can't be used.
    """
    notices: list[Notice] = []
    try:
        return ClaimedFolder(_claim_in(cache, notices.append), tuple(notices))
    except OSError as error:
        reason = error.strerror or str(error)
        action = _MOUNT_ACTION if error.errno == errno.EROFS else _VOLUME_ACTION
    try:
        instead = _temporary(temporary, notices.append)
    except OSError as error:
        fields = {"path": str(cache), "reason": f"{reason}; {temporary}: {error.strerror or error}", "action": action}
        return ClaimedFolder(cache, (*notices, ("cache.unavailable", fields)))
    fields = {"path": str(cache), "reason": reason, "instead": str(instead), "action": action}
    return ClaimedFolder(instead, (*notices, ("cache.moved", fields)))


def exposure(cache: Path) -> str:
    """Return who could replace this user's folder in the cache, as text; empty if nobody could.

    Raises:
        OSError: it can't be opened.
    """
    with reach(cache).folder as volume:
        return _exposure(volume)


def _claim_in(cache: Path, report: Report) -> Path:
    name = folder_name(os.geteuid())
    volume, above = reach(cache, make=True)
    with volume:
        _restrict(volume)
        reason = _exposure(volume)
        if reason and (other := _another_user(volume)) is not None:
            raise NotOursError(f"{reason}, and uid {other} keeps things there", volume.path)
        foreign = os.fstat(volume.descriptor).st_uid not in volume.rule.owners
        if foreign and above.st_mode & stat.S_IWOTH:  # as in /tmp: anybody can have made it as a trap
            raise NotOursError(reason, volume.path)
        with _own_folder(volume, name, report) as own:
            _set_aside_foreign(own, report)
            if foreign or own.is_unprotected:
                report(_unprotected_notice(volume, reason or _NO_OWNERS.format(path=volume.path)))
            if own.path == f"{volume.path}/{name}":
                return cache
            own.enter(name, OPEN).close()
            return cache / own.path.rpartition("/")[2]


def _temporary(temporary: Path, report: Report) -> Path:
    """Make a folder of our own that works like a volume with us as its only user."""
    with reach(temporary).folder as place:
        if (reason := _exposure(place)) and (other := _another_user(place)) is not None:
            raise NotOursError(f"{reason}, and uid {other} keeps things there", place.path)
        with _own_folder(place, f"{DISTRIBUTION}-cache-{os.geteuid()}", report) as own:
            with own.enter(folder_name(os.geteuid()), OPEN) as folder:
                _set_aside_foreign(folder, report)
            return temporary / own.path.rpartition("/")[2]


def _own_folder(place: Folder, name: str, report: Report) -> Folder:
    """Open the folder of this name, or of a name that begins with it, as ours.

    Raises:
        OSError: there is none, and none can be made.
    """
    for _ in range(_TRIES):
        try:
            folder = place.enter(name, OPEN)
        except NotOursError as error:
            flaw = error
        else:
            if _is_usable(folder):
                return folder
            folder.close()
            flaw = NotOursError(f"uid {os.geteuid()} can't write it", folder.path)
            if folder.is_unprotected:
                raise flaw  # a new folder here would also belong to another user
        try:
            report(set_aside(place, name, flaw))
        except FileNotFoundError:
            continue  # another start was faster
        except OSError:
            return _own_folder_beside(place, name, flaw, report)
    raise flaw


def _own_folder_beside(place: Folder, name: str, flaw: NotOursError, report: Report) -> Folder:
    """Use another name, because what has this one can't be renamed. The next start finds the folder by its owner."""
    beside = sorted(each for each in place.names() if each.startswith(f"{name}."))
    for candidate in [*beside, f"{name}.{os.urandom(4).hex()}"]:
        with contextlib.suppress(NotOursError):
            folder = place.enter(candidate, OPEN)
            if _is_usable(folder):
                action = f"Find out who made {place.path}/{name}, then have root remove it."
                fields = {"path": f"{place.path}/{name}", "reason": flaw.strerror, "instead": folder.path}
                report(("cache.moved", {**fields, "action": action}))
                return folder
            folder.close()
    raise flaw


def _is_usable(folder: Folder) -> bool:
    """Whether we can write it, or nobody can: a volume that is mounted read-only holds what was installed before."""
    is_read_only = os.fstatvfs(folder.descriptor).f_flag & os.ST_RDONLY
    effective = os.access in os.supports_effective_ids
    return bool(is_read_only) or os.access(".", os.W_OK, dir_fd=folder.descriptor, effective_ids=effective)


def _set_aside_foreign(own: Folder, report: Report) -> None:
    """Rename entries of our folder that another user owns: they may be older than the folder's present owner."""
    for name in own.names():
        if name.startswith(("aside-", ".")):
            continue
        try:
            own.enter(name).close()
        except NotOursError as error:
            with contextlib.suppress(OSError):  # on a volume that is mounted read-only; it is refused when it is used
                report(set_aside(own, name, error))
        except OSError:
            continue  # ours, but closed: an error where it is needed


def _restrict(volume: Folder, *, passable: bool = False) -> None:
    """Let nobody replace entries of the volume's folder, and let everybody reach their own, if the folder is ours."""
    status = os.fstat(volume.descriptor)
    mode = stat.S_IMODE(status.st_mode)
    wanted = mode | (stat.S_ISVTX if mode & WRITABLE else 0)
    if passable and not mode & stat.S_IXOTH:
        wanted |= 0o711
    if wanted == mode or status.st_uid != os.geteuid():
        return
    with contextlib.suppress(OSError):  # a file system without modes
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=volume.descriptor)
        try:
            os.fchmod(folder, wanted)
        finally:
            os.close(folder)


def _exposure(volume: Folder) -> str:
    """Return who could replace a folder of ours in this one; empty if nobody could."""
    status = os.fstat(volume.descriptor)
    if not volume.rule.flaw(status) or (status.st_uid in volume.rule.owners and status.st_mode & stat.S_ISVTX):
        return ""
    volume.rule = volume.rule.learn(volume.descriptor)
    if volume.is_unprotected:
        return _NO_OWNERS.format(path=volume.path)
    if status.st_uid not in volume.rule.owners:
        return f"{volume.path} belongs to uid {status.st_uid}"
    return f"others can rename what is in {volume.path} (mode {stat.S_IMODE(status.st_mode):04o}, no sticky bit)"


def _another_user(volume: Folder) -> int | None:
    """Return a user who is neither root nor us and keeps something in this folder."""
    for name in volume.names():
        with contextlib.suppress(FileNotFoundError):
            owner = os.stat(name, dir_fd=volume.descriptor, follow_symlinks=False).st_uid
            if owner not in volume.rule.owners:
                return owner
    return None


def _hand_over(volume: Folder, name: str, uid: int, gid: int) -> bool:
    """Return whether the folder is root's and nobody else can write it; an empty one is given to this user."""
    try:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=volume.descriptor)
    except OSError:
        return False
    try:
        status = os.fstat(folder)
        if status.st_uid != 0 or status.st_mode & WRITABLE:
            return False
        if not os.listdir(folder):  # noqa: PTH208  of a descriptor
            os.fchown(folder, uid, gid)
        return True
    finally:
        os.close(folder)


def set_aside(place: Folder, name: str, flaw: NotOursError) -> Notice:
    """Rename the entry with this name, and return the notice about it.

    Raises:
        OSError: it can't be renamed.
    """
    aside = place.set_aside(name)
    fields = {"path": f"{place.path}/{name}", "reason": flaw.strerror, "aside": f"{place.path}/{aside}"}
    return "folder.replaced", {**fields, "action": _FOLDER_ACTION}


def _unprotected_notice(volume: Folder, reason: str) -> Notice:
    action = "Use a named volume (docker run -v appliance-cache:/cache), or give this folder to root, with mode 1777."
    return "cache.unprotected", {"path": volume.path, "reason": reason, "action": action}
