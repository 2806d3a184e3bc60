"""Pieces of output on a pipe that say whose they are, between raw bytes that anybody may write there.

Both sides import it: the worker packs, the supervisor reads. Owns the form of a piece; knows nothing of lines, of
requests or of events. On the project's side under any Python from 3.10 to 3.15, so the standard library only.

Theory of operation. Python's own words and those of C code and of child processes share descriptors 1 and 2, and what
comes first must stay first, also when the process dies with the next instruction. So what Python says goes down the
same pipe, with a header before it that names process, thread and request. A piece is one write of at most PIPE_BUF
bytes, which the kernel never mixes with another one (pipe(7)), whoever writes. It begins with a mark of 16 bytes, 15 of
them random and made anew for each process, so that no output is ever taken for a piece.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = b"t"  # of a text stream: whole lines, or the start of one
END = b"e"  # what was begun goes on no more
RECORD = b"r"  # of a record in JSON: its last piece
RECORD_PART = b"p"  # one before that

_HEAD = struct.Struct("=cdIQBH")  # kind, time, process, thread, lengths of the request's id and of the data
_MARK = 16
_PIPE_BUF = 4096  # Linux's; POSIX asks for 512, which macOS has, where a piece may be torn then
_ID = 128  # of a sane X-Request-ID
ROOM = _PIPE_BUF - _MARK - _HEAD.size - _ID


class Piece(NamedTuple):
    """One piece, as it was packed."""

    kind: bytes
    at: float  # seconds since the epoch
    pid: int
    thread: int
    request_id: str  # empty outside of a request
    data: bytes


def new_mark() -> bytes:
    """A mark for one process."""
    return b"\x1e" + os.urandom(_MARK - 1)


def packed(mark: bytes, piece: Piece) -> bytes:
    """The bytes of one piece, whose data fit ROOM."""
    request_id = piece.request_id.encode("latin-1", "replace")[:_ID]
    head = _HEAD.pack(piece.kind, piece.at, piece.pid, piece.thread, len(request_id), len(piece.data))
    return b"%b%b%b%b" % (mark, head, request_id, piece.data)


class Reader:
    """Tells pieces from raw bytes, however they arrive. Without a mark all is raw."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Piece | bytes]:
        """The pieces and the raw bytes between them, in order; what may be a piece once more has come is kept."""
        mark = self._mark
        if not mark:
            yield data
            return
        data = self._held + data if self._held else data
        self._held = b""
        place = 0
        while (start := data.find(mark, place)) >= 0:
            if start > place:
                yield data[place:start]
            found = _unpacked(data, start + _MARK)
            if found is None:
                self._held = data[start:]
                return
            piece, place = found
            yield piece
        kept = self._start_of_mark(data, place)
        self._held = data[kept:]
        if kept > place:
            yield data[place:kept]

    def rest(self) -> bytes:
        """What was kept, once nothing more comes."""
        held, self._held = self._held, b""
        return held

    def _start_of_mark(self, data: bytes, place: int) -> int:
        """Where the end of ``data`` may be the beginning of a mark; its length where it is none."""
        start = data.find(self._mark[:1], max(place, len(data) - _MARK + 1))
        while start >= 0 and not self._mark.startswith(data[start:]):
            start = data.find(self._mark[:1], start + 1)
        return start if start >= 0 else len(data)


def _unpacked(data: bytes, start: int) -> tuple[Piece, int] | None:
    """The piece whose header begins there, and where it ends; None if not all of it is there."""
    after = start + _HEAD.size
    if after > len(data):
        return None
    kind, at, pid, thread, named, size = _HEAD.unpack_from(data, start)
    end = after + named + size
    if end > len(data):
        return None
    name = data[after : after + named].decode("latin-1") if named else ""
    return Piece(kind, at, pid, thread, name, data[after + named : end]), end
