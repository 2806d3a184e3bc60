"""Report defects of the supervisor: each becomes one log event that names its place; the exception ends there.

Runs in the supervisor's loop.

Decision 22 says why.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.logs.log import Log

REPEAT_S = 60.0  # between two reports of one place that fails again and again; the second has a count
_PLACES = 100


@dataclass
class _Place:
    reported_at: float
    unreported: int = 0  # failures since then


class Defects:
    """The defects of one supervisor."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._places: dict[str, _Place] = {}

    def report(self, error: BaseException) -> None:
        """Log one event for this error, or none if its place was reported just before. Never raises."""
        with contextlib.suppress(Exception):  # the log itself may fail
            self._report(error)

    def guarded(self, call: Callable[[], object]) -> bool:
        """Make the call, and report its exception instead of raising it; return whether there was none."""
        try:
            call()
        except Exception as error:  # noqa: BLE001  whatever it is, the others of a row must be called too
            self.report(error)
            return False
        return True

    def _report(self, error: BaseException) -> None:
        place, now = place_of(error), time.monotonic()
        known = self._places.get(place)
        if known is not None and now - known.reported_at < REPEAT_S:
            known.unreported += 1
            return
        if known is None and len(self._places) >= _PLACES:
            self._places.clear()
        self._places[place] = _Place(now)
        self._log.event(
            "error", "supervisor.failed", reason=f"{type(error).__name__}: {error}", place=place,
            count=1 + (known.unreported if known else 0),
            action="The appliance keeps running and retries. If it happens again, report it, with this line.",
        )  # fmt: skip
