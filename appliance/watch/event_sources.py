"""File events, and the interface of their sources.

``inotify`` and ``watchfiles_source`` share these types. The source without events is here too: if it is used,
everything is polled.
"""

from __future__ import annotations

import contextlib
import enum
import os
import select
from typing import NamedTuple, Protocol


class EventType(enum.Enum):
    """The kind of an event."""

    WRITTEN = enum.auto()  # a complete file: closed after writing, or moved there
    MODIFIED = enum.auto()  # it is new, or was written to; more may follow
    DELETED = enum.auto()
    FOLDER_ADDED = enum.auto()
    FOLDER_REMOVED = enum.auto()
    FOLDER_LOST = enum.auto()  # the watched folder itself was moved, deleted or unmounted
    OVERFLOW = enum.auto()  # events were lost: the kernel's queue was full
    MOUNTS_CHANGED = enum.auto()  # something was mounted or unmounted, somewhere


class FileEvent(NamedTuple):
    """One event."""

    event_type: EventType
    path: str


class EventSource(Protocol):
    """Delivers the events of folders."""

    def add(self, folder: str, *, partial: bool) -> None:
        """Report changes in this folder, not below it; with ``partial``, each write too.

        Raises:
            OSError: the folder can't be watched.
        """

    def drop(self, folder: str) -> None:
        """Stop reporting this folder."""

    def wait(self, timeout_s: float) -> list[FileEvent]:
        """Wait for events and return them; return none after the timeout or after ``wake``."""

    def wake(self) -> None:
        """End a wait; any thread may call this."""

    def close(self) -> None:
        """Close everything that it holds open."""


class WakePipe:
    """Wakes a thread that polls descriptors."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self) -> int:
        """Return the descriptor that is readable after ``wake``."""
        return self._read

    def wake(self) -> None:
        """Wake the thread that polls; any thread may call this."""
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes it anyway
            os.write(self._write, b"\0")

    def clear(self) -> None:
        """Empty the pipe, after it has woken the thread."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                continue

    def close(self) -> None:
        """Close both ends."""
        os.close(self._read)
        os.close(self._write)


class NoEvents:
    """No events: everything has to be polled."""

    def __init__(self) -> None:
        self._wake_pipe = WakePipe()
        self._poll = select.poll()
        self._poll.register(self._wake_pipe.fileno(), select.POLLIN)

    def add(self, folder: str, *, partial: bool) -> None:
        """Do nothing."""

    def drop(self, folder: str) -> None:
        """Do nothing."""

    def wait(self, timeout_s: float) -> list[FileEvent]:
        """Wait until the timeout, or until ``wake``."""
        if self._poll.poll(timeout_s * 1000):
            self._wake_pipe.clear()
        return []

    def wake(self) -> None:
        """End the wait."""
        self._wake_pipe.wake()

    def close(self) -> None:
        """Close the pipe."""
        self._wake_pipe.close()
