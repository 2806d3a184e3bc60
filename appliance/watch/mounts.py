"""Find the mounts whose files change without an event.

This module reads ``/proc/self/mountinfo`` (proc(5)), and has the list of file systems whose files change without the
kernel's knowledge. inotify reports only writes that go through this kernel, and none of another machine, of the host of
a virtual machine, or of a daemon. Docker Desktop forwards some events over its own mounts (``fakeowner``, ``virtiofs``,
``fuse.grpcfuse``), without IN_CLOSE_WRITE and often without IN_DELETE: useful, but not reliable.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

# fuseblk (NTFS, exFAT on a disk) is not in the list: everything that happens there goes through this kernel.
_WITHOUT_EVENTS = re.compile(
    r"9p|virtiofs|fuse|fuse\..+|fakeowner|osxfs|grpcfuse|drvfs|nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|ceph|lustre|gpfs|glusterfs"
    r"|ocfs2|gfs2|beegfs|vboxsf|vmhgfs|prl_fs|hgfs|davfs|coda|orangefs"
)
_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One mount.

    Attributes:
        point: its mount point.
        kind: its file system's name.
        number: the kernel's number for it: a mount that replaces another has its own number.
        root: the folder of its file system that is mounted; for a bind mount, the path on the host.
    """

    point: str
    kind: str
    number: bytes = field(default=b"", compare=False)
    root: str = field(default="", compare=False)

    @property
    def eventless(self) -> bool:
        """Whether files change in it without an event."""
        return _WITHOUT_EVENTS.fullmatch(self.kind) is not None


_UNKNOWN = Mount("/", "unknown")


class Mounts:
    """The table of mounts at the time it was read."""

    def __init__(self, table: bytes) -> None:
        self.table = table
        # A later line hides an earlier one with the same mount point.
        self._by_point = {mount.point: mount for line in table.splitlines() if (mount := _mount(line))}

    @classmethod
    def read(cls) -> Mounts:
        """Read the kernel's table; an empty one if there is none."""
        try:
            return cls(MOUNTINFO.read_bytes())
        except OSError:
            return cls(b"")

    def of(self, path: str) -> Mount:
        """Return the mount that ``path`` is in."""
        while path not in self._by_point:
            if path in {"", "/"}:
                return _UNKNOWN
            path = path[: path.rfind("/")] or "/"
        return self._by_point[path]

    def within(self, folder: str) -> list[tuple[str, bytes]]:
        """Return the mount that the folder is in, and the mounts on it and below it."""
        below = sorted(point for point in self._by_point if (point + "/").startswith(folder.rstrip("/") + "/"))
        return [(mount.point, mount.number) for mount in [self.of(folder), *map(self.of, below)]]

    def eventless_below(self, folder: str) -> list[Mount]:
        """Return the mounts without events in ``folder``, none within another; or the folder's own if it is one."""
        own = self.of(folder)
        if own.eventless:
            return [Mount(folder, own.kind)]
        below = sorted(point for point in self._by_point if point.startswith(folder.rstrip("/") + "/"))
        eventless: list[Mount] = []
        for mount in (self._by_point[point] for point in below if self._by_point[point].eventless):
            if not eventless or not mount.point.startswith(eventless[-1].point + "/"):
                eventless.append(mount)
        return eventless


def _mount(line: bytes) -> Mount | None:
    """``36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw``."""
    before, _, after = line.partition(b" - ")
    fields = before.split(b" ")
    if len(fields) < 6 or not after:
        return None
    return Mount(_path(fields[4]), after.split(b" ")[0].decode(errors="replace"), fields[0], _path(fields[3]))


def _path(text: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8)]), text))  # a space is \040
