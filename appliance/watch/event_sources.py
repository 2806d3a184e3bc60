"""What brings news of files, whoever brings it.

Owns the words that ``inotify`` and ``elsewhere`` have in common, and the source that has no news: where everything is
polled.
"""

from __future__ import annotations

import contextlib
import enum
import os
import select
from typing import NamedTuple, Protocol


class What(enum.Enum):
    """What happened."""

    WRITTEN = enum.auto()  # a file stands there, whole: closed after writing, or moved there
    BEGUN = enum.auto()  # it is new, or was written to; more may follow
    GONE = enum.auto()
    FOLDER_CAME = enum.auto()
    FOLDER_WENT = enum.auto()
    LOST = enum.auto()  # the folder that this names is not at its place any more
    MISSED = enum.auto()  # there was more than could be told
    MOUNTED = enum.auto()  # something was mounted or unmounted, somewhere


class News(NamedTuple):
    """One thing that happened."""

    what: What
    path: str


class Source(Protocol):
    """Who brings news of folders."""

    def add(self, folder: str, *, partial: bool) -> None:
        """Tell of what happens in this folder, not below it; with ``partial``, of each write.

        Raises:
            OSError: it can't be done.
        """

    def drop(self, folder: str) -> None:
        """Tell no more of this folder."""

    def wait(self, timeout_s: float) -> list[News]:
        """What has happened, once something has; nothing when the time is over or ``wake`` was called."""

    def wake(self) -> None:
        """End a wait; from any thread."""

    def close(self) -> None:
        """Give back what it holds."""


class Alarm:
    """Wakes a thread that polls descriptors."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self) -> int:
        """Can be read once it has rung."""
        return self._read

    def ring(self) -> None:
        """Wake it; from any thread."""
        with contextlib.suppress(BlockingIOError):  # it rings already
            os.write(self._write, b"\0")

    def silence(self) -> None:
        """It has been heard."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                continue

    def close(self) -> None:
        """Give back both ends."""
        os.close(self._read)
        os.close(self._write)


class Silence:
    """No news: everything has to be looked at."""

    def __init__(self) -> None:
        self._alarm = Alarm()
        self._poll = select.poll()
        self._poll.register(self._alarm.fileno(), select.POLLIN)

    def add(self, folder: str, *, partial: bool) -> None:
        """Nothing."""

    def drop(self, folder: str) -> None:
        """Nothing."""

    def wait(self, timeout_s: float) -> list[News]:
        """Only waits."""
        if self._poll.poll(timeout_s * 1000):
            self._alarm.silence()
        return []

    def wake(self) -> None:
        """End the wait."""
        self._alarm.ring()

    def close(self) -> None:
        """Give back the alarm."""
        self._alarm.close()
