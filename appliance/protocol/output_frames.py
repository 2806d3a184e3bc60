"""Frames for output on a pipe, which name its process and request, between raw bytes that any process may write.

The worker packs frames, the supervisor reads them. On the project's side it runs on Python 3.10 to 3.15, so it imports
only the standard library.

Theory of operation. The output of Python, of C code and of child processes share descriptors 1 and 2, and their order
must be kept, even if the process dies with the next instruction. So Python's output uses the same pipe, with a header
before it that names process, thread and request. A piece is one write of at most PIPE_BUF bytes, which the kernel never
mixes with other writes (pipe(7)), also of other processes. It begins with a mark of 16 bytes, 15 of which are random
and new for each process, so that other output is never mistaken for a piece.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from .traces import ORIGIN_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = b"t"  # of a text stream: whole lines, or an incomplete one
END = b"e"  # the incomplete line has ended
RECORD = b"r"  # of a record in JSON: its last piece
RECORD_PART = b"p"  # an earlier piece of a record

_HEAD = struct.Struct("=cdIQBH")  # kind, time, process, thread, lengths of the request's id and of the data
_MARK = 16
PIPE_BUF = 4096  # Linux's value; POSIX guarantees 512, which macOS has, where a piece may then be torn
ROOM = PIPE_BUF - _MARK - _HEAD.size - ORIGIN_MAX


class Piece(NamedTuple):
    """One piece, as it was packed."""

    kind: bytes
    at: float  # seconds since the epoch
    pid: int
    thread: int
    request_id: str  # empty outside of a request; with its trace, if it has one (``traces.read_origin``)
    data: bytes


def new_mark() -> bytes:
    """Return a new mark for one process."""
    return b"\x1e" + os.urandom(_MARK - 1)


def pack(mark: bytes, piece: Piece) -> bytes:
    """Return the bytes of one piece, whose data fit into ROOM."""
    request_id = piece.request_id.encode("latin-1", "replace")[:ORIGIN_MAX]
    head = _HEAD.pack(piece.kind, piece.at, piece.pid, piece.thread, len(request_id), len(piece.data))
    return b"%b%b%b%b" % (mark, head, request_id, piece.data)


class Reader:
    """Separates pieces from raw bytes, however they arrive. Without a mark, everything is raw."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[Piece | bytes]:
        """Yield the pieces and the raw bytes between them, in order; keep a possibly incomplete piece."""
        mark = self._mark
        if not mark:
            yield data
            return
        data = self._kept + data if self._kept else data
        self._kept = b""
        place = 0
        while (start := data.find(mark, place)) >= 0:
            if start > place:
                yield data[place:start]
            found = _unpack(data, start + _MARK)
            if found is None:
                self._kept = data[start:]
                return
            piece, place = found
            yield piece
        kept = self._start_of_mark(data, place)
        self._kept = data[kept:]
        if kept > place:
            yield data[place:kept]

    def rest(self) -> bytes:
        """Return the bytes that were kept, at the end of the input."""
        kept, self._kept = self._kept, b""
        return kept

    def _start_of_mark(self, data: bytes, place: int) -> int:
        """Return where the end of ``data`` may be the start of a mark; the length of ``data`` if nowhere."""
        start = data.find(self._mark[:1], max(place, len(data) - _MARK + 1))
        while start >= 0 and not self._mark.startswith(data[start:]):
            start = data.find(self._mark[:1], start + 1)
        return start if start >= 0 else len(data)


def _unpack(data: bytes, start: int) -> tuple[Piece, int] | None:
    """Return the piece whose header starts there, and its end; None if it is incomplete."""
    after = start + _HEAD.size
    if after > len(data):
        return None
    kind, at, pid, thread, named, size = _HEAD.unpack_from(data, start)
    end = after + named + size
    if end > len(data):
        return None
    name = data[after : after + named].decode("latin-1") if named else ""
    return Piece(kind, at, pid, thread, name, data[after + named : end]), end
