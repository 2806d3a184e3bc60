"""Decide when to look at files without an event.

There are three kinds of looks. A sweep looks at everything, in case events were lost. A poll looks at folders without
events. Between two polls, the files that were edited last are looked at. The pause after a sweep or poll follows from
the CPU time that it took: 0.2 % of a processor for sweeps, 3 % for polls. Pure, except for the clock of the thread.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SWEEP_S: Final = (5.0, 600.0)
SWEEP_SHARE: Final = 0.002
POLL_S: Final = (0.1, 3.0)
POLL_SHARE: Final = 0.03
RECENT_S: Final = 0.1
MAX_RECENT: Final = 64
SOON_S: Final = 0.02
RETRY_S: Final = 0.25


class Schedule:
    """The next time of each kind of look.

    Attributes:
        polling: some files have no events.
    """

    def __init__(self) -> None:
        self.polling = False
        self._sweep = math.inf
        self._poll = math.inf
        self._recent_at = math.inf
        self._recent: dict[str, None] = {}

    def begin(self, now: float, *, polls: bool) -> None:
        """Begin: everything has just been looked at."""
        self.polling = polls
        self._sweep = now + SWEEP_S[0]
        self._poll = self._recent_at = now + POLL_S[0]

    def set_polling(self, *, polls: bool) -> None:
        """Note whether some files have no events: a mount may have come or gone."""
        self.polling = polls

    def due(self) -> float:
        """Return when the next look is due."""
        return min(self._sweep, self._poll, self._recent_at) if self.polling else self._sweep

    def sweep_soon(self, now: float) -> None:
        """Sweep soon: events were lost."""
        self._sweep = min(self._sweep, now + SOON_S)

    def sweep_again(self, now: float) -> None:
        """Sweep again in a while: the project's folder is missing."""
        self._sweep = min(self._sweep, now + RETRY_S)

    def sweep_due(self, now: float) -> bool:
        """Whether to look at everything."""
        return now >= self._sweep

    def poll_due(self, now: float) -> bool:
        """Whether to scan the folders without events."""
        return self.polling and now >= self._poll

    def recent_due(self, now: float) -> bool:
        """Whether to look at the files that were edited last."""
        return self.polling and now >= self._recent_at

    @contextlib.contextmanager
    def sweeping(self, now: float) -> Iterator[None]:
        """Run a sweep in this context: it measures the time."""
        begun = time.thread_time()
        yield
        self._sweep = now + _pause(time.thread_time() - begun, SWEEP_SHARE, SWEEP_S)

    @contextlib.contextmanager
    def polling_all(self, now: float) -> Iterator[None]:
        """Run a poll in this context: it measures the time."""
        begun = time.thread_time()
        yield
        self._poll = now + _pause(time.thread_time() - begun, POLL_SHARE, POLL_S)
        self._recent_at = now + RECENT_S

    def check_recent(self, now: float, has_changed: Callable[[str], bool]) -> set[str]:
        """Return which of the files that were edited last have changed."""
        self._recent_at = now + RECENT_S
        return set(filter(has_changed, self._recent))

    def add_recent(self, path: str) -> None:
        """Remember this file: it was edited, and is likely to be edited again."""
        self._recent.pop(path, None)
        self._recent[path] = None
        if len(self._recent) > MAX_RECENT:
            del self._recent[next(iter(self._recent))]


def _pause(cost_s: float, share: float, bounds: tuple[float, float]) -> float:
    return min(max(cost_s / share, bounds[0]), bounds[1])
