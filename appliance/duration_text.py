"""Write durations for people: in the log, on the desk's pages, and in a terminal.

Runs in the supervisor, in the stand-in, in commands, and in the library, whose log it renders.
"""

from __future__ import annotations

_MILLISECOND_S = 0.001


def duration(seconds: float | None) -> str:
    """Return a duration with its unit, in microseconds if it is shorter than a millisecond; "" for None."""
    if seconds is None:
        return ""
    if 0 < seconds < _MILLISECOND_S:
        return f"{seconds * 1_000_000:.0f} µs"
    return rounded_duration(seconds)


def rounded_duration(seconds: float) -> str:
    """Return a duration with its unit; a tenth of a millisecond is the least that it shows, so columns stay narrow."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
