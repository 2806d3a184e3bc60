"""This user's folder on the cache volume: found or made, whatever other users have left there.

Owns the layout of the volume by user, and what is done where it can't be used safely. Must not know what is kept in the
folder; ``ownership`` has the rule. ``give`` runs as root, before it becomes the project's owner; ``claim`` as the user
who uses the folder, at the start of every command.

Theory of operation. Nobody else can replace what is ours in the volume's own folder if that belongs to root or to us,
and others may not write it, or it has the sticky bit, which is added where it is missing and we may. What stands there
under our name and is not ours is renamed; where that is not allowed, another name is taken. If other users keep things
in a volume where they could replace ours, or if nothing can be written there, a folder in the temporary folder is taken
instead; it lasts as long as the container.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.identity.path_walk import reach
from appliance.ownership import OPEN, WRITABLE, Folder, NotOursError, Rule, keeps_owners

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Notice = tuple[str, Mapping[str, object]]
    Tell = Callable[[Notice], None]

_TRIES = 8  # another user may put something there again and again
_LOOK = "Look who made it, then remove it."
_UNKEPT = "{path} is on a file system that does not keep who made a file"


@dataclass(frozen=True)
class Claim:
    """Where this user's folder is.

    Attributes:
        cache: the folder that holds it: the one that was asked for, or one that is used instead.
        notices: events that are worth a line, each with its fields.
    """

    cache: Path
    notices: tuple[Notice, ...] = ()


def folder_name(uid: int) -> str:
    """The name of a user's folder: a volume that two users share must not lock one of them out."""
    return f"uid-{uid}"


def give(cache: Path, uid: int, gid: int) -> list[Notice]:
    """As root: let this user find a folder of its own in the cache, or be able to make one.

    Of what others have made nothing is changed but its name. Where root may not do this, ``claim`` finds another way.
    """
    notices: list[Notice] = []
    name = folder_name(uid)
    with contextlib.suppress(OSError), reach(cache, make=True).folder as volume:
        _close_gap(volume, passable=True)
        theirs = Folder(
            volume.descriptor, volume.path, Rule(frozenset({uid}), group=volume.rule.group, is_learned=True)
        )
        for _ in range(_TRIES):
            try:
                theirs.enter(name).close()
            except FileNotFoundError:
                # Where everybody may write, as in the image's /cache, the user makes it, and root needs no CAP_CHOWN.
                if os.fstat(volume.descriptor).st_mode & stat.S_IWOTH:
                    break
                os.mkdir(name, OPEN, dir_fd=volume.descriptor)
                _hand_over(volume, name, uid, gid)
            except NotOursError as error:
                if _hand_over(volume, name, uid, gid) or not keeps_owners(volume.descriptor):
                    break
                notices.append(replaced(volume, name, error))
            else:
                break
    return notices


def claim(cache: Path, temporary: Path) -> Claim:
    """As the user who uses it: the folder, found or made.

    Args:
        cache: the folder of the cache, which holds one for each user.
        temporary: where a folder of our own is made if that can't be used.
    """
    notices: list[Notice] = []
    try:
        return Claim(_settle(cache, notices.append), tuple(notices))
    except OSError as error:
        reason = error.strerror or str(error)
    action = "Name another folder in APPLIANCE_CACHE, or give the volume to root, with mode 1777."
    try:
        instead = _temporary(temporary, notices.append)
    except OSError as error:
        fields = {"path": str(cache), "reason": f"{reason}; {temporary}: {error.strerror or error}", "action": action}
        return Claim(cache, (*notices, ("cache.unavailable", fields)))
    fields = {"path": str(cache), "reason": reason, "instead": str(instead), "action": action}
    return Claim(instead, (*notices, ("cache.moved", fields)))


def exposure(cache: Path) -> str:
    """Who could replace this user's folder in the cache, in words; empty if nobody could.

    Raises:
        OSError: it can't be opened.
    """
    with reach(cache).folder as volume:
        return _exposure(volume)


def _settle(cache: Path, tell: Tell) -> Path:
    name = folder_name(os.geteuid())
    volume, above = reach(cache, make=True)
    with volume:
        _close_gap(volume)
        reason = _exposure(volume)
        if reason and (other := _another_user(volume)) is not None:
            raise NotOursError(f"{reason}, and uid {other} keeps things there", volume.path)
        foreign = os.fstat(volume.descriptor).st_uid not in volume.rule.owners
        if foreign and above.st_mode & stat.S_IWOTH:  # as /tmp: anybody can have made it there, for us to find
            raise NotOursError(reason, volume.path)
        with _own(volume, name, tell) as own:
            _clear(own, tell)
            if foreign or own.is_unprotected:
                tell(_unprotected(volume, reason or _UNKEPT.format(path=volume.path)))
            if own.path == f"{volume.path}/{name}":
                return cache
            own.enter(name, OPEN).close()
            return cache / own.path.rpartition("/")[2]


def _temporary(temporary: Path, tell: Tell) -> Path:
    """A folder of our own, that is as a volume of which we are the only user."""
    with reach(temporary).folder as place:
        if (reason := _exposure(place)) and (other := _another_user(place)) is not None:
            raise NotOursError(f"{reason}, and uid {other} keeps things there", place.path)
        with _own(place, f"wsgi-appliance-cache-{os.geteuid()}", tell) as own:
            with own.enter(folder_name(os.geteuid()), OPEN) as folder:
                _clear(folder, tell)
            return temporary / own.path.rpartition("/")[2]


def _own(place: Folder, name: str, tell: Tell) -> Folder:
    """The folder of this name, or of a name that begins so, as ours.

    Raises:
        OSError: none can be had.
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
                raise flaw  # what we make there is another user's, and closed to us: a new one would be too
        try:
            tell(replaced(place, name, flaw))
        except FileNotFoundError:
            continue  # another start was faster
        except OSError:
            return _own_beside(place, name, flaw, tell)
    raise flaw


def _own_beside(place: Folder, name: str, flaw: NotOursError, tell: Tell) -> Folder:
    """The same under another name, where what has this one can't be renamed. It is found again by its owner."""
    beside = sorted(each for each in place.names() if each.startswith(f"{name}."))
    for candidate in [*beside, f"{name}.{os.urandom(4).hex()}"]:
        with contextlib.suppress(NotOursError):
            folder = place.enter(candidate, OPEN)
            if _is_usable(folder):
                action = f"Look who made {place.path}/{name}, then have root remove it."
                fields = {"path": f"{place.path}/{name}", "reason": flaw.strerror, "instead": folder.path}
                tell(("cache.moved", {**fields, "action": action}))
                return folder
            folder.close()
    raise flaw


def _is_usable(folder: Folder) -> bool:
    """Whether we may write it, or nobody may: a volume that is mounted to be read holds what was installed before."""
    is_read_only = os.fstatvfs(folder.descriptor).f_flag & os.ST_RDONLY
    effective = os.access in os.supports_effective_ids
    return bool(is_read_only) or os.access(".", os.W_OK, dir_fd=folder.descriptor, effective_ids=effective)


def _clear(own: Folder, tell: Tell) -> None:
    """Set aside what is in our folder and is not ours: it may have been made before the folder was."""
    for name in own.names():
        if name.startswith(("aside-", ".")):
            continue
        try:
            own.enter(name).close()
        except NotOursError as error:
            with contextlib.suppress(OSError):  # on a volume that is mounted to be read; it is refused at its use
                tell(replaced(own, name, error))
        except OSError:
            continue  # ours, but closed: an error where it is needed


def _close_gap(volume: Folder, *, passable: bool = False) -> None:
    """Where the volume's folder is ours: let nobody replace what is in it, and everybody reach what is theirs."""
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
    """Who could replace a folder of ours in this one; empty if nobody could."""
    status = os.fstat(volume.descriptor)
    if not volume.rule.flaw(status) or (status.st_uid in volume.rule.owners and status.st_mode & stat.S_ISVTX):
        return ""
    volume.rule = volume.rule.learn(volume.descriptor)
    if volume.is_unprotected:
        return _UNKEPT.format(path=volume.path)
    if status.st_uid not in volume.rule.owners:
        return f"{volume.path} belongs to uid {status.st_uid}"
    return f"others can rename what is in {volume.path} (mode {stat.S_IMODE(status.st_mode):04o}, no sticky bit)"


def _another_user(volume: Folder) -> int | None:
    """A user who is neither root nor us and keeps something in this folder."""
    for name in volume.names():
        with contextlib.suppress(FileNotFoundError):
            owner = os.stat(name, dir_fd=volume.descriptor, follow_symlinks=False).st_uid
            if owner not in volume.rule.owners:
                return owner
    return None


def _hand_over(volume: Folder, name: str, uid: int, gid: int) -> bool:
    """Whether it is root's folder, and nobody else's; if it holds nothing this user is given it."""
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


def replaced(place: Folder, name: str, flaw: NotOursError) -> Notice:
    """Set it aside, and say so.

    Raises:
        OSError: it may not be renamed.
    """
    aside = place.set_aside(name)
    fields = {"path": f"{place.path}/{name}", "reason": flaw.strerror, "aside": f"{place.path}/{aside}"}
    return "folder.replaced", {**fields, "action": _LOOK}


def _unprotected(volume: Folder, reason: str) -> Notice:
    action = "Take a named volume (docker run -v appliance-cache:/cache), or give this folder to root, with mode 1777."
    return "cache.unprotected", {"path": volume.path, "reason": reason, "action": action}
