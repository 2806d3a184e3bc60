"""Read the workers' notes about files: those that they have loaded, and those that they are about to write.

Each worker has a pipe for its notes. Runs in the supervisor's loop.

Theory of operation. A worker notes a write before it happens (``worker/files/open_audit``), so the note is in the pipe
when the kernel reports the change. Before a question about a change is answered, the pipes are read: so the answer does
not depend on whether the note or the kernel's event arrives first. A note is valid for the next change of its file.
That change uses the note up; a later change was made by another program. (A change that comes a moment later still
counts as the worker's: the kernel may report two writes as one, and then the end of the second.)

If the file of a note does not change within a second, the write has failed, and the note is forgotten. There are two
exceptions. If the process still has the file open, the change will come later. If the file has changed and the watcher
polls, the watcher may not have seen the change.

A project's process may write anything into its pipe: only a path and numbers are taken from it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.watch.file_contents import TICK_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.handles import Handle

Mark = list[int]

EXPIRY_S: Final = 1.0  # how long a note is kept whose change has not come
UNSEEN_S: Final = 10.0  # for a note whose change has come, and is not seen yet
MOMENT_S: Final = 0.05  # after a note that is used up
MOST: Final = 4096  # the most files that may have notes
_MOST_OF_ONE: Final = 256
_READ: Final = 65_536
_LONGEST: Final = 8192  # bytes of a note; the kernel keeps writes of up to 4,096 bytes in one piece


@dataclass
class _Writes:
    """The notes of one file.

    Attributes:
        noted: when each note that stands was made, the oldest first.
        pid: the process that made the last note.
        used: when the last note that is used up was made.
    """

    noted: list[float] = field(default_factory=list)
    pid: int = 0
    used: float = 0.0

    def add(self, noted: float, pid: int) -> None:
        """Add a note."""
        self.noted.append(noted)
        del self.noted[:-_MOST_OF_ONE]
        self.pid = pid

    def use_up(self, path: str, seen_at: float) -> bool:
        """Use up the notes before a change that was seen then; return whether there was one."""
        before = [noted for noted in self.noted if noted <= seen_at]
        if not before:
            return seen_at - self.used <= MOMENT_S
        self.used = before[-1]
        del self.noted[: len(before)]
        if is_open_for_writing(self.pid, path):
            self.noted.insert(0, self.used)  # the process has the file open, and may write again
        return True

    def expire(self, path: str, now: float) -> bool:
        """Forget notes whose changes have not come. Return whether any note is left."""
        if any(now - noted >= EXPIRY_S for noted in self.noted):
            if is_open_for_writing(self.pid, path):
                self.noted = [now]
            else:
                changed = now - _age_s(path)
                self.noted = [each for each in self.noted if now - each < (UNSEEN_S if changed >= each else EXPIRY_S)]
        return bool(self.noted) or now - self.used <= MOMENT_S


class FileNotes:
    """The notes of all workers.

    Args:
        loaded: called with a worker and the files that it has loaded.
    """

    def __init__(self, loop: Loop, loaded: Callable[[Handle, dict[str, Mark]], None]) -> None:
        self._loop = loop
        self._loaded = loaded
        self._pipes: dict[Handle, int] = {}
        self._partial: dict[Handle, bytes] = {}
        self._writes: dict[str, _Writes] = {}  # by path
        self._timer: Timer | None = None

    def begin(self, child: Handle) -> int:
        """Read this worker's notes from now on. Return the descriptor to write them to; the caller closes it.

        Raises:
            OSError: no descriptor is left.
        """
        read, write = os.pipe()
        os.set_blocking(read, False)
        self._pipes[child] = read
        self._partial[child] = b""
        self._loop.watch(read, partial(self._read, child))
        return write

    def ended(self, child: Handle) -> None:
        """The worker has ended; its notes stand for a while."""
        if child not in self._pipes:
            return
        self._read(child)
        read = self._pipes.pop(child)
        del self._partial[child]
        self._loop.unwatch(read)
        os.close(read)

    def take_own_write(self, path: str, seen_at: float) -> bool:
        """Take the note of a change that was seen at ``seen_at``; return whether a worker had noted it."""
        for child in list(self._pipes):
            self._read(child)
        writes = self._writes.get(path)
        return writes is not None and writes.use_up(path, seen_at)

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read(self, child: Handle) -> None:
        if (read := self._pipes.get(child)) is None:  # its end was in the same round of the loop
            return
        data = self._partial[child]
        with suppress(BlockingIOError):
            while part := os.read(read, _READ):
                data += part
                if len(part) < _READ:
                    break
            else:
                self._loop.unwatch(read)  # every process that could write has ended
        *notes, rest = data.split(b"\0\0")
        self._partial[child] = rest if len(rest) <= _LONGEST else b""
        files: dict[str, Mark] = {}
        for note in notes:
            self._take(note, files)
        if files:
            self._loaded(child, files)

    def _take(self, note: bytes, files: dict[str, Mark]) -> None:
        kind, *fields = note.lstrip(b"\0").split(b"\0")
        if not fields or not fields[0].startswith(b"/"):
            return
        try:
            numbers = [int(field) for field in fields[1:]]
        except ValueError:
            return
        path = os.fsdecode(fields[0])
        if kind == b"f":
            files[path] = numbers
        elif kind == b"w" and len(numbers) == 2 and (path in self._writes or len(self._writes) < MOST):
            now = time.monotonic()
            noted = numbers[0] / 1e9 if 0 <= numbers[0] <= now * 1e9 else now
            self._writes.setdefault(path, _Writes()).add(noted, numbers[1])
            if self._timer is None:
                self._timer = self._loop.call_later(EXPIRY_S, self._forget)

    # -- writes that did not happen ------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._timer = None
        now = time.monotonic()
        for path, writes in list(self._writes.items()):
            if not writes.expire(path, now):
                del self._writes[path]
        if self._writes:
            self._timer = self._loop.call_later(EXPIRY_S, self._forget)


def _age_s(path: str) -> float:
    """Return the seconds since the file was changed; 0 if the file is missing: this process may have removed it."""
    try:
        return time.time() - os.stat(path).st_ctime - TICK_S  # noqa: PTH116  asked of each note
    except (OSError, ValueError):
        return 0.0


def is_open_for_writing(pid: int, path: str) -> bool:
    """Whether this process has the file open for writing (proc_pid_fd(5), proc_pid_fdinfo(5))."""
    process = Path("/proc") / str(pid)
    real = Path(os.path.realpath(path))
    try:
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError, ValueError):
                if descriptor.readlink() == real and _writes((process / "fdinfo" / descriptor.name).read_text("ascii")):
                    return True
    except OSError:
        return False
    return False


def _writes(info: str) -> bool:
    flags = next((line for line in info.splitlines() if line.startswith("flags:")), "flags: 0")
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
