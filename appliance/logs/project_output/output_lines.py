"""Split the bytes from one pipe of a child into output: lines, blocks of lines, records.

The pieces of each process, thread and request are joined separately, and separately from raw bytes. This module knows
no pipes or events. Runs in the supervisor, one ``OutputLines`` for each pipe.
"""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from appliance.logs.project_output.blocks import Blocks, stands_alone
from appliance.logs.project_output.output_events import Lines, json_object
from appliance.protocol.output_frames import END, RECORD_PART, TEXT, Piece, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SETTLE_S = 0.05  # a traceback is printed within a millisecond
PARTIAL_LINE_S = 1.0  # a text such as "Loading ..." should be visible while the project loads
MAX_SOURCES = 1000  # sources with an unfinished line
MAX_RECORD = 4 * 1024 * 1024  # bytes of a record; the worker sends less


class OutputLine(NamedTuple):
    """One piece of output: a text, or a record's fields. None means unknown."""

    text: bytes
    level: str = "info"
    record: dict[str, Any] | None = None
    at: float | None = None
    pid: int | None = None
    request_id: str | None = None
    raw: bool = False  # written without a frame that says whose it is


class _Source:
    """The unfinished line, block and record of one process, thread and request, or of all raw bytes."""

    def __init__(self, pid: int | None, request_id: str | None, *, raw: bool) -> None:
        self.lines = Lines()
        self.record = bytearray()
        self._blocks = Blocks()
        self._at: float | None = None  # when the kept output began
        self._last_at = 0.0  # when the last of it came (CLOCK_MONOTONIC)
        self._origin = (pid, request_id or None, raw)

    @property
    def waiting(self) -> bool:
        """Whether a block is open."""
        return self._blocks.waiting

    @property
    def idle(self) -> bool:
        """Whether nothing is kept."""
        return not (self.waiting or self.record or self.lines.begun)

    def feed(self, lines: Iterable[bytes], at: float | None) -> Iterator[OutputLine]:
        """Take lines that were written at once; return those that belong to no open block."""
        pid, request_id, raw = self._origin
        self._last_at = monotonic()
        if not self.waiting:
            self._at = at
        for block in self._blocks.feed(list(lines)):
            yield OutputLine(block.text, block.level, None, self._at, pid, request_id, raw)
            self._at = at

    def assume_request(self, request_id: str | None) -> None:
        """Note the request of the next raw bytes; a line or block that began with another request's has none."""
        pid, known, raw = self._origin
        self._origin = (pid, request_id if self.idle or request_id == known else None, raw)

    def settle(self) -> Iterator[OutputLine]:
        """Return the open block."""
        pid, request_id, raw = self._origin
        for block in self._blocks.settle():
            yield OutputLine(block.text, block.level, None, self._at, pid, request_id, raw)

    def flush_partial(self) -> Iterator[OutputLine]:
        """Return the start of a line to which nothing was added for a while."""
        if self.lines.held and monotonic() - self._last_at >= PARTIAL_LINE_S / 2:
            yield from self.feed(self.lines.flush_partial(), self._at)

    def end(self) -> Iterator[OutputLine]:
        """Return everything that is kept; nothing more comes."""
        yield from self.feed(self.lines.rest(), None)
        yield from self.settle()
        if self.record:
            yield self.take_record(None)

    def take_record(self, at: float | None) -> OutputLine:
        """Return the record, whose pieces are all here; or its text, if it is not valid."""
        pid, request_id, raw = self._origin
        payload, self.record = bytes(self.record), bytearray()
        return OutputLine(payload, "info", json_object(payload), at, pid, request_id, raw)


class OutputLines:
    """Reads one pipe. Each piece of it begins with ``mark``; empty if the pipe has no pieces."""

    def __init__(self, mark: bytes = b"") -> None:
        self._reader = Reader(mark)
        self._raw = _Source(None, None, raw=True)
        self._sources: dict[tuple[int, int, str], _Source] = {}

    @property
    def timeout_s(self) -> float | None:
        """The seconds to wait for more before ``settle`` is called; None if nothing is kept."""
        sources = (self._raw, *self._sources.values())
        if any(source.waiting for source in sources):
            return SETTLE_S
        return PARTIAL_LINE_S if any(source.lines.held for source in sources) else None

    def feed(self, data: bytes, raw_request: Callable[[], str | None] = lambda: None) -> Iterator[OutputLine]:
        """Return the output that these bytes complete. ``raw_request`` returns the request of raw bytes, if known."""
        for piece in self._reader.feed(data):
            if isinstance(piece, Piece):
                yield from self._feed_piece(piece)
            else:
                self._raw.assume_request(raw_request())
                yield from self._raw.feed(self._raw.lines.feed(piece), None)

    def settle(self) -> Iterator[OutputLine]:
        """Return the open blocks, and the lines that have been unfinished for too long."""
        for source in (self._raw, *self._sources.values()):
            yield from source.settle()
            yield from source.flush_partial()
        for key, source in list(self._sources.items()):
            self._forget_if_idle(key, source)
        # A process that ended in the middle of a line did not report its end.
        begun = list(self._sources)
        for key in begun[: max(0, len(begun) - MAX_SOURCES)]:
            yield from self._sources.pop(key).end()

    def rest(self) -> Iterator[OutputLine]:
        """Return all that is kept, once nothing more comes."""
        if held := self._reader.rest():
            yield from self._raw.feed(self._raw.lines.feed(held), None)
        for source in (*self._sources.values(), self._raw):
            yield from source.end()
        self._sources.clear()

    def _feed_piece(self, piece: Piece) -> Iterator[OutputLine]:
        key = (piece.pid, piece.thread, piece.request_id)
        source = self._sources.get(key)
        data = piece.data
        if source is None and piece.kind == TEXT and data.endswith(b"\n") and data.count(b"\n") == 1:
            # Nearly every piece is this: a whole line of a source without an unfinished one.
            line = data[:-1].removesuffix(b"\r")
            if stands_alone(line):
                yield OutputLine(line, "info", None, piece.at, piece.pid, piece.request_id or None)
                return
        if source is None:
            source = self._sources[key] = _Source(piece.pid, piece.request_id, raw=False)
        if piece.kind == TEXT:
            yield from source.feed(source.lines.feed(piece.data), piece.at)
        elif piece.kind == END:
            yield from source.feed(source.lines.rest(), piece.at)
        else:
            if len(source.record) < MAX_RECORD:
                source.record += piece.data
            if piece.kind != RECORD_PART:
                yield from source.settle()
                yield source.take_record(piece.at)
        self._forget_if_idle(key, source)

    def _forget_if_idle(self, key: tuple[int, int, str], source: _Source) -> None:
        if source.idle:
            self._sources.pop(key, None)


def loads(payload: bytes) -> Any:
    """Parse with orjson, and with the standard library what orjson refuses (lone surrogates, NaN)."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)
