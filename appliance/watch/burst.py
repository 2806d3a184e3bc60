"""Decide when a burst of changes is over.

A burst holds the changed paths and the time at which they can be reported. Pure: callers pass the times. If the kernel
has reported a file as complete, a burst only waits for changes of other files, so one save waits 2 ms. If it has not,
or if a file is gone that may come back (vim moves it away and writes it again), a burst waits longer.
"""

from __future__ import annotations

from typing import Final

WHOLE_S: Final = 0.002
MANY_S: Final = 0.025  # from the third path on it is not one save but a tool: git, a formatter, an archive
PARTIAL_S: Final = 0.05
MISSING_S: Final = 0.06  # a file is missing or empty that was not: most editors that save so are done in 10 ms
MAX_S: Final = 1.5  # endless writes must not postpone a reload forever

_MANY: Final = 3


class Burst:
    """The paths that have changed since the last report."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self.seen: dict[str, float] = {}  # the time of each path's last event
        self._waited_for: set[str] = set()
        self._last = 0.0
        self._postponed_to = 0.0
        self.first = 0.0

    def __bool__(self) -> bool:
        return bool(self._due)

    def add(self, path: str, now: float, *, whole: bool) -> None:
        """Add a path that has changed; ``whole``: the kernel has reported it as complete."""
        if not self._due:
            self.first = now
        self._last = now
        self.seen[path] = now
        self._due[path] = now + (WHOLE_S if whole else PARTIAL_S)

    def wait_longer(self, path: str, now: float) -> bool:
        """Wait a little longer for ``path``, once for each burst; return whether it is waited for."""
        if path in self._waited_for or now - self.first > MAX_S:
            return False
        self._waited_for.add(path)
        self._due[path] = now + MISSING_S
        return True

    def postpone(self, now: float, seconds: float) -> None:
        """Wait this much longer, even beyond ``MAX_S``."""
        self._postponed_to = now + seconds

    def due(self) -> float:
        """Return when the burst is over, if nothing more happens."""
        last = max(self._due.values())
        if len(self._due) >= _MANY:
            last = max(last, self._last + MANY_S)
        return max(self._postponed_to, min(last, max(self.first + MAX_S, self._last)))

    def paths(self) -> list[str]:
        """Return the changed paths."""
        return sorted(self._due)

    def clear(self) -> None:
        """Forget everything: the burst has been reported."""
        self._due.clear()
        self.seen = {}
        self._postponed_to = 0.0
        self._waited_for.clear()
