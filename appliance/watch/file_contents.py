"""Remember the content of files, so that a file that was only touched counts as unchanged.

One digest is kept for each file. A wrong digest would hide a change. So no digest is kept in two cases: if a file was
written while it was read, and if a file is so young that a second write could have the same time stamp. (git calls that
racily clean. The kernel's clock for files ticks every 4 ms, and some file systems store whole seconds.)
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from appliance.watch.tree import Mark, changed_ns, mark

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 8 * 1024 * 1024  # larger files are compared by their time stamps only
YOUNG_NS: Final = 2_000_000_000
TICK_S: Final = 0.02  # the clock of file systems stands still between two ticks of the kernel: 1 to 10 ms


@dataclass(frozen=True)
class FileState:
    """A file's state when a worker read it.

    Attributes:
        mark: its mark before it was read; None if it did not exist.
        checksum: a CRC-32 of what was read, or -1 if that is unknown.
    """

    mark: Mark | None
    checksum: int = -1

    @classmethod
    def of(cls, reported: Any) -> FileState:
        """Return the state that a worker has reported; a malformed one counts as that of a missing file."""
        is_mark = isinstance(reported, list) and len(reported) == 5 and all(isinstance(each, int) for each in reported)
        return cls(Mark(*reported[:4]), reported[4]) if is_mark else cls(None)

    @property
    def is_certain(self) -> bool:
        """Whether the state tells the content, and not only the time of the last change."""
        return self.mark is None or self.checksum >= 0

    def differs(self, path: str) -> bool:
        """Whether the file holds something else now, as far as is known.

        A file whose mark differs is read, because it may only have been touched. A young file is read too, because two
        writes in one clock tick have the same mark.
        """
        now = mark(path)
        same = now == self.mark
        if now is None or self.mark is None or self.checksum < 0 or now.size > MAX_BYTES:
            return not same
        if same and time.time_ns() - changed_ns(now) > YOUNG_NS:
            return False
        try:
            return crc32(_content(path)) != self.checksum
        except OSError:
            return True


class FileContents:
    """Digests by path; a path that is missing here did not exist."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}
        self._reported: dict[str, float] = {}  # when ``note_content`` has returned True for them, on CLOCK_MONOTONIC
        self._doubted: dict[str, bytes] = {}  # contents that were reported again, because a worker had read another one

    def add_unread(self, paths: Iterable[str]) -> None:
        """Note that these files exist; their contents are not known yet."""
        for path in paths:
            self._known.setdefault(path, _UNREAD)

    def had_content(self, path: str) -> bool:
        """Whether the file existed and was not empty, as far as is known."""
        return self._known.get(path, _EMPTY) != _EMPTY

    def note_content(self, path: str, now: Mark | None) -> bool:
        """Remember the file's content; return whether it has changed since the last call."""
        if now is None:
            changed = self._known.pop(path, None) is not None
        else:
            digest = _read(path, now)
            changed = self._known.get(path) != digest
            self._known[path] = digest
        if changed:
            self._reported[path] = time.monotonic()
        return changed

    def note_worker_read(self, path: str, state: FileState, *, started: float = 0.0) -> bool:
        """Note in which state a worker has read a file; return whether the file has changed since, unreported.

        If the worker started (CLOCK_MONOTONIC) after the last report, it should have read what was reported. It may
        have read less: the same text was being written once more. Then the rest is a change when it comes.
        """
        if state.differs(path):
            return self._note_difference(path, started if state.is_certain else 0.0)
        if not state.is_certain or self._reported.get(path, started) >= started:
            return False
        if state.mark is None:
            self._known.pop(path, None)
        elif time.time_ns() - changed_ns(state.mark) < YOUNG_NS:
            return self._note_read(path, state, started)
        return False

    def _note_read(self, path: str, state: FileState, started: float) -> bool:
        """Remember the content that a worker has read, if the file still has it; else as ``note_worker_read``."""
        with contextlib.suppress(OSError):
            data = _content(path)
            if crc32(data) == state.checksum:
                self._known[path] = _digest(data)
                return False
        return self._note_difference(path, started)

    def _note_difference(self, path: str, started: float) -> bool:
        """Note a content that a worker has not read; return whether it is a new change.

        If it was reported since the worker started, the worker is an older one. If it was reported before, it is
        reported again, once: otherwise a loader that changes what it reads would restart its worker forever. If the
        file was never reported, and ``record`` has read it since, then ``record`` has the new content.
        """
        if path in self._reported:
            now = mark(path)
            present = _MISSING if now is None else _read(path, now)
            is_known = self._known.get(path, _MISSING) == present
            if is_known and (started <= self._reported[path] or self._doubted.get(path) == present):
                return False
            if is_known:
                self._doubted[path] = present
        self._known[path] = _UNREAD
        return True

    def record(self, path: str, seen: Mark) -> bool:
        """Read a file that has not changed since it had the mark ``seen``; return False if it is too young for that."""
        if self._known.get(path) is not _UNREAD:
            return True
        age_ns = time.time_ns() - seen.mtime_ns
        if age_ns < YOUNG_NS or mark(path) != seen:
            return not 0 <= age_ns < YOUNG_NS
        digest = _read(path, seen)
        if mark(path) == seen:
            self._known[path] = digest
        return True


def _read(path: str, seen: Mark) -> bytes:
    if seen.size > MAX_BYTES:
        return repr(seen).encode()
    try:
        return _digest(_content(path))
    except OSError as error:
        return f"unreadable: {error.errno}".encode()


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


_UNREAD: Final = b"unread"
_MISSING: Final = b"missing"
_EMPTY: Final = _digest(b"")
