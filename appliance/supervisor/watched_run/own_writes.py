"""Distinguish a command's own writes from a person's saves, by their time after the command's start. Pure.

A command that writes a watched file at each start writes it after about the same time, however slow the command or the
machine is. A person's saves come after any time.
"""

from __future__ import annotations

from typing import Final

SURELY_S: Final = 1.0  # nobody looks at the started command and saves again so soon
AT_MOST_S: Final = 10.0  # after a start: a command's own writes come before that
RATIO: Final = 2.0  # of two times: up to this, they count as the same time


class OwnWrites:
    """The times from each start of a command to the change that ended it."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def note_change(self, after_s: float) -> bool:
        """Note a change so many seconds after the start; return whether it may be the command's own."""
        last_s, self._last_s = self._last_s, after_s
        return after_s < SURELY_S or (after_s <= AT_MOST_S and max(last_s, after_s) <= RATIO * min(last_s, after_s))
