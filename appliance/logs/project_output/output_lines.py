"""What comes out of one pipe of a child, to what was said: lines, blocks of lines, records.

Owns who said what: the pieces of each process, thread and request are put together apart from each other, and from what
was written raw. Knows nothing of pipes or events. Runs in the supervisor, one ``OutputLines`` for each pipe.
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
HALF_S = 1.0  # "Loading ..." should be seen while it loads
MAX_SPEAKERS = 1000  # that have begun a line and not ended it
MAX_RECORD = 4 * 1024 * 1024  # bytes of a record; the worker sends less


class OutputLine(NamedTuple):
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
        self._heard = 0.0  # when the last of it came (CLOCK_MONOTONIC)
        self._whose = (pid, request_id or None, raw)

    @property
    def waiting(self) -> bool:
        """Whether a block is kept."""
        return self._blocks.waiting

    @property
    def idle(self) -> bool:
        """Whether nothing is kept."""
        return not (self.waiting or self.record or self.lines.begun)

    def said(self, lines: Iterable[bytes], at: float | None) -> Iterator[OutputLine]:
        """These lines, written at once, as far as they are no block that goes on."""
        pid, request_id, raw = self._whose
        self._heard = monotonic()
        if not self.waiting:
            self._at = at
        for block in self._blocks.feed(list(lines)):
            yield OutputLine(block.text, block.level, None, self._at, pid, request_id, raw)
            self._at = at

    def seems_of(self, request_id: str | None) -> None:
        """Raw bytes come that may be this request's; a line or block that began as another's is nobody's."""
        pid, known, raw = self._whose
        self._whose = (pid, request_id if self.idle or request_id == known else None, raw)

    def settle(self) -> Iterator[OutputLine]:
        """The block that is kept."""
        pid, request_id, raw = self._whose
        for block in self._blocks.settle():
            yield OutputLine(block.text, block.level, None, self._at, pid, request_id, raw)

    def let_out(self) -> Iterator[OutputLine]:
        """The start of a line that nothing has been added to for a while."""
        if self.lines.held and monotonic() - self._heard >= HALF_S / 2:
            yield from self.said(self.lines.let_out(), self._at)

    def end(self) -> Iterator[OutputLine]:
        """Everything that is kept; nothing more comes."""
        yield from self.said(self.lines.rest(), None)
        yield from self.settle()
        if self.record:
            yield self.recorded(None)

    def recorded(self, at: float | None) -> OutputLine:
        """The record whose pieces are all here; the text where it is none."""
        pid, request_id, raw = self._whose
        payload, self.record = bytes(self.record), bytearray()
        return OutputLine(payload, "info", json_object(payload), at, pid, request_id, raw)


class OutputLines:
    """Reads one pipe. ``mark`` is what its pieces begin with; empty where there are none."""

    def __init__(self, mark: bytes = b"") -> None:
        self._reader = Reader(mark)
        self._raw = _Speaker(None, None, raw=True)
        self._speakers: dict[tuple[int, int, str], _Speaker] = {}

    @property
    def patience_s(self) -> float | None:
        """How long to wait for more before ``settle`` is called; None where nothing is kept."""
        speakers = (self._raw, *self._speakers.values())
        if any(speaker.waiting for speaker in speakers):
            return SETTLE_S
        return HALF_S if any(speaker.lines.held for speaker in speakers) else None

    def feed(self, data: bytes, whose: Callable[[], str | None] = lambda: None) -> Iterator[OutputLine]:
        """What these bytes complete. ``whose`` is asked for the request that may have written raw bytes now."""
        for piece in self._reader.feed(data):
            if isinstance(piece, Piece):
                yield from self._heard(piece)
            else:
                self._raw.seems_of(whose())
                yield from self._raw.said(self._raw.lines.feed(piece), None)

    def settle(self) -> Iterator[OutputLine]:
        """The blocks that were waited for to go on, and the lines that have been waited for too long."""
        for speaker in (self._raw, *self._speakers.values()):
            yield from speaker.settle()
            yield from speaker.let_out()
        for key, speaker in list(self._speakers.items()):
            self._forget_if_idle(key, speaker)
        # A process that has ended in the middle of a line has not said so.
        begun = list(self._speakers)
        for key in begun[: max(0, len(begun) - MAX_SPEAKERS)]:
            yield from self._speakers.pop(key).end()

    def rest(self) -> Iterator[OutputLine]:
        """All that is kept, once nothing more comes."""
        if held := self._reader.rest():
            yield from self._raw.said(self._raw.lines.feed(held), None)
        for speaker in (*self._speakers.values(), self._raw):
            yield from speaker.end()
        self._speakers.clear()

    def _heard(self, piece: Piece) -> Iterator[OutputLine]:
        key = (piece.pid, piece.thread, piece.request_id)
        speaker = self._speakers.get(key)
        data = piece.data
        if speaker is None and piece.kind == TEXT and data.endswith(b"\n") and data.count(b"\n") == 1:
            # Nearly every piece is this: a whole line of somebody who has begun nothing.
            line = data[:-1].removesuffix(b"\r")
            if stands_alone(line):
                yield OutputLine(line, "info", None, piece.at, piece.pid, piece.request_id or None)
                return
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
