"""Which mounts tell of what happens in them, and which keep it to themselves.

Owns the reading of ``/proc/self/mountinfo`` (proc(5)) and the list of file systems whose files change behind the
kernel's back: inotify sees what goes through this kernel, and nothing that another machine, a host outside the virtual
machine or a daemon writes. Docker Desktop forwards some events over its own mounts (``fakeowner``, ``virtiofs``,
``fuse.grpcfuse``), without IN_CLOSE_WRITE and often without IN_DELETE: welcome, and no ground to stand on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

# fuseblk (NTFS, exFAT on a disk) is not among them: all that happens there goes through this kernel.
_MUTE = re.compile(
    r"9p|virtiofs|fuse|fuse\..+|fakeowner|osxfs|grpcfuse|drvfs|nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|ceph|lustre|gpfs|glusterfs"
    r"|ocfs2|gfs2|beegfs|vboxsf|vmhgfs|prl_fs|hgfs|davfs|coda|orangefs"
)
_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One mount.

    Attributes:
        point: where it stands.
        kind: its file system's name.
        number: the kernel's number for it: a mount that comes in the place of another has its own.
    """

    point: str
    kind: str
    number: bytes = field(default=b"", compare=False)

    @property
    def mute(self) -> bool:
        """Whether files change in it without an event."""
        return _MUTE.fullmatch(self.kind) is not None


_UNKNOWN = Mount("/", "unknown")


class Mounts:
    """The table as it was when it was read."""

    def __init__(self, table: bytes) -> None:
        self.table = table
        # A later line hides an earlier one of the same place.
        self._by_point = {mount.point: mount for line in table.splitlines() if (mount := _mount(line))}

    @classmethod
    def read(cls) -> Mounts:
        """The kernel's table; an empty one where there is none."""
        try:
            return cls(MOUNTINFO.read_bytes())
        except OSError:
            return cls(b"")

    def of(self, path: str) -> Mount:
        """The mount that ``path`` is in."""
        while path not in self._by_point:
            if path in {"", "/"}:
                return _UNKNOWN
            path = path[: path.rfind("/")] or "/"
        return self._by_point[path]

    def within(self, folder: str) -> list[tuple[str, bytes]]:
        """What is mounted on the folder and below it, and the mount that the folder is in."""
        below = sorted(point for point in self._by_point if (point + "/").startswith(folder.rstrip("/") + "/"))
        return [(mount.point, mount.number) for mount in [self.of(folder), *map(self.of, below)]]

    def mute_below(self, folder: str) -> list[Mount]:
        """The mute mounts in ``folder``, and the one that it is in if that is mute; none within another."""
        own = self.of(folder)
        if own.mute:
            return [Mount(folder, own.kind)]
        below = sorted(point for point in self._by_point if point.startswith(folder.rstrip("/") + "/"))
        mute: list[Mount] = []
        for mount in (self._by_point[point] for point in below if self._by_point[point].mute):
            if not mute or not mount.point.startswith(mute[-1].point + "/"):
                mute.append(mount)
        return mute


def _mount(line: bytes) -> Mount | None:
    """``36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw``."""
    before, _, after = line.partition(b" - ")
    fields = before.split(b" ")
    if len(fields) < 6 or not after:
        return None
    point = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields[4])  # a space is \040
    return Mount(point.decode(errors="surrogateescape"), after.split(b" ")[0].decode(errors="replace"), fields[0])
