"""Take the errors of open pages, and log them: uncaught exceptions, rejected promises, ``console.error``."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from appliance.server.pages.tracebacks import shorten

if TYPE_CHECKING:
    from collections.abc import Callable

BODY_MAX = 16_384  # bytes of one report
_KINDS = frozenset({"error", "unhandledrejection", "console.error"})
_TEXT_MAX = 4_000  # characters
_PLACE_MAX = 1_000
_AT_ONCE = 20  # reports that may come in a row ...
_PER_SECOND = 5.0  # ... and then so many a second: a page that fails in a loop does not fill the log


class BrowserErrors:
    """Logs the reports of all pages, and no more than a person can read.

    Args:
        report: called with an event's level, name and fields.
        clock: returns the time in seconds.
    """

    def __init__(
        self, report: Callable[[str, str, dict[str, object]], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(_AT_ONCE)
        self._at = clock()
        self._dropped = 0

    def take(self, body: bytes) -> bool:
        """Log one report; return False if it is not a report."""
        try:
            report = json.loads(body)
        except (ValueError, RecursionError):
            return False
        if not isinstance(report, dict) or not isinstance(report.get("kind"), str) or report["kind"] not in _KINDS:
            return False
        dropped = self._admit()
        if dropped is None:
            return True
        fields: dict[str, object] = {
            "type": report["kind"],
            "message": _text(report.get("text"), _TEXT_MAX),
            "place": _text(report.get("place"), _PLACE_MAX),
            "page": _text(report.get("page"), _PLACE_MAX),
        }
        if dropped:
            fields["count"] = dropped + 1
        self._report("error", "browser.error", {key: value for key, value in fields.items() if value})
        return True

    def _admit(self) -> int | None:
        """Return how many reports were dropped since the last one that is logged; None to drop this one too."""
        with self._lock:
            now = self._clock()
            self._left = min(_AT_ONCE, self._left + (now - self._at) * _PER_SECOND)
            self._at = now
            if self._left < 1:
                self._dropped += 1
                return None
            self._left -= 1
            dropped, self._dropped = self._dropped, 0
            return dropped


def _text(value: Any, most: int) -> str:
    return shorten(value, most) if isinstance(value, str) else ""
