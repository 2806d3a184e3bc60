"""Open folders and files that only this user or root can have written: level by level, checking each.

Both sides import it. On the project's side it runs on Python 3.10 to 3.15, so it imports only the standard library.

Theory of operation. What the appliance runs or trusts is on volumes that several users may share: any of them can
create ``/cache/uid-1000``, fill it, or put a link there. So each level is opened from the descriptor of the level above
it, without following a link, and the open descriptor is checked, not the name: a name can be replaced between the check
and the use, a descriptor can't. Below a folder that only we can write, nobody else can add, rename or replace anything.

A level passes if it belongs to us or to root, and neither its group nor others may write it. Two kinds of volumes are
different:

- Root has given the whole volume to a group (Kubernetes' fsGroup, OpenShift's group 0): the folder belongs to root, is
  writable for its group, and has the setgid bit or is closed to others. Kubernetes makes everything in it writable for
  that group at each start of a pod, so this group may write.
- The file system does not keep owners or modes (shares of Docker Desktop, SMB, NFS that squashes users). Our own new
  files look like another user's there, and whatever looks like them passes. ``Folder.is_unprotected`` reports this.

Decision 34 says why.
"""

from __future__ import annotations

import _thread
import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType

# O_PATH: a folder such as /cache with mode 0711 may be entered, but not read.
PASS = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_FILE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # O_NONBLOCK: opening a FIFO would wait for its other end
WRITABLE = stat.S_IWGRP | stat.S_IWOTH
# How many folders of a path in a cache are checked: the user's, and the one in it for a purpose ("code").
LEVELS = 2
OPEN, CLOSED = 0o755, 0o700  # modes of folders: others may read environments, as an editor does, but nothing else


class NotOursError(PermissionError):
    """A path that another user has made, or can write, or that is not a folder or file as expected."""

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(errno.EPERM, reason, path)


class Rule(NamedTuple):
    """The users that may own a level, and those that may write it.

    Attributes:
        owners: user ids.
        forbidden: the bits of a mode that must not be set.
        group: this group may write; -1: none.
        is_learned: the file system was tested: how it shows a new file of ours.
        is_unprotected: it shows that file as another user's, or as writable by others.
    """

    owners: frozenset[int]
    forbidden: int = WRITABLE
    group: int = -1
    is_learned: bool = False
    is_unprotected: bool = False

    def flaw(self, status: os.stat_result) -> str:
        """Return why another user can have written this; "" if none can."""
        if status.st_uid not in self.owners:
            return f"it belongs to uid {status.st_uid}"
        writable = status.st_mode & self.forbidden
        if writable and not (writable == stat.S_IWGRP and status.st_gid == self.group):
            return f"others can write it (mode {stat.S_IMODE(status.st_mode):04o})"
        return ""

    def learn(self, folder: int) -> Rule:
        """Return the rule for the file system of this folder, learned from a new file in it."""
        if self.is_learned:
            return self
        shown = _stat_of_new_file(folder)
        if shown is None:
            return self._replace(is_learned=True)
        spared = shown.st_mode & WRITABLE
        return self._replace(
            owners=self.owners | {shown.st_uid},
            forbidden=WRITABLE & ~spared,
            is_learned=True,
            is_unprotected=bool(spared) or shown.st_uid != os.geteuid(),
        )


class Folder:
    """An open folder that has passed the check. Close it, or use it in ``with``."""

    __slots__ = ("descriptor", "path", "rule")

    def __init__(self, descriptor: int, path: str, rule: Rule) -> None:
        self.descriptor = descriptor
        self.path = path
        self.rule = rule

    def __enter__(self) -> Folder:  # noqa: PYI034  typing.Self exists since 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    @property
    def is_unprotected(self) -> bool:
        """Whether the file system can't distinguish our files from another user's."""
        return self.rule.is_unprotected

    def enter(self, name: str, make: int | None = None) -> Folder:
        """Open a sub-folder.

        Args:
            name: one level.
            make: if it is absent, create it with this mode; None: do not create it.

        Raises:
            NotOursError: another user can have written it, or it is a link or a file.
            OSError: it is absent, or can't be opened.
        """
        try:
            descriptor = self._open(name, FOLDER)
        except FileNotFoundError:
            if make is None:
                raise
            with contextlib.suppress(FileExistsError):  # another process was faster; the folder is checked too
                os.mkdir(name, make, dir_fd=self.descriptor)
            descriptor = self._open(name, FOLDER)
        rule = self._checked_rule(descriptor, os.fstat(descriptor), name, descriptor)
        return Folder(descriptor, f"{self.path}/{name}", rule)

    def names(self) -> list[str]:
        """Return the names of the folder's entries.

        Raises:
            OSError: the folder may be entered, but not read.
        """
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.descriptor)
        try:
            return os.listdir(descriptor)  # noqa: PTH208  of a descriptor
        finally:
            os.close(descriptor)

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Open a regular file of this name, and return its descriptor; a new file is accessible only for us.

        Raises:
            NotOursError: another user can have written it, or it is not a regular file.
            OSError: it is absent, or can't be opened.
        """
        return self._open_file(name, flags)[0]

    def read(self, name: str) -> bytes:
        """Return the content of the file of this name. Raises the same as ``open``."""
        descriptor, size = self._open_file(name, os.O_RDONLY)
        try:
            content = os.read(descriptor, size + 1)
            while len(content) < size and (more := os.read(descriptor, size + 1 - len(content))):
                content += more
            return content
        finally:
            os.close(descriptor)

    def write(self, name: str, content: bytes) -> None:
        """Write the file of this name, completely or not at all.

        Raises:
            OSError: it can't be written.
        """
        aside = f"{name}.{os.getpid()}-{_thread.get_ident():x}"  # PIDs are reused: it may be left over from a crash
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=self.descriptor)
        # O_EXCL makes a new file: neither a link nor a hard link of that name leads to another file.
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=self.descriptor)
        try:
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            finally:
                os.close(descriptor)
            os.replace(aside, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(aside, dir_fd=self.descriptor)
            raise

    def set_aside(self, name: str) -> str:
        """Rename whatever has this name; return the new name.

        Raises:
            OSError: it can't be renamed: in a folder with the sticky bit only its owner, or the folder's owner, may.
        """
        aside = f"aside-{name}-{os.urandom(4).hex()}"
        os.rename(name, aside, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        return aside

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(name, flags, 0o600, dir_fd=self.descriptor)
        except OSError as error:
            raise self._explained(name, error) from None

    def _open_file(self, name: str, flags: int) -> tuple[int, int]:
        """Open a regular file; return its descriptor and its size."""
        descriptor = self._open(name, flags | _FILE)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise NotOursError("it is not a regular file", f"{self.path}/{name}")
        self.rule = self._checked_rule(descriptor, status, name, self.descriptor)
        return descriptor, status.st_size

    def _checked_rule(self, descriptor: int, status: os.stat_result, name: str, folder: int) -> Rule:
        """Return the rule by which an open file passes; close the file if none does. ``folder``: on its file system."""
        rule = self.rule
        flaw = rule.flaw(status)
        if flaw:
            rule = rule.learn(folder)
            flaw = rule.flaw(status)
        if flaw:
            os.close(descriptor)
            raise NotOursError(flaw, f"{self.path}/{name}")
        return rule

    def _explained(self, name: str, error: OSError) -> OSError:
        """Return the error itself, or one that names the cause if that is the file itself.

        The error number shows what was there at the time of the open: by now, another user can have replaced it.
        """
        if error.errno == errno.ELOOP:
            return NotOursError("it is a link", f"{self.path}/{name}")
        try:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except OSError:
            status = None
        if status and stat.S_ISLNK(status.st_mode):
            return NotOursError("it is a link", f"{self.path}/{name}")
        if error.errno == errno.ENOTDIR:
            return NotOursError("it is not a folder", f"{self.path}/{name}")
        flaw = self.rule.flaw(status) if status else ""
        return NotOursError(flaw, f"{self.path}/{name}") if flaw else error


def volume(path: str) -> Folder:
    """Open a volume's mount point, to enter what is in it. It may belong to anybody, and is not checked.

    Raises:
        OSError: it can't be opened.
    """
    return volume_of(os.open(path, PASS), path)


def volume_of(descriptor: int, path: str) -> Folder:
    """Return the folder of an open mount point; closing the folder closes ``descriptor``."""
    status = os.fstat(descriptor)
    mode = status.st_mode
    is_given = status.st_uid == 0 and mode & stat.S_IWGRP and (mode & stat.S_ISGID or not mode & stat.S_IWOTH)
    owners = frozenset({0, os.geteuid()})
    return Folder(descriptor, path.rstrip("/"), Rule(owners, group=status.st_gid if is_given else -1))


def open_folder(path: str, levels: int, make: int | None = None) -> Folder:
    """Open the folder at ``path``, and check its last ``levels`` levels; the folder above them is the volume's.

    Args:
        path: an absolute path.
        levels: the number of levels below the volume.
        make: the mode for the last level if it is absent; the levels above are created with ``OPEN``. None: create
            nothing.

    Raises:
        NotOursError: another user can have written a level, or it is a link or a file.
        OSError: a level is absent, or can't be opened.
    """
    parts = path.rsplit("/", levels)
    if make is not None:
        os.makedirs(parts[0] or "/", OPEN, exist_ok=True)  # noqa: PTH103  pathlib costs 5 ms at import
    here = volume(parts[0] or "/")
    for number, name in enumerate(parts[1:], start=1):
        with here:
            here = here.enter(name, make if make is None or number == levels else OPEN)
    return here


def keeps_owners(folder: int) -> bool:
    """Whether the file system of this folder shows a new file as it is: ours, and closed to others."""
    shown = _stat_of_new_file(folder)
    return shown is None or (shown.st_uid == os.geteuid() and not shown.st_mode & WRITABLE)


def _stat_of_new_file(folder: int) -> os.stat_result | None:
    """Return how the file system shows a new file; None if none can be created."""
    name = f".appliance-{os.urandom(8).hex()}"
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=folder)
    except OSError:
        return None
    try:
        return os.fstat(descriptor)  # by its descriptor, which can't be another file
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
