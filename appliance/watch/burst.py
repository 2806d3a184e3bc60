"""Decide when a burst of changes is over.

A burst holds the changed paths and the time at which they can be reported. Pure: callers pass the times. If the kernel
has reported a file as complete, a burst waits only for changes of other files, so a single save waits half a
millisecond. A burst waits longer if the kernel has not reported a file as complete, or if a missing file may come back
(vim moves a file away and writes it again).

A synchronisation is a burst that no person saves: many files, one after the other, or files with the times of an
archive. The files come over a network, in any order and with pauses. The longer these pauses were, and the longer the
burst has lasted, the longer the burst waits for the next file. Only files that are new in the burst keep it open: a
program that writes the same files without end is reported as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

WHOLE_S: Final = 0.0005
MANY_S: Final = 0.025  # with three paths or more it is not one save but a tool: git, a formatter, an archive
PARTIAL_S: Final = 0.05
MISSING_S: Final = 0.06  # a file has become missing or empty: most editors that save so are done in 10 ms
OPEN_S: Final = 1.0  # a file was created, and its writer has not closed it: it is half-written
MAX_S: Final = 1.5  # endless writes must not postpone a reload forever

SYNC_PATHS: Final = 10  # nobody saves so many files one after the other
PACE_S: Final = 1.0  # the longest pause between two such files; after a longer one the count begins again
ARCHIVED_S: Final = 0.05  # for one file of an archive: more may follow
QUIET_S: Final = 1.0  # the longest wait for the next file: somebody may be waiting for this one
GAPS: Final = 4.0  # the wait is this many times the longest pause
SHARE: Final = 0.25  # or this part of the time that the burst has lasted
SYNC_MAX_S: Final = 30.0  # the page shows at least so often what has arrived

_MANY: Final = 3


class Burst:
    """The paths that have changed since the last report."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}  # for the paths that are not complete
        self._whole_due = 0.0  # for all others
        self.seen: dict[str, float] = {}  # the time of each path's last event
        self._waited_for: set[tuple[str, float]] = set()
        self._newest = 0.0  # the time at which the last new path came
        self._pace: set[str] = set()  # new paths, each soon after the one before; over several bursts
        self._longest_gap = 0.0  # between two of them
        self._archived = False
        self._postponed_to = 0.0
        self._writer_is_known = False
        self.first = 0.0
        self.last = 0.0

    def __bool__(self) -> bool:
        return bool(self.seen)

    @property
    def writer_is_known(self) -> bool:
        """Whether a known program writes the files."""
        return self._writer_is_known

    def note_writer(self, *, is_known: bool) -> None:
        """Note whether a known program writes the files: then its end ends the burst, and not a pause."""
        self._writer_is_known = is_known

    @property
    def is_sync(self) -> bool:
        """Whether the burst is a synchronisation and not a person's save: more files may come."""
        return self._writer_is_known or self._archived or len(self.seen) >= SYNC_PATHS or len(self._pace) >= SYNC_PATHS

    def add(self, path: str, now: float, *, whole: bool) -> None:
        """Add a path that has changed; ``whole``: the kernel has reported it as complete."""
        if not self.seen:
            self.first = now
        if path not in self.seen:
            self._count(path, now)
        self.last = now
        self.seen[path] = now
        if whole:
            self._due.pop(path, None)
            self._whole_due = now + WHOLE_S
        else:
            self._due[path] = now + PARTIAL_S

    def _count(self, path: str, now: float) -> None:
        gap = now - self._newest
        if gap > PACE_S:
            self._pace.clear()
            self._longest_gap = 0.0
        else:
            self._longest_gap = max(self._longest_gap, gap)
        self._pace.add(path)
        self._newest = now

    def add_archived(self) -> None:
        """Note that a file has the time of an archive: tar and its like have written it."""
        self._archived = True

    def wait_for_all(self, paths: Iterable[str], now: float, seconds: float = MISSING_S) -> bool:
        """Wait a little longer for each of these paths; return whether any is waited for."""
        waited = [self.wait_longer(path, now, seconds) for path in paths]  # each is noted
        return any(waited)

    def wait_longer(self, path: str, now: float, seconds: float = MISSING_S) -> bool:
        """Wait a little longer for ``path``, once for each burst and reason; return whether it is waited for."""
        if (path, seconds) in self._waited_for or now > self._limit():
            return False
        self._waited_for.add((path, seconds))
        self._due[path] = now + seconds
        return True

    def postpone(self, now: float, seconds: float) -> None:
        """Wait this much longer, even beyond ``MAX_S``."""
        self._postponed_to = now + seconds

    def _quiet(self) -> float:
        """Return how long after its last new path a synchronisation is over."""
        if self._writer_is_known:
            return MANY_S
        grown = max(self._longest_gap * GAPS, (self._newest - self.first) * SHARE, ARCHIVED_S * self._archived)
        return min(max(MANY_S, grown), QUIET_S)

    def _limit(self) -> float:
        """Return when to report in any case."""
        limit = self.first + MAX_S
        if self.is_sync:
            limit = max(limit, min(self._newest + self._quiet(), self.first + SYNC_MAX_S))
        return limit

    def due(self) -> float:
        """Return when the burst is over, if nothing more happens."""
        last = max(self._due.values(), default=0.0)
        last = max(last, self._whole_due)
        if len(self.seen) >= _MANY:
            last = max(last, self.last + MANY_S)
        if self.is_sync:
            last = max(last, self._newest + self._quiet())
        return max(self._postponed_to, min(last, max(self._limit(), self.last)))

    def paths(self) -> list[str]:
        """Return the changed paths."""
        return sorted(self.seen)

    def clear(self) -> None:
        """Forget everything: the burst has been reported."""
        if len(self.seen) >= SYNC_PATHS:
            self._pace.clear()  # the next file may be a person's save
        self._due.clear()
        self._whole_due = 0.0
        self.seen = {}
        self._archived = self._writer_is_known = False
        self._postponed_to = 0.0
        self._waited_for.clear()
