"""Choose the pause before a failed start, write or call is tried again: longer after each failure in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def nth_pause_s(pauses_s: Sequence[float], failures: int) -> float:
    """Return the pause in seconds after so many failures in a row, 1 or more. The last pause is repeated.

    >>> [nth_pause_s((0.5, 2.0), failures) for failures in (1, 2, 3)]
    [0.5, 2.0, 2.0]
    """
    return pauses_s[min(failures, len(pauses_s)) - 1]
