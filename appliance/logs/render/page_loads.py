"""Fold the requests of one page load: hold the page's line for a moment, and count its assets into it.

This module knows which request is a page, and which one belongs to the page before it. It renders nothing. Runs in the
supervisor, and in a process that uses the server as a library, if the log is for people and ACCESS_LOG is ``pages``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.plural import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

QUIET_S = 0.4  # a page load is over when its browser has sent no request for this long
_ASSETS = frozenset(
    {
        *("css", "js", "map", "mjs", "wasm", "webmanifest"),
        *("avif", "bmp", "gif", "ico", "jpeg", "jpg", "png", "svg", "webp"),
        *("eot", "otf", "ttf", "woff", "woff2"),
        *("mp3", "mp4", "ogg", "webm"),
    }
)
_NOT_MODIFIED = 304


class PageLoads:
    """Holds the line of the last page."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: list[str] = []
        self._assets = 0
        self._unmodified = 0
        self._last = 0.0  # when the last request of the page ended

    @property
    def holding(self) -> bool:
        """Whether a line is held."""
        return bool(self._lines)

    @property
    def due_s(self) -> float:
        """Seconds until the held line is to be shown."""
        return self._last + QUIET_S - self._clock()

    def count_asset(self, fields: Mapping[str, object]) -> bool:
        """Count a request that belongs to the held page; return whether it does."""
        unmodified = fields.get("http.response.status_code") == _NOT_MODIFIED
        if not self._lines or not (unmodified or _is_asset(fields)) or not _is_plain(fields):
            return False
        self._assets += 1
        self._unmodified += unmodified
        self._last = self._clock()
        return True

    def hold(self, fields: Mapping[str, object], lines: list[str]) -> bool:
        """Hold the line of a page, or of an asset whose page is unknown; return whether it is held."""
        if not _is_plain(fields):
            return False
        self._lines, self._assets, self._unmodified = lines, 0, 0
        self._last = self._clock()
        return True

    def release(self) -> list[str]:
        """Return the held lines, the first one with the number of assets."""
        lines, self._lines = self._lines, []
        if lines and self._assets:
            unmodified = f", {self._unmodified} not modified" if self._unmodified else ""
            lines = [f"{lines[0]} + {counted(self._assets, 'asset')}{unmodified}", *lines[1:]]
        return lines


def _is_plain(fields: Mapping[str, object]) -> bool:
    """Whether a request may wait for its line, or go without one: it succeeded, and only asked."""
    status = fields.get("http.response.status_code")
    return (
        fields.get("http.request.method") in {"GET", "HEAD"}
        and isinstance(status, int)
        and status < 400
        and "reason" not in fields
        and "slow" not in fields
    )


def _is_asset(fields: Mapping[str, object]) -> bool:
    name = str(fields.get("url.path", "")).rpartition("/")[2]
    return name.rpartition(".")[2].lower() in _ASSETS
