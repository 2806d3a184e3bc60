"""One file that causes one reload after the other: when that is worth a word, and when it is a circle.

Owns the counts. Pure: times are handed in. Runs in the supervisor's loop.

Theory of operation. A project may have another program write a watched file whenever it starts: each start then causes
the next. Such a change always comes while a worker starts. A person's, or an editor's that saves by itself, does so now
and then, but not time after time with nothing else in between. So after a few in a row the file is held: its changes
wait, and cause one reload when the time is over. If that one causes a change again, the time doubles: the circle fades,
and no save is lost for good. A change that comes at another time, or of another file, ends it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

OFTEN: Final = 3  # reloads by one file, and by nothing else
WITHIN_S: Final = 10.0
CIRCLE: Final = 6  # changes in a row, each while a worker starts
HELD_S: Final = (3.0, 600.0)


@dataclass(frozen=True)
class Verdict:
    """What to do about a change.

    Attributes:
        often: the file that is worth a word; empty for none.
        held_s: for how long its reload is put off; 0 for not at all.
    """

    often: str = ""
    held_s: float = 0.0


class ReloadRepeats:
    """The reloads of one project."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=OFTEN)
        self._file = ""  # that alone has caused the last reloads
        self._said: set[str] = set()
        self._circle = 0
        self._held_s = HELD_S[0]

    def saved(self, files: Collection[str], now: float, *, starting: bool) -> Verdict:
        """These files have changed; ``starting``: while a worker was being started."""
        only = next(iter(files)) if len(files) == 1 else ""
        if only != self._file or not starting:
            self._circle, self._held_s = 0, HELD_S[0]
        if only != self._file:
            self._file = only
            self._last.clear()
        if not only:
            return Verdict()
        self._circle += starting
        if self._circle >= CIRCLE:
            held_s, self._held_s = self._held_s, min(self._held_s * 2, HELD_S[1])
            return Verdict(held_s=held_s)
        self._last.append(now)
        if len(self._last) < OFTEN or now - self._last[0] > WITHIN_S or only in self._said:
            return Verdict()
        self._said.add(only)
        return Verdict(often=only)
