"""What comes out of one pipe of a child, to what was said: lines, blocks of lines, records.

Owns who said what: the pieces of each process, thread and request are put together apart from each other, and from what
was written raw. Knows nothing of pipes or events. Runs in the supervisor, one ``Words`` for each pipe.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from appliance.logs.blocks import Blocks
from appliance.logs.output import Lines
from appliance.tagged import END, RECORD_PART, TEXT, Piece, Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_RECORD = 4 * 1024 * 1024  # bytes of a record; the worker sends less


class Said(NamedTuple):
    """One thing that was said: a text, or a record's fields. What is None is not known."""

    text: bytes
    level: str = "info"
    record: dict[str, Any] | None = None
    at: float | None = None
    pid: int | None = None
    request_id: str | None = None
    raw: bool = False  # nothing says whose it is


class _Speaker:
    """One process, thread and request, or whoever writes raw: the line, the block and the record that it is at."""

    def __init__(self, pid: int | None, request_id: str | None, *, raw: bool) -> None:
        self.lines = Lines()
        self.record = bytearray()
        self._blocks = Blocks()
        self._at: float | None = None  # when what is kept was begun
        self._whose = (pid, request_id or None, raw)

    @property
    def waiting(self) -> bool:
        """Whether a block is kept."""
        return self._blocks.waiting

    @property
    def idle(self) -> bool:
        """Whether nothing is kept."""
        return not (self.waiting or self.record or self.lines.begun)

    def said(self, lines: Iterable[bytes], at: float | None) -> Iterator[Said]:
        """These lines, written at once, as far as they are no block that goes on."""
        pid, request_id, raw = self._whose
        if not self.waiting:
            self._at = at
        for block in self._blocks.feed(list(lines)):
            yield Said(block.text, block.level, None, self._at, pid, request_id, raw)
            self._at = at

    def settle(self) -> Iterator[Said]:
        """The block that is kept."""
        pid, request_id, raw = self._whose
        for block in self._blocks.settle():
            yield Said(block.text, block.level, None, self._at, pid, request_id, raw)

    def recorded(self, at: float | None) -> Said:
        """The record whose pieces are all here; the text where it is none."""
        pid, request_id, raw = self._whose
        payload, self.record = bytes(self.record), bytearray()
        try:
            record = loads(payload)
        except (ValueError, RecursionError):
            record = None
        return Said(payload, "info", record if isinstance(record, dict) else None, at, pid, request_id, raw)


class Words:
    """Reads one pipe. ``mark`` is what its pieces begin with; empty where there are none."""

    def __init__(self, mark: bytes = b"") -> None:
        self._reader = Reader(mark)
        self._raw = _Speaker(None, None, raw=True)
        self._speakers: dict[tuple[int, int, str], _Speaker] = {}

    @property
    def waiting(self) -> bool:
        """Whether something is kept that ``settle`` would let out."""
        return self._raw.waiting or any(speaker.waiting for speaker in self._speakers.values())

    def feed(self, data: bytes) -> Iterator[Said]:
        """What these bytes complete."""
        for piece in self._reader.feed(data):
            if isinstance(piece, Piece):
                yield from self._heard(piece)
            else:
                yield from self._raw.said(self._raw.lines.feed(piece), None)

    def settle(self) -> Iterator[Said]:
        """The blocks that were waited for to go on."""
        yield from self._raw.settle()
        for key, speaker in list(self._speakers.items()):
            yield from speaker.settle()
            self._forget_if_idle(key, speaker)

    def rest(self) -> Iterator[Said]:
        """All that is kept, once nothing more comes."""
        if held := self._reader.rest():
            yield from self._raw.said(self._raw.lines.feed(held), None)
        for speaker in (*self._speakers.values(), self._raw):
            yield from speaker.said(speaker.lines.rest(), None)
            yield from speaker.settle()
            if speaker.record:
                yield speaker.recorded(None)
        self._speakers.clear()

    def _heard(self, piece: Piece) -> Iterator[Said]:
        key = (piece.pid, piece.thread, piece.request_id)
        speaker = self._speakers.get(key)
        if speaker is None:
            speaker = self._speakers[key] = _Speaker(piece.pid, piece.request_id, raw=False)
        if piece.kind == TEXT:
            yield from speaker.said(speaker.lines.feed(piece.data), piece.at)
        elif piece.kind == END:
            yield from speaker.said(speaker.lines.rest(), piece.at)
        else:
            if len(speaker.record) < MAX_RECORD:
                speaker.record += piece.data
            if piece.kind != RECORD_PART:
                yield from speaker.settle()
                yield speaker.recorded(piece.at)
        self._forget_if_idle(key, speaker)

    def _forget_if_idle(self, key: tuple[int, int, str], speaker: _Speaker) -> None:
        if speaker.idle:
            self._speakers.pop(key, None)


def loads(payload: bytes) -> Any:
    """orjson, and the standard library's parser for what it refuses (lone surrogates, NaN)."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)
