"""Choose the few of many inputs that reach, together, every step from line to line that all of them reach.

Owns the measure; libFuzzer's own merge starts itself again by its program's name, which a module of Python has not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

from tests.fuzz.conversation import check

Step = tuple[str, int, int]


def steps(data: bytes) -> set[Step]:
    """The steps from line to line within the server that an input makes it take."""
    seen: set[Step] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if "/appliance/server/" not in name:
            return None
        last = frame.f_lineno

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            seen.add((name, last, frame.f_lineno))
            last = frame.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        check(data)
    finally:
        sys.settrace(None)
    return seen


def least(known: Iterable[bytes], found: Iterable[bytes]) -> list[bytes]:
    """The found inputs, shorter ones first, that reach code which neither the known nor earlier ones reach."""
    reached: set[Step] = set().union(*map(steps, known))
    kept = []
    for data in sorted(found, key=len):
        new = steps(data) - reached
        if new:
            reached |= new
            kept.append(data)
    return kept
