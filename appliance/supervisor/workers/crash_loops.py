"""Notice a crash loop, in which workers die one after another: the log reports it once, with the usual cause.

Pure: times are arguments.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

LOOP_DEATHS = 5  # this many deaths of workers, each within LOOP_S after the one before, are not an accident
LOOP_S = 10.0


class CrashLoops:
    """The deaths of workers in a short time."""

    def __init__(self) -> None:
        self._deaths: list[tuple[float, str]] = []  # when and how the last workers died
        self._reported = False

    def died(self, how: str, now: float) -> dict[str, Any] | None:
        """Note a death at ``now``; return the fields of the loop's event if this death makes it a loop."""
        recent = [(at, how) for at, how in self._deaths if now - at < LOOP_S]
        if not recent:
            self._reported = False
        self._deaths = [*recent[1 - LOOP_DEATHS :], (now, how)]
        if len(self._deaths) < LOOP_DEATHS or self._reported:
            return None
        self._reported = True
        return {
            "count": len(self._deaths),
            "duration_s": round(now - self._deaths[0][0], 1),
            "how": Counter(each for _, each in self._deaths).most_common(1)[0][0],
            "action": "It is started again each time. The lines above show what each worker did last.",
        }
