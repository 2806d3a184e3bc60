"""How durations are written for people, on the desk's pages and in a terminal.

Runs in the stand-in and in ``appliance requests``.
"""

from __future__ import annotations

_LONG_S = 1.0
_SHORT_S = 0.1
_MILLISECOND_S = 0.001


def duration(seconds: float | None) -> str:
    """Return a duration with its unit; "" for None."""
    if seconds is None:
        return ""
    if 0 < seconds < _MILLISECOND_S:
        return f"{seconds * 1_000_000:.0f} µs"
    if seconds >= _LONG_S:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < _SHORT_S else f"{seconds * 1000:.0f} ms"
