"""The files that this generation of the project was made from, as they were when it met them.

Owns the list, and the notes of what is added once it was told. Knows nothing of how a file was met: the loader, the
finder of missing modules and the audit of opened files say so. Runs in the worker, in whatever thread meets a file.

Theory of operation. A file of the project's may lie where nobody looks: git ignores it, or it lies outside of the
project's folder. It is watched because it was met here. Its mark is taken before it is read, so a save that comes
before somebody watches it can be seen: the file's mark is another one then. A file that was looked for and was not
there counts too: once it is made, a start may succeed that has failed.

What was met during the start is told on the channel, once. What is met later, by a lazy import in a request, goes down
a pipe: a write of less than PIPE_BUF is whole, and needs no lock that a thread could hold when the project forks, or
when a ``__del__`` opens a file. The same pipe tells what this process is about to write, before it does: such a change
is no save. A note that the pipe has no room for is lost: a reload too many, or one that only a second save brings.
"""

from __future__ import annotations

import os
import time
from typing import Final

_WRITE = os.write  # gevent's and eventlet's would switch to another greenlet, in the midst of an import
MOST: Final = 10_000  # files of one generation
PIPE_BUF: Final = 4096  # Linux's; POSIX promises 512

Mark = list[int]  # time of change (ns), size, inode, time of the inode's change (ns), checksum or -1; empty: not there


class InputFiles:
    """The files of one generation.

    Args:
        root: the project's folder, as the supervisor names it.
        notes: the pipe's descriptor; -1: nobody watches.
    """

    def __init__(self, root: str, notes: int) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._notes = notes
        self._pipe = os.fstat(notes) if notes >= 0 else None
        self._told = False
        self.files: dict[str, Mark] = {}
        if notes >= 0:
            os.set_blocking(notes, False)

    def named(self, path: str) -> str:
        """The whole path of a file, below the project's folder as the supervisor names that."""
        path = os.path.abspath(path)  # noqa: PTH100  pathlib costs 5 ms at import
        if self._real_root != self._root and path.startswith(self._real_root + "/"):
            return self._root + path[len(self._real_root) :]
        return path

    def compiles(self, path: str) -> os.stat_result:
        """A module's source is about to be read; its state before that.

        Raises:
            OSError: it is not there, or can't be looked at.
        """
        status = os.stat(path)  # noqa: PTH116  as above
        self.files.setdefault(self.named(path), _mark(status, -1))  # what opens it now is no news
        return status

    def compiled(self, path: str, status: os.stat_result, checksum: int) -> None:
        """It was, and held what has this checksum."""
        self._add(self.named(path), _mark(status, checksum))

    def met(self, path: str) -> None:
        """A file is about to be read, or was looked for; a whole path."""
        path = self.named(path)
        if path not in self.files:
            try:
                self._add(path, _mark(os.stat(path), -1))  # noqa: PTH116  as above
            except (OSError, ValueError):
                self._add(path, [])

    def forget(self, path: str) -> None:
        """A file that was read is written too: it is no input."""
        if self.files.get(path, [0])[-1:] in ([], [-1]):
            self.files.pop(path, None)

    def written(self, path: str) -> None:
        """This process is about to change a file; a whole path."""
        self._note(b"w", path, [time.monotonic_ns(), os.getpid()])

    def tell(self) -> dict[str, Mark]:
        """All files so far; from now on each is told when it is met."""
        self._told = True
        return dict(self.files)  # another thread may add to it

    def _add(self, path: str, mark: Mark) -> None:
        if len(self.files) >= MOST:
            return
        self.files[path] = mark
        if self._told:
            self._note(b"f", path, mark)

    def _note(self, kind: bytes, path: str, numbers: list[int]) -> None:
        note = b"\0".join([kind, os.fsencode(path), *(b"%d" % number for number in numbers)]) + b"\0\0"
        if self._pipe is None or len(note) > PIPE_BUF:
            return
        try:
            if os.path.samestat(os.fstat(self._notes), self._pipe):  # a project may close what it does not know
                _WRITE(self._notes, note)
        except OSError:
            return  # it is full, or nobody reads any more


def _mark(status: os.stat_result, checksum: int) -> Mark:
    return [status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns, checksum]
