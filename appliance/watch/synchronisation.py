"""Notice that files are still arriving: a tool synchronises the project's folder, and has not finished.

``burst`` decides by the times of the files. This module knows the programs that write the files, the files that are
being written, and for how long more files may come. Runs in the watcher's thread, except for ``arriving_s``.

Decision 49 says why.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from appliance.watch.burst import OPEN_S, SYNC_MAX_S, SYNC_PATHS
from appliance.watch.event_sources import EventType, FileEvent
from appliance.watch.tree import changed_ns, is_archived, is_written_in_place
from appliance.watch.unpackers import IDLE_S, Unpackers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from appliance.watch.burst import Burst
    from appliance.watch.tree import Mark

RETRY_S: Final = 0.01  # between two checks for a program that unpacks files
ARRIVING_S: Final = 1.0  # how long more files may arrive after a burst: the tool may only have paused


class Synchronisation:
    """The known facts about the tool that writes the burst's files.

    Args:
        root: the project's folder.
        burst: the watcher's.
    """

    def __init__(self, root: str, burst: Burst) -> None:
        self._burst = burst
        self._unpackers = Unpackers(root)
        self._running: set[str] = set()  # programs that may write more files of the burst
        self._created: set[str] = set()  # files of the burst whose writers have not closed them
        self._arriving_until = 0.0
        self._fills = False  # the folder was empty at the start, and files have come in it without a long pause since

    def arriving_s(self) -> float:
        """Return for how many seconds more files may come, at least; 0 if none will. Any thread may call this."""
        return max(0.0, self._arriving_until - time.monotonic())

    def began(self, marks: Collection[Mark], started_ns: int, now: float) -> None:
        """Expect more files if many files were new at the start: the tool that wrote these may not have finished.

        The first files of an empty folder are seldom the last, however slowly they come.
        """
        self._fills = not marks
        recent_ns = started_ns - int(ARRIVING_S * 1e9)
        if sum(changed_ns(seen) >= recent_ns for seen in marks) >= SYNC_PATHS:
            self._arriving_until = now + ARRIVING_S

    def burst_begins(self) -> None:
        """Look for programs that unpack files. No save is slower: the watcher waits for the end of the burst anyway."""
        self._running = self._unpackers.running()
        self._burst.note_writer(is_known=bool(self._running))

    def note(self, event: FileEvent, path: str, *, polls: bool) -> None:
        """Note whether a file's writer has closed it. A polled file counts as closed: the kernel may not report it."""
        if event.event_type is EventType.MODIFIED and not polls:
            self._created.add(path)
        else:
            self._created.discard(path)

    def expect_more(self, now: float) -> None:
        """Note that more files may come, if a tool writes the burst, or if the folder was empty before."""
        if self._fills and 0 < self._arriving_until < now:
            self._fills = False
        if self._burst.is_sync or self._fills:
            self._arriving_until = max(now, self._burst.due()) + ARRIVING_S

    def follow_unpackers(self, now: float) -> bool:
        """Postpone the end of the burst while a program writes its files; return whether one does."""
        burst = self._burst
        if not burst.is_sync:
            return False
        self._running = self._unpackers.running()
        if now - burst.last > IDLE_S or now - burst.first > SYNC_MAX_S:
            self._unpackers.give_up(self._running)
            self._running = set()
            burst.note_writer(is_known=False)
        if not self._running:
            return False
        burst.note_writer(is_known=True)
        burst.postpone(now, RETRY_S)
        return True

    def postpone_if_unfinished(self, marks: Mapping[str, Mark | None], now: float) -> bool:
        """Let the burst go on for half-written files, or if an archive may hold more; return whether it goes on."""
        burst = self._burst
        half = [path for path in self._created if marks.get(path) and is_written_in_place(path)]
        waits = burst.wait_for_all(half, now, OPEN_S)
        if not burst.is_sync and any(seen and is_archived(seen) for seen in marks.values()):
            burst.add_archived()
            self.expect_more(now)
        return waits or now < burst.due()

    def burst_ended(self) -> None:
        """Forget the burst: it is reported. If its program has written few files and ended, no more are expected."""
        if self._burst.writer_is_known and len(self._burst.seen) < SYNC_PATHS:
            self._arriving_until = 0.0
        self._running = set()
        self._created.clear()
