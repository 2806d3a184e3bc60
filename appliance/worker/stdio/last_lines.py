"""Keep the last lines that this process printed or logged, for an error page.

Runs in the worker, in the thread that prints: an append costs less than 0.1 µs, decoding waits until a page asks.
"""

from __future__ import annotations

from collections import deque

_MOST_WRITES = 60
_MAX_WRITE = 4096  # bytes of one write, from its end
_MAX_MESSAGE = 2048  # characters of a record's message
MOST_LINES = 30


class LastLines:
    """The last writes of both streams, in their order."""

    def __init__(self) -> None:
        self._writes: deque[bytes | tuple[str, str, str]] = deque(maxlen=_MOST_WRITES)

    def add(self, text: bytes) -> None:
        """Add whole lines that were printed."""
        self._writes.append(text if len(text) <= _MAX_WRITE else text[-_MAX_WRITE:])

    def add_record(self, level: str, logger: str, message: str) -> None:
        """Add a record of ``logging``."""
        self._writes.append((level, logger, message[:_MAX_MESSAGE]))

    def lines(self) -> list[str]:
        """Return the last lines as texts."""
        found: list[str] = []
        for each in reversed(self._writes.copy()):  # another thread may print
            if isinstance(each, tuple):
                level, logger, message = each
                text = f"{level} {logger}: {message}"
            else:
                text = each.decode("utf-8", "replace")
            found[:0] = text.rstrip("\n").split("\n")
            if len(found) >= MOST_LINES:
                break
        return found[-MOST_LINES:]
