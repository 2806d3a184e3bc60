"""Tell for how long the supervisor has shown no progress, as this process has seen it.

Only time in which this process ran counts: after a pause of the container, or a machine's sleep, neither has had any.
"""

from __future__ import annotations

TICK_S = 1.0  # between two looks
_LONGEST_S = 2 * TICK_S  # what one look can add


class Liveness:
    """Compares the supervisor's beats.

    Attributes:
        stalled_s: for how long the number of beats has not changed.
    """

    def __init__(self, now: float) -> None:
        self.stalled_s = 0.0
        self._beats = -1
        self._looked_at = now

    def look(self, beats: int, now: float) -> None:
        """Take the supervisor's number of beats at this time."""
        passed = min(now - self._looked_at, _LONGEST_S)
        self._looked_at = now
        self.stalled_s = 0.0 if beats != self._beats else self.stalled_s + passed
        self._beats = beats
