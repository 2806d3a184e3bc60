"""Join lines that belong together: a traceback, a fatal error's stacks, a warning with its source line.

This module knows how such a block begins, continues and ends, and knows no streams or events. Runs in the supervisor,
one ``Blocks`` for each writer whose lines are joined.

Theory of operation. Python prints a traceback line by line. It begins with a heading; indented lines, blank lines and
further headings continue it; a line at the margin (the exception and its message) ends it, unless a heading follows
again, as for an exception that was raised while another one was handled. Whether a block has ended is known when the
next line comes, or when none has come for a moment (``settle``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from appliance.logs.project_output.output_events import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_LINES = 4000  # of a block: a RecursionError has 1000 frames of two to four lines
_FATAL = b"Fatal Python error: "
_START = re.compile(
    rb".*Traceback \(most recent call last\):$"  # also with a logger's text before it
    rb"|Exception (?:in thread|ignored in) .*:?$|Fatal Python error: |--- Logging error ---$"
)
_CONTINUES = re.compile(
    rb"\s|[|+]|$|During handling of the above exception|The above exception was the direct cause"
    rb"|Current thread|Thread 0x|Extension modules: |Python runtime state: |<no Python frame>"
    rb"|(?:Call stack|Stack \(most recent call last\)):$|(?:Message|Arguments): "
)
_WARNING = re.compile(rb"\S.*:\d+: \w*Warning: ")


_FIRST = b"TEF-+| \t"  # the bytes that _START can begin with, except a logger's text before a traceback
_HEADING = b"call last):"


def stands_alone(line: bytes) -> bool:
    """Whether a line belongs to no block when none is open: true for nearly every line, in 0.2 µs."""
    return line[:1] not in _FIRST and b"Warning: " not in line and not line.endswith(_HEADING)


class Block(NamedTuple):
    """The text of one event: one line, or several, joined by newlines."""

    text: bytes
    level: str = "info"


class Blocks:
    """Joins the lines of one writer."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._ended = False  # the last line may have been the last of the block

    @property
    def waiting(self) -> bool:
        """Whether a block is open."""
        return bool(self._lines)

    def feed(self, lines: Sequence[bytes]) -> Iterator[Block]:
        """Take lines that were written at once; return those that are complete."""
        whole = self._warning(lines)
        if whole is not None:
            yield from self.settle()
            yield whole
            return
        ended_here = False
        for line in lines:
            if self._lines and self._belongs(line, ended_here):
                self._lines.append(line)
                if not self._ended and not _CONTINUES.match(line) and not _START.match(line):
                    self._ended = ended_here = True
                elif _START.match(line):
                    self._ended = ended_here = False
                if len(self._lines) >= MAX_LINES:
                    yield from self.settle()
                continue
            yield from self.settle()
            if not isinstance(line, Part) and _START.match(line):
                self._lines.append(line)
            else:
                yield Block(line)

    def settle(self) -> Iterator[Block]:
        """Return the open block, as it is."""
        if self._lines:
            lines, self._lines, self._ended = self._lines, [], False
            yield Block(b"\n".join(lines), "error")

    def _belongs(self, line: bytes, ended_here: bool) -> bool:  # noqa: FBT001  private, and named at its call
        if isinstance(line, Part):
            return False
        if _CONTINUES.match(line):
            return True
        if not self._ended:  # the exception; but a fatal error's stacks end without one
            return not self._lines[0].startswith(_FATAL) or bool(_START.match(line))
        # A message of several lines is written at once; and a chain continues after a blank line.
        return ended_here or (self._lines[-1] == b"" and bool(_START.match(line)))

    def _warning(self, lines: Sequence[bytes]) -> Block | None:
        if len(lines) not in {1, 2} or isinstance(lines[0], Part) or not _WARNING.match(lines[0]):
            return None
        if len(lines) == 2 and (not lines[1].startswith(b"  ") or isinstance(lines[1], Part)):
            return None
        return Block(b"\n".join(lines), "warning")
