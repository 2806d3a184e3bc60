"""Report failures of the supervisor itself: a defect, or a process that can't be started; try the latter again.

A defect is one log event that names its place, and goes no further. If an action of the lifecycle fails, that becomes
the event that the table has for it, so that no phase lasts forever. Runs in the supervisor's loop.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError, defect, place_of
from appliance.supervisor import lifecycle, lifecycle_events
from appliance.supervisor.reporting import standin_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.logs.setup import Log
    from appliance.supervisor.loop import Loop

RETRY_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)  # before a start that failed is tried again, where that may help
REPEAT_S = 60.0  # a place that fails again and again is reported once in so long, with a count
_PLACES = 100


@dataclass
class _Place:
    reported_at: float
    unreported: int = 0  # failures since then


class Failures:
    """Reports defects of the appliance, and starts that failed."""

    def __init__(self, log: Log, loop: Loop, on_event: Callable[[lifecycle_events.Event], None]) -> None:
        self._log = log
        self._loop = loop
        self._on_event = on_event
        self._places: dict[str, _Place] = {}
        self._retries = 0

    def report(self, error: BaseException) -> None:
        """Log one event for this error, or none if its place was reported just before. Never raises."""
        with contextlib.suppress(Exception):  # the log itself may be what fails
            self._report(error)

    def guarded(self, call: Callable[[], object]) -> bool:
        """Make the call and report its exception, which goes no further; return whether there was none."""
        try:
            call()
        except Exception as error:  # noqa: BLE001  whatever it is, the others of a row must be called too
            self.report(error)
            return False
        return True

    def performing(self, action: lifecycle_events.Action, error: Exception) -> None:
        """Report to the lifecycle that this action has failed, and try it again where that may help."""
        if not isinstance(error, ApplianceError):
            self.report(error)
            error = defect(error)
        else:
            self._log.event("error", error.event, **error.fields())
        failure = lifecycle.failure_of(action, standin_pages.of_error(error))
        if failure is None:
            return
        self._loop.post(partial(self._on_event, failure))
        again = lifecycle.retry_of(action)
        if again is not None and getattr(error, "passing", False):
            wait = RETRY_S[min(self._retries, len(RETRY_S) - 1)]
            self._retries += 1
            self._loop.call_later(wait, partial(self._on_event, again))

    def recovered(self) -> None:
        """A worker serves: the next start that fails is tried again soon."""
        self._retries = 0

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
