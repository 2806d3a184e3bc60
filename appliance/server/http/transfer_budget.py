"""Limit how long a client may take over a body or a response: by the bytes transferred, not by time alone."""

from __future__ import annotations

# The server waits for a slow client that transfers at least this much a second, and for no slower one.
_BYTES_PER_SECOND = 1024.0


class TransferBudget:
    """The time for which a client may keep the server waiting, in all waits together. Transferred bytes extend it.

    Args:
        seconds: the maximum at any moment.
        rate: bytes that add one second.
    """

    __slots__ = ("_full", "_rate", "left")

    def __init__(self, seconds: float, rate: float = _BYTES_PER_SECOND) -> None:
        self._full = self.left = seconds
        self._rate = rate

    def extend_by(self, amount: int) -> None:
        """Add time for the bytes that the client transferred."""
        self.left = min(self._full, self.left + amount / self._rate)
