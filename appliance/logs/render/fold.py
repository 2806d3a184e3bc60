"""Lines that say the same again and again: the first is shown, and then how many more there were.

Owns the counting. Knows nothing of what a line says. Runs in the supervisor, where the log is for people.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

WINDOW_S = 1.0  # what a person does twice is further apart, and is shown twice


class Fold:
    """Counts repetitions of what came last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: Hashable = None
        self._shown_at = 0.0
        self._hidden = 0

    def again(self, what: Hashable) -> tuple[bool, int]:
        """Whether it is to be shown, and how many were not: of the one before, or of the same, which then is."""
        now = self._clock()
        same = what == self._last
        if same and now - self._shown_at < WINDOW_S:
            self._hidden += 1
            return False, 0
        hidden, self._hidden = self._hidden, 0
        self._last, self._shown_at = what, now
        return True, hidden

    def is_last(self, what: Hashable) -> bool:
        """Whether that came last."""
        return what == self._last
