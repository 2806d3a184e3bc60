"""When to look at files without having been told.

Owns the times of three rounds: the sweep behind events, the poll of what has none, and between two polls a glance at
the files that were edited last. A round's pause follows from the CPU time that it takes: 0.2 % of a processor for the
sweep, 3 % for the poll. Pure but for the clock of the thread.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Final

from appliance.watch.tree import Mark, mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SWEEP_S: Final = (5.0, 600.0)
SWEEP_SHARE: Final = 0.002
POLL_S: Final = (0.1, 3.0)
POLL_SHARE: Final = 0.03
GLANCE_S: Final = 0.1
RECENT: Final = 64
SOON_S: Final = 0.02
AGAIN_S: Final = 0.25


class Rounds:
    """The next time of each."""

    def __init__(self) -> None:
        self.polling = False
        self.told_limits = False
        self._sweep = math.inf
        self._poll = math.inf
        self._glance = math.inf
        self._recent: dict[str, None] = {}

    def begin(self, now: float, *, polls: bool) -> None:
        """Everything has just been looked at."""
        self.polling = polls
        self._sweep = now + SWEEP_S[0]
        self._poll = self._glance = now + POLL_S[0]

    def due(self) -> float:
        """When the next one is due."""
        return min(self._sweep, self._poll, self._glance) if self.polling else self._sweep

    def hurry(self, now: float) -> None:
        """Sweep soon: something was missed."""
        self._sweep = min(self._sweep, now + SOON_S)

    def again(self, now: float) -> None:
        """Sweep in a while: the project's folder is missing."""
        self._sweep = min(self._sweep, now + AGAIN_S)

    def sweep_due(self, now: float) -> bool:
        """Whether to look at everything."""
        return now >= self._sweep

    def poll_due(self, now: float) -> bool:
        """Whether to look at what has no events."""
        return self.polling and now >= self._poll

    def glance_due(self, now: float) -> bool:
        """Whether to look at the last few files."""
        return self.polling and now >= self._glance

    @contextlib.contextmanager
    def sweeping(self, now: float) -> Iterator[None]:
        """Around a sweep."""
        begun = time.thread_time()
        yield
        self._sweep = now + _pause(time.thread_time() - begun, SWEEP_SHARE, SWEEP_S)

    @contextlib.contextmanager
    def polling_all(self, now: float) -> Iterator[None]:
        """Around a poll."""
        begun = time.thread_time()
        yield
        self._poll = now + _pause(time.thread_time() - begun, POLL_SHARE, POLL_S)
        self._glance = now + GLANCE_S

    def glance(self, now: float, files: Mapping[str, Mark]) -> set[str]:
        """Those of the last few files that are not as they were."""
        self._glance = now + GLANCE_S
        return {path for path in self._recent if mark(path) != files.get(path)}

    def remember(self, path: str) -> None:
        """This file was edited: it is likely to be again."""
        self._recent.pop(path, None)
        self._recent[path] = None
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]


def _pause(cost_s: float, share: float, bounds: tuple[float, float]) -> float:
    return min(max(cost_s / share, bounds[0]), bounds[1])
