"""Decide when the recorder stores the lines and details that have arrived.

Theory of operation. Lines are stored once none has come for ``QUIET_S``, and under steady load after ``_LATEST_S``, as
long as that takes a small share of a processor. If storing would take more than the share, they wait up to ``_LATE_S``,
or until the memory is half full and storing takes at most ``_MOST_SHARE``. In a flood of requests they wait on: those
that are overwritten would be removed from the database as the oldest anyway, and a load test measures the server.

Decision 61 says why.
"""

from __future__ import annotations

QUIET_S = 0.02  # the supervisor collects lines for longer, so there are such pauses under load too
SILENCE_S = 0.1  # the load has ended
_SHARE = 1 / 200  # of one processor, while lines come without a pause
_AHEAD_S = 10.0  # seconds whose share may be used at once: plenty for the requests of a person
_MOST_SHARE = 5 / 100
_LATEST_S = 0.25
_LATE_S = 5.0


class StoreSchedule:
    """Times are of ``time.monotonic``, in seconds."""

    def __init__(self) -> None:
        self._spent_until = 0.0  # up to which time the share of a processor is used up
        self._most_until = 0.0  # the same for the larger share

    def is_spent(self, now: float) -> bool:
        """Whether the share is used up: it is enough to look for lines now and then."""
        return now < self._spent_until - _AHEAD_S

    def should_wait(self, now: float, oldest: float, newest: float, *, flood: bool = False, full: bool = False) -> bool:
        """Whether to wait for more.

        Args:
            now: the time.
            oldest: when the first of what is not stored came.
            newest: when the last of it came; ``now`` if it has come since the last look.
            flood: lines that are overwritten now would not be kept anyway.
            full: lines will be overwritten soon.
        """
        if now - newest >= SILENCE_S:
            return False
        if not self.is_spent(now):
            return newest >= now and now < oldest + _LATEST_S
        return flood or now < self._most_until or not (full or now >= oldest + _LATE_S)

    def stored(self, now: float, took: float) -> None:
        """Note how many seconds of a processor storing took."""
        self._spent_until = max(self._spent_until, now) + took / _SHARE
        self._most_until = now + took / _MOST_SHARE
