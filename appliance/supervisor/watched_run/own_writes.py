"""Tell a command's own writes from a person's saves, by how long after its start they come. Pure.

A command that writes a watched file whenever it starts does so after about the same time, however slow it or the
machine is. A person's saves come after any time.
"""

from __future__ import annotations

from typing import Final

SURELY_S: Final = 1.0  # nobody looks at what was started, and saves again, so soon
AT_MOST_S: Final = 10.0  # after a start, a command's own writes come
RATIO: Final = 2.0  # of two times that are about the same


class OwnWrites:
    """The times from each start of a command to the change that ended it."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def note_change(self, after_s: float) -> bool:
        """Note a change so many seconds after the start; return whether it may be the command's own."""
        last_s, self._last_s = self._last_s, after_s
        return after_s < SURELY_S or (
            after_s <= AT_MOST_S and max(last_s, after_s) <= RATIO * max(min(last_s, after_s), SURELY_S / RATIO)
        )
