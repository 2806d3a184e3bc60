r"""What a process prints, line by line, to the fields of an ``output`` event.

Owns where a line ends and how long one may be, and which lines are a project's own JSON. Knows nothing of pipes. Runs
in the supervisor, one ``Lines`` for each pipe.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUND = 65_536  # bytes of a line; a longer one goes out in parts

# orjson reads an integer over 64 bits as a float, silently.
_HUGE = re.compile(rb"\d{19}")


class Part(bytes):
    """A piece of a line that was too long, or that had not ended when its writer did."""

    number: int  # from 1
    more: bool  # whether the line goes on in the next part; also true of the last one when no newline ever came

    @classmethod
    def of(cls, data: bytes, *, number: int, more: bool) -> Part:
        """That piece."""
        part = cls(data)
        part.number = number
        part.more = more
        return part


class Lines:
    """Splits one stream of bytes into lines, without their ends (LF, or CR LF)."""

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._held = bytearray()
        self._parts = 0  # of the current line that went out already

    @property
    def held(self) -> bool:
        """Whether some of a line is held."""
        return bool(self._held)

    @property
    def begun(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._held or self._parts)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete; of one over the bound, the parts (``Part``) as they fill."""
        lines: list[bytes] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._held += piece
            self._cut(lines)
            lines.append(self._end(more=False))
        self._held += rest
        self._cut(lines)
        return iter(lines)

    def rest(self) -> Iterator[bytes]:
        """What never ended in a newline, as a ``Part``, once the stream is over; nothing if all did."""
        if self.begun:
            yield self._end(more=True)

    def let_out(self) -> Iterator[bytes]:
        """What is held of a line that goes on, as a ``Part``: nobody waits for its end any longer."""
        if self._held:
            self._parts += 1
            yield Part.of(bytes(self._held), number=self._parts, more=True)
            self._held.clear()

    def _cut(self, lines: list[bytes]) -> None:
        while len(self._held) > self._bound:
            end = self._character_start(self._bound)
            self._parts += 1
            lines.append(Part.of(bytes(self._held[:end]), number=self._parts, more=True))
            del self._held[:end]

    def _character_start(self, end: int) -> int:
        # UTF-8 marks bytes that continue a character with 10xxxxxx, at most three in a row (RFC 3629); binary has no
        # such.
        for start in range(end, max(end - 4, 0), -1):
            if self._held[start] & 0xC0 != 0x80:
                return start
        return end

    def _end(self, *, more: bool) -> bytes:
        line = bytes(self._held).removesuffix(b"\r")
        number = self._parts + 1
        self._held.clear()
        self._parts = 0
        return Part.of(line, number=number, more=more) if number > 1 or more else line


def fields(line: bytes) -> dict[str, Any]:
    """The fields of one line: ``project`` for a JSON object, else ``text``; ``part`` and ``more`` for a piece."""
    if isinstance(line, Part):
        return {"text": line.decode("utf-8", "surrogateescape"), "part": line.number, "more": line.more}
    project = _project(line)
    if project is not None:
        return {"project": project}
    return {"text": line.decode("utf-8", "surrogateescape")}


def _project(line: bytes) -> dict[str, Any] | None:
    trimmed = line.strip()
    if not (trimmed.startswith(b"{") and trimmed.endswith(b"}")):
        return None
    return json_object(trimmed)


def json_object(text: bytes) -> dict[str, Any] | None:
    """The JSON object that this is, every number in it exact; None if it is none."""
    try:
        value = orjson.loads(text) if not _HUGE.search(text) else _exact(text)
    except orjson.JSONDecodeError:  # NaN and lone surrogates, which Python's json writes
        value = _exact(text)
    return value if isinstance(value, dict) else None


def _exact(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=str)
    except (ValueError, RecursionError):
        return None
