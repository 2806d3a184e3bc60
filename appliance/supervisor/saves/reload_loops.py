"""Detect one file that causes one reload after the other: log it, and delay its reloads if they never end.

Pure: times are arguments.

Theory of operation. A project may have another program write a watched file whenever it starts: each start then causes
the next. Such a change is always written while a worker starts. A person's save, or an autosave, may also come while a
worker starts, but not several times in a row without another change between them. So after a few such changes in a row,
the reload for this file is delayed: changes of the file wait, and cause one reload when the delay is over. If that
reload causes a change again, the delay doubles: the reloads become rare, and no save is lost. While a reload is
delayed, no reload can have caused a change, so changes are not counted: otherwise each of several fast saves during a
slow start would double the delay. A change at another time, or of another file, ends the count.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Collection

OFTEN: Final = 5  # reloads in a row by one file alone, from which they are logged: a person seldom saves so fast
WITHIN_S: Final = 10.0
LOOP: Final = 6  # changes in a row while a worker starts, from which its reload is delayed
DELAY_S: Final = (3.0, 600.0)


class Reaction(Record):
    """The measures after a change.

    Attributes:
        often: the file to log; empty for none.
        delay_s: the delay of its reload; 0 for none.
    """

    often: str = ""
    delay_s: float = 0.0


class ReloadLoops:
    """The reloads of one project."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=OFTEN)
        self._file = ""  # the one file that has caused the last reloads
        self._reported: set[str] = set()
        self._in_a_row = 0
        self._delay_s = DELAY_S[0]

    def counts(self, files: Collection[str]) -> bool:
        """Whether this is the one file that has changed during the last start."""
        return self._in_a_row > 0 and set(files) == {self._file}

    def saved(self, files: Collection[str], now: float, *, starting: bool) -> Reaction:
        """Count a change of these files; ``starting`` if a worker was being started."""
        only = next(iter(files)) if len(files) == 1 else ""
        if only != self._file or not starting:
            self._in_a_row, self._delay_s = 0, DELAY_S[0]
        if only != self._file:
            self._file = only
            self._last.clear()
        if not only:
            return Reaction()
        self._in_a_row += starting
        if self._in_a_row >= LOOP:
            delay_s, self._delay_s = self._delay_s, min(self._delay_s * 2, DELAY_S[1])
            return Reaction(delay_s=delay_s)
        self._last.append(now)
        if len(self._last) < OFTEN or now - self._last[0] > WITHIN_S or only in self._reported:
            return Reaction()
        self._reported.add(only)
        return Reaction(often=only)
