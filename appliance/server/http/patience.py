"""How long a slow client is waited for: by what it brings, not by the clock alone."""

from __future__ import annotations

# A client that is slow is waited for as long as it brings or takes this much; one that trickles is not.
_BYTES_PER_SECOND = 1024.0


class Patience:
    """How long a client may keep us waiting, all its silences together; what it brings buys time back.

    Args:
        seconds: at the most, at any time.
        rate: bytes that buy back a second.
    """

    __slots__ = ("_full", "_rate", "left")

    def __init__(self, seconds: float, rate: float = _BYTES_PER_SECOND) -> None:
        self._full = self.left = seconds
        self._rate = rate

    def earn(self, amount: int) -> None:
        """The client brought this many bytes."""
        self.left = min(self._full, self.left + amount / self._rate)
