"""What the files held when they were last looked at, so that a touch is no change.

Owns a digest for each file. A digest that is wrong would hide a change, so none is kept that could be: not of a file
that was written while it was read, nor of one so young that a second write could bear the same time stamp (git calls
that racily clean; the kernel's clock for files ticks every 4 ms, some file systems keep whole seconds).
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zlib import crc32

from appliance.watch.tree import Mark, mark

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST: Final = 8 * 1024 * 1024  # of larger ones the time stamp has to do
YOUNG_NS: Final = 2_000_000_000


@dataclass(frozen=True)
class Met:
    """A file as a worker has met it.

    Attributes:
        mark: its mark before it was read; None where it was not there.
        checksum: a CRC-32 of what was read, or -1 where that is not known.
    """

    mark: Mark | None
    checksum: int = -1

    def differs(self, path: str) -> bool:
        """Whether it is another one now. A young file is read: two writes in one tick of the clock bear one mark."""
        now = mark(path)
        if now != self.mark or now is None:
            return now != self.mark
        if self.checksum < 0 or time.time_ns() - now.mtime_ns > YOUNG_NS:
            return False
        try:
            with open(path, "rb", buffering=0) as file:
                return crc32(file.read(LARGEST)) != self.checksum and now.size <= LARGEST
        except OSError:
            return True


class FileContents:
    """Digests by path; a path that is missing here was not there."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def there(self, paths: Iterable[str]) -> None:
        """These hold something, whatever it is."""
        for path in paths:
            self._known.setdefault(path, _UNREAD)

    def was_full(self, path: str) -> bool:
        """Whether it was there, with something in it as far as is known."""
        return self._known.get(path, _EMPTY) != _EMPTY

    def changed(self, path: str, now: Mark | None) -> bool:
        """Whether it holds something else than when it was last asked for; what it holds is known from now on."""
        if now is None:
            return self._known.pop(path, None) is not None
        digest = _read(path, now)
        changed = self._known.get(path) != digest
        self._known[path] = digest
        return changed

    def learn(self, path: str, seen: Mark) -> None:
        """Get to know a file that nothing has happened to since it was ``seen``."""
        if self._known.get(path) is not _UNREAD or time.time_ns() - seen.mtime_ns < YOUNG_NS or mark(path) != seen:
            return
        digest = _read(path, seen)
        if mark(path) == seen:
            self._known[path] = digest


def _read(path: str, seen: Mark) -> bytes:
    if seen.size > LARGEST:
        return repr(seen).encode()
    try:
        with open(path, "rb", buffering=0) as file:
            return _digest(file.read())
    except OSError as error:
        return f"unreadable: {error.errno}".encode()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


_UNREAD: Final = b"unread"
_EMPTY: Final = _digest(b"")
