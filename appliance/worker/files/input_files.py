"""Record the files that this generation was made from, with the state of each before it was read.

The loader, the finder of missing modules and the audit of opened files add files here. Runs in the worker, in whatever
thread uses a file.

Theory of operation. A project's file may lie where the supervisor does not look: git ignores it, or it lies outside of
the project's folder. It is watched because this process used it. The file's mark is taken before the file is read. So a
save that comes before the file is watched is still noticed: the file then has another mark. A file that was looked for
but is missing counts too: once it exists, a start that failed may succeed.

Files that were used during the start are reported on the channel, once. Files that are used later, for example by a
lazy import in a request, are sent through a pipe. A write of less than PIPE_BUF is atomic, so it needs no lock: a
thread could hold a lock when the project forks, or when a ``__del__`` opens a file. The same pipe announces files that
this process is about to write, before it does: such a change is not a save. A note that does not fit into the pipe is
lost; this costs one reload too many, or delays one until the second save.
"""

from __future__ import annotations

import os
import time
from typing import Final

from ...protocol.output_frames import PIPE_BUF

_WRITE = os.write  # gevent's and eventlet's write would switch to another greenlet within an import
MAX_FILES: Final = 10_000  # files of one generation

Mark = list[int]  # mtime (ns), size, inode, ctime (ns), checksum or -1; empty: the file is missing


class InputFiles:
    """The files of one generation.

    Args:
        root: the project's folder, as the supervisor names it.
        notes: the pipe's descriptor; -1: nobody watches.
    """

    def __init__(self, root: str, notes: int) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self.files: dict[str, Mark] = {}
        self.listed: set[str] = set()  # folders that the project has listed during the start
        self._added: dict[str, Mark] | None = None  # since the report of the process that this one was forked from
        self.bind(notes)

    def bind(self, notes: int) -> None:
        """Send further files through this pipe, once those so far are reported; for a process that was forked too."""
        self._notes = notes
        self._pipe = os.fstat(notes) if notes >= 0 else None
        self._reported = False
        if notes >= 0:
            os.set_blocking(notes, False)

    def absolute(self, path: str) -> str:
        """Return a file's absolute path, below the project's folder as the supervisor names that."""
        path = os.path.abspath(path)
        if self._real_root != self._root and path.startswith(self._real_root + "/"):
            return self._root + path[len(self._real_root) :]
        return path

    def before_compile(self, path: str) -> os.stat_result:
        """Record that a module's source is about to be read; return the file's state before that.

        Raises:
            OSError: the file is missing, or can't be examined.
        """
        status = os.stat(path)
        self.files.setdefault(self.absolute(path), _mark(status, -1))  # so the audit ignores the loader's open()
        return status

    def after_compile(self, path: str, status: os.stat_result, checksum: int) -> None:
        """Record that the source was read, and the checksum of its content."""
        self._add(self.absolute(path), _mark(status, checksum))

    def record(self, path: str) -> None:
        """Record that a file (absolute path) is about to be read, or was looked for."""
        path = self.absolute(path)
        if path not in self.files:
            try:
                self._add(path, _mark(os.stat(path), -1))
            except (OSError, ValueError):
                self._add(path, [])

    def remove(self, path: str) -> None:
        """Remove a file that this process also writes: it is not an input."""
        if self.files.get(path, [0])[-1:] in ([], [-1]):
            self.files.pop(path, None)

    def record_write(self, path: str) -> None:
        """Record that this process is about to change a file (absolute path)."""
        self._send_note(b"w", path, [time.monotonic_ns(), os.getpid()])

    def report(self) -> dict[str, Mark]:
        """Return all files so far; from now on each further file is sent at once.

        In a fork of a process that has called ``keep_added``, return only the files since that call.
        """
        self._reported = True
        return dict(self.files if self._added is None else self._added)  # another thread may add to it

    def real_places(self) -> dict[str, Mark]:
        """Return the files so far by the names of their real places: a save of a linked file may have that name."""
        found, folders = dict[str, Mark](), dict[str, str]()
        for path, mark in list(self.files.items()):
            folder, _, name = path.rpartition("/")
            if folder not in folders:
                folders[folder] = os.path.realpath(folder)
            place = f"{folders[folder]}/{name}"
            found[self.absolute(os.path.realpath(place) if os.path.islink(place) else place)] = mark
        return found

    def keep_added(self) -> None:
        """From now on ``report`` returns only files that are added: all others were reported."""
        self._added = {}

    @property
    def is_addition(self) -> bool:
        """Whether ``report`` returns only what was added."""
        return self._added is not None

    def _add(self, path: str, mark: Mark) -> None:
        if len(self.files) >= MAX_FILES:
            return
        self.files[path] = mark
        if self._added is not None:
            self._added[path] = mark
        if self._reported:
            self._send_note(b"f", path, mark)

    def _send_note(self, kind: bytes, path: str, numbers: list[int]) -> None:
        note = b"\0".join([kind, os.fsencode(path), *(b"%d" % number for number in numbers)]) + b"\0\0"
        if self._pipe is None or len(note) > PIPE_BUF:
            return
        try:
            if os.path.samestat(os.fstat(self._notes), self._pipe):  # a project may close unknown descriptors
                _WRITE(self._notes, note)
        except OSError:
            return  # the pipe is full, or nobody reads any more


def _mark(status: os.stat_result, checksum: int) -> Mark:
    return [status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns, checksum]
