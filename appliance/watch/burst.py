"""When a burst of changes is over.

Owns the paths that have changed and the time from which on they can be told. Pure: times are handed in. Where the
kernel has said that a file is whole there is nothing to wait for but its neighbours, so one save waits 2 ms; where it
has not, or where a file has gone that may come back (vim moves it away and writes it anew), there is more patience.
"""

from __future__ import annotations

from typing import Final

WHOLE_S: Final = 0.002
MANY_S: Final = 0.025  # from the third path on it is no save but a tool: git, a formatter, an archive
PARTIAL_S: Final = 0.05
DOUBT_S: Final = 0.06  # a file is missing or empty that was neither: most who save so are done in 10 ms
LONGEST_S: Final = 1.5  # writes without an end must not put a reload off for ever

_MANY: Final = 3


class Burst:
    """Paths that have changed since they were last told."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self.seen: dict[str, float] = {}  # when the last news of each came
        self._doubted: set[str] = set()
        self._last = 0.0
        self._held = 0.0
        self.first = 0.0

    def __bool__(self) -> bool:
        return bool(self._due)

    def add(self, path: str, now: float, *, whole: bool) -> None:
        """``path`` has changed."""
        if not self._due:
            self.first = now
        self._last = now
        self.seen[path] = now
        self._due[path] = now + (WHOLE_S if whole else PARTIAL_S)

    def doubt(self, path: str, now: float) -> bool:
        """Wait a little more for ``path``, unless that was done; whether it is waited for."""
        if path in self._doubted or now - self.first > LONGEST_S:
            return False
        self._doubted.add(path)
        self._due[path] = now + DOUBT_S
        return True

    def hold(self, now: float, seconds: float) -> None:
        """Wait so much longer, however long it has been."""
        self._held = now + seconds

    def due(self) -> float:
        """When it is over, if nothing more happens."""
        last = max(self._due.values())
        if len(self._due) >= _MANY:
            last = max(last, self._last + MANY_S)
        return max(self._held, min(last, max(self.first + LONGEST_S, self._last)))

    def paths(self) -> list[str]:
        """What has changed."""
        return sorted(self._due)

    def over(self) -> None:
        """It has been told."""
        self._due.clear()
        self.seen = {}
        self._held = 0.0
        self._doubted.clear()
