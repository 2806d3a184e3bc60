"""Turn a process's output into the fields of ``output`` events, line by line.

This module knows where a line ends and how long it may be, and which lines are a project's own JSON; it knows no pipes.
Runs in the supervisor, one ``Lines`` for each pipe; parts of it run in a process that uses the server as a library.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 65_536  # bytes of a line; a longer one is split into parts

# orjson reads an integer over 64 bits as a float, silently.
_HUGE = re.compile(rb"\d{19}")


class Part(bytes):
    """A piece of a line that was too long, or that had not ended when its writer ended."""

    number: int  # from 1
    more: bool  # whether the line continues in the next part; also true of the last part if no newline ever came

    @classmethod
    def of(cls, data: bytes, *, number: int, more: bool) -> Part:
        """Make a part."""
        part = cls(data)
        part.number = number
        part.more = more
        return part


class Lines:
    """Splits one stream of bytes into lines, without their ends (LF, or CR LF)."""

    def __init__(self, bound: int = MAX_LINE) -> None:
        self._bound = bound
        self._held = bytearray()
        self._parts = 0  # parts of the current line that were returned already

    @property
    def held(self) -> bool:
        """Whether a part of a line is held back."""
        return bool(self._held)

    @property
    def begun(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._held or self._parts)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return the lines that these bytes complete; of a line over the limit, each full ``Part``."""
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
        """Return the line without an end as a ``Part``, once the stream has ended; nothing if there is none."""
        if self.begun:
            yield self._end(more=True)

    def flush_partial(self) -> Iterator[bytes]:
        """Yield the begun part of an unfinished line, as a ``Part``, without waiting for its end."""
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
        # In UTF-8, bytes that continue a character begin with 10, at most three in a row (RFC 3629). Binary data has no
        # characters, so its cut may fall anywhere.
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
    """Return the fields of one line: ``project`` for a JSON object, else ``text``; ``part`` and ``more`` for a part."""
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
    """Return the JSON object in this text, with every number exact; None if it is not a JSON object."""
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
