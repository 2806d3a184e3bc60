"""Collect the output of a remedy, for the pages that show it: readable lines, in batches.

The log has all of it, as that of every child. Runs in the supervisor's loop.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.logs.sanitise import sanitise
from appliance.plural import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.supervisor.loop import Loop, Timer

LINES_S = 0.1  # between two batches of output for the pages
BATCH_MAX = 200  # lines of one batch; the log has all of them
_LINE_MAX = 1_000  # characters
# The sequences with which a program colours a terminal (ECMA-48, control sequences and strings); a page shows only the
# text.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


class RemedyOutput:
    """The output of the present run.

    Args:
        loop: the supervisor's.
        show: takes a batch of lines.

    Attributes:
        last_line: the last line that is not blank.
    """

    def __init__(self, loop: Loop, show: Callable[[list[str]], None]) -> None:
        self._loop = loop
        self._show = show
        self._lines: list[str] = []
        self._left_out = 0
        self._timer: Timer | None = None
        self.last_line = ""

    def clear(self) -> None:
        """Begin with another run."""
        self._lines, self._left_out, self.last_line = [], 0, ""

    def add(self, blocks: Iterable[bytes]) -> None:
        """Add output of the run."""
        for block in blocks:
            for line in block.decode("utf-8", "replace").split("\n"):
                self.last_line = line[:_LINE_MAX].strip() or self.last_line
                if len(self._lines) < BATCH_MAX:
                    self._lines.append(_readable(line))
                else:
                    self._left_out += 1
        if self._timer is None:
            self._timer = self._loop.call_later(LINES_S, self.flush)

    def flush(self) -> None:
        """Show the lines since the last batch."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        if self._left_out:
            lines.append(f"... ({counted(self._left_out, 'more line is', 'more lines are')} in the log)")
            self._left_out = 0
        self._show(lines)


def _readable(line: str) -> str:
    """Return a line for a page: without colours, as a progress bar leaves it, control characters as visible escapes."""
    text = _TERMINAL.sub("", line[: 2 * _LINE_MAX]).rstrip("\r").rpartition("\r")[2]
    return sanitise(text.replace("\t", "    "))[:_LINE_MAX]
