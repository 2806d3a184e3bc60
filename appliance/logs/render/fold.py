"""Fold repeated lines: show the first, and then how many more there were.

This module only counts. Runs in the supervisor, and in a process that uses the server as a library, if the log is for
people.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

WINDOW_S = 1.0  # what a person does twice is further apart, and is shown twice


class Fold:
    """Counts repetitions of the last line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: Hashable = None
        self._shown_at = 0.0
        self._hidden = 0

    def count(self, key: Hashable) -> tuple[bool, int]:
        """Count a line; return whether to show it, and how many repetitions of the last line were hidden before it."""
        now = self._clock()
        same = key == self._last
        if same and now - self._shown_at < WINDOW_S:
            self._hidden += 1
            return False, 0
        hidden, self._hidden = self._hidden, 0
        self._last, self._shown_at = key, now
        return True, hidden

    def is_last(self, key: Hashable) -> bool:
        """Whether this was the last line."""
        return key == self._last
