"""File events of folders from the kernel: inotify(7).

This module holds one inotify descriptor, and knows the folder of each watch descriptor. Each folder has its own watch,
so ignored folders cost nothing; a recursive watch can't offer that. IN_MODIFY is requested only for folders in which
IN_CLOSE_WRITE may not come. So a growing log in the project wakes nothing, and a half-written file does not count as
complete.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import struct
from typing import Final, NamedTuple

from appliance.watch.event_sources import EventType, FileEvent, WakePipe
from appliance.watch.mounts import MOUNTINFO

_MODIFY: Final = 0x00000002
_ATTRIB: Final = 0x00000004
_CLOSE_WRITE: Final = 0x00000008
_MOVED_FROM: Final = 0x00000040
_MOVED_TO: Final = 0x00000080
_CREATE: Final = 0x00000100
_DELETE: Final = 0x00000200
_DELETE_SELF: Final = 0x00000400
_MOVE_SELF: Final = 0x00000800
_UNMOUNT: Final = 0x00002000
_Q_OVERFLOW: Final = 0x00004000
_IGNORED: Final = 0x00008000
_ISDIR: Final = 0x40000000

_WANTED: Final = _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_HEAD: Final = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len; then the name, padded with zeros
_BUFFER: Final = 65536
_LARGEST: Final = _HEAD.size + 256  # bytes of one event
_PRECISE_S: Final = 0.01  # shorter waits are for a save
_MOST: Final = 4 * 1024 * 1024  # the kernel's queue has 16,384 events, if nobody has changed that


class _Raw(NamedTuple):
    watch: int
    mask: int
    name: str


class Inotify:
    """File events of each folder that is added.

    Raises:
        OSError: the kernel has no instance left (EMFILE), or no inotify (ENOSYS).
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise _failure("inotify_init1")
        try:
            self._wake_pipe = WakePipe()
        except OSError:
            os.close(self._descriptor)
            raise
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        self._poll.register(self._wake_pipe.fileno(), select.POLLIN)
        # inotify does not report bind mounts; this file does (proc_pid_mounts(5)), once to each poll.
        self._mounts = -1
        with contextlib.suppress(OSError):
            self._mounts = os.open(MOUNTINFO, os.O_RDONLY | os.O_CLOEXEC)
            self._poll.register(self._mounts, select.POLLPRI)
        # Two paths may lead to one folder (a symbolic link): the kernel has one watch for both.
        self._folders: dict[int, list[str]] = {}
        self._watches: dict[str, int] = {}

    def add(self, folder: str, *, partial: bool) -> None:
        """Report changes in this folder; or writes to this file, if it is a mount of its own.

        Raises:
            OSError: there are too many watches (ENOSPC), or the folder can't be read.
        """
        mask = _WANTED | (_MODIFY if partial else 0)
        watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask)
        if watch < 0:
            raise _failure(folder)
        if self._watches.get(folder) != watch:
            self._forget(folder)
            self._watches[folder] = watch
            self._folders.setdefault(watch, []).append(folder)

    def drop(self, folder: str) -> None:
        """Stop reporting this folder: a folder that was moved keeps its watch, under its old name."""
        watch = self._watches.get(folder)
        self._forget(folder)
        if watch is not None and watch not in self._folders:
            self._libc.inotify_rm_watch(self._descriptor, watch)

    def _forget(self, folder: str) -> None:
        watch = self._watches.pop(folder, None)
        if watch is None:
            return
        names = self._folders.get(watch, [])
        if folder in names:
            names.remove(folder)
        if not names:
            self._folders.pop(watch, None)

    def wait(self, timeout_s: float) -> list[FileEvent]:
        """Wait for events and return them."""
        ready = self._ready(max(0.0, timeout_s))
        if self._wake_pipe.fileno() in ready:
            self._wake_pipe.clear()
        events = [FileEvent(EventType.MOUNTS_CHANGED, "")] if self._mounts in ready else []
        for raw in self._read():
            if raw.mask & _Q_OVERFLOW:
                events.append(FileEvent(EventType.OVERFLOW, ""))
            for folder in self._folders.get(raw.watch, ()):
                events.extend(self._as_events(folder, raw))
            if raw.mask & _IGNORED:  # the kernel has removed the watch: the folder is gone, or its mount
                for folder in list(self._folders.get(raw.watch, ())):
                    self._forget(folder)
        return events

    def _ready(self, timeout_s: float) -> set[int]:
        """Wait for the descriptors, and return those that are ready.

        ``poll`` counts milliseconds, and rounds up, so a save would wait for up to one millisecond more. ``select``
        counts microseconds, but knows only the first 1,024 descriptors.
        """
        if 0.0 < timeout_s < _PRECISE_S:
            mounts = [self._mounts] if self._mounts >= 0 else []
            with contextlib.suppress(ValueError):
                ready = select.select([self._descriptor, self._wake_pipe.fileno()], [], mounts, timeout_s)
                return {descriptor for each in ready for descriptor in each}
        return {descriptor for descriptor, _ in self._poll.poll(timeout_s * 1000)}

    def _read(self) -> list[_Raw]:
        """Read all events that the kernel has queued: the events of a burst must not seem to come one by one."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            while len(data) < _MOST:
                part = os.read(self._descriptor, _BUFFER)
                data += part
                if len(part) < _BUFFER - _LARGEST:
                    break
        events = []
        at = 0
        while at < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length
            events.append(_Raw(watch, mask, name))
        return events

    def _as_events(self, folder: str, raw: _Raw) -> list[FileEvent]:
        mask = raw.mask
        if mask & (_DELETE_SELF | _MOVE_SELF | _UNMOUNT):
            return [FileEvent(EventType.FOLDER_LOST, folder)]
        if not raw.name:  # of the folder itself; or of a mounted file, since nobody opens a folder for writing
            return [FileEvent(EventType.WRITTEN, folder)] if mask & _CLOSE_WRITE else []
        path = f"{folder}/{raw.name}"
        if mask & (_DELETE | _MOVED_FROM):
            return [FileEvent(EventType.FOLDER_REMOVED if mask & _ISDIR else EventType.DELETED, path)]
        if mask & _ISDIR:
            # Only one change of attributes matters: the folder can now be entered, and could not be entered before.
            if mask & ~_ISDIR == _ATTRIB and path in self._watches:
                return []
            return [FileEvent(EventType.FOLDER_ADDED, path)]
        # For a new link there is IN_CREATE alone, and it is complete.
        is_whole = mask & (_CLOSE_WRITE | _MOVED_TO | _ATTRIB)
        return [FileEvent(EventType.WRITTEN if is_whole else EventType.MODIFIED, path)]

    def wake(self) -> None:
        """End a wait; any thread may call this."""
        self._wake_pipe.wake()

    def close(self) -> None:
        """Close the descriptor; the kernel then removes its watches."""
        os.close(self._descriptor)
        if self._mounts >= 0:
            os.close(self._mounts)
        self._wake_pipe.close()


def _failure(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)


def is_exhausted(error: OSError) -> bool:
    """Whether a limit of the kernel is reached: max_user_watches (ENOSPC), max_user_instances or descriptors."""
    return error.errno in {errno.ENOSPC, errno.EMFILE, errno.ENFILE}
