"""The last lines of the log, in memory that the supervisor shares with the recorder.

Theory of operation. The supervisor writes and the recorder reads; neither waits for the other. Positions count bytes
since the beginning; a line's place in the memory is its position modulo the size. So a recorder that is slow, stopped
or started again finds everything where it was, up to the size; beyond it the oldest lines are overwritten, and counted.
Before the supervisor writes, it announces how far: so the recorder knows which bytes may have changed while it copied
them. Where everything is stored, the supervisor begins at the first page again, and frees what a flood has used.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from typing import NamedTuple

from appliance.protocol.inflight import memory_file

SIZE = 8 * 1024 * 1024  # about 18,000 lines of requests: more than the database keeps
_HEADER = 4096
_WRITTEN = struct.Struct("=4Q")  # the supervisor's: State
_ANNOUNCED, _ANNOUNCED_AT = struct.Struct("=Q"), 64
_STORED, _STORED_AT = struct.Struct("=3Q"), 128  # the recorder's: position, lines and requests
_USED_AGAIN = 1024 * 1024  # bytes that are not freed


class State(NamedTuple):
    """The amount that was written so far.

    Attributes:
        end: the position after the last line.
        lines: the number of lines, including those that found no room.
        requests: the number of requests among them, including a few that are not recorded.
        base: the position that is at the memory's beginning.
    """

    end: int = 0
    lines: int = 0
    requests: int = 0
    base: int = 0


class LineWriter:
    """Writes lines into the shared memory, for the supervisor.

    Attributes:
        descriptor: what the recorder needs.
        lines: how many were written.

    Raises:
        OSError: there is no such memory.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self.descriptor = memory_file(_HEADER + size)
        try:
            self._memory = mmap.mmap(self.descriptor, _HEADER + size)
        except (OSError, ValueError):
            os.close(self.descriptor)
            raise
        self._end = self._base = self._requests = 0
        self.lines = 0

    def write(self, data: bytes, requests: int = 0) -> None:
        """Write whole lines, of which so many are requests; lines that are larger than the memory are left out."""
        memory, length = self._memory, len(data)
        if length <= self._size:
            at = _HEADER + (self._end - self._base) % self._size
            room = _HEADER + self._size - at
            self._end += length
            _ANNOUNCED.pack_into(memory, _ANNOUNCED_AT, self._end)
            if length <= room:
                memory[at : at + length] = data
            else:
                memory[at:] = data[:room]
                memory[_HEADER : _HEADER + length - room] = data[room:]
        self.lines += data.count(b"\n")
        self._requests += requests
        _WRITTEN.pack_into(memory, 0, self._end, self.lines, self._requests, self._base)

    def reuse(self) -> None:
        """Begin at the first page again if everything is stored."""
        if _STORED.unpack_from(self._memory, _STORED_AT)[0] != self._end:
            return
        length = min(self._end - self._base, self._size) - _USED_AGAIN
        self._base = self._end
        _WRITTEN.pack_into(self._memory, 0, self._end, self.lines, self._requests, self._base)
        if length > 0 and hasattr(mmap, "MADV_REMOVE"):
            with contextlib.suppress(OSError):  # a temporary file of some systems
                self._memory.madvise(mmap.MADV_REMOVE, _HEADER + _USED_AGAIN, length)

    def close(self) -> None:
        """Free the memory, once the recorder has ended too."""
        self._memory.close()
        os.close(self.descriptor)

    @property
    def stored(self) -> int:
        """The number of lines that the recorder has stored or left out."""
        found: int = _STORED.unpack_from(self._memory, _STORED_AT)[1]
        return found


class Unread(NamedTuple):
    """The lines that a reader has read.

    Attributes:
        data: whole lines.
        left_out: the lines before them that were overwritten, or found no room.
        requests: how many of all these were requests; see ``State``.
        state: what was written, up to the end of ``data``.
    """

    data: bytes
    left_out: int
    requests: int
    state: State

    @property
    def begin(self) -> int:
        """The position of the first line."""
        return self.state.end - len(self.data)


class LineReader:
    """Reads lines from the shared memory, for the recorder.

    Args:
        descriptor: the writer's, which this object closes.

    Attributes:
        size: how many bytes are kept.

    Raises:
        OSError: it can't be mapped.
    """

    def __init__(self, descriptor: int) -> None:
        length = os.fstat(descriptor).st_size
        self.size = length - _HEADER
        self._memory = mmap.mmap(descriptor, length)
        os.close(descriptor)
        self._position, self._lines, self._requests = _STORED.unpack_from(self._memory, _STORED_AT)

    def _state(self) -> State:
        """Return the position up to which lines were written."""
        found = _WRITTEN.unpack_from(self._memory)
        while (again := _WRITTEN.unpack_from(self._memory)) != found:  # it was being written
            found = again
        return State(*found)

    def unread(self) -> State:
        """Return how much was written and is not stored; ``end`` is the number of bytes."""
        now = self._state()
        return State(now.end - self._position, now.lines - self._lines, now.requests - self._requests)

    def resume(self, position: int) -> None:
        """Continue after this position: a database has the lines up to it, and its writer was killed just then."""
        unread = self.read()
        stored = position - unread.begin
        if 0 < stored <= len(unread.data):
            self.stored(position, unread.left_out + unread.data.count(b"\n", 0, stored), 0)

    def read(self) -> Unread:
        """Return the written lines that are not stored."""
        now = self._state()
        begin = max(self._position, now.base, now.end - self.size)
        data = self._copy(begin, now)
        changed = _ANNOUNCED.unpack_from(self._memory, _ANNOUNCED_AT)[0] - self.size - begin
        if changed > 0:
            data, begin = data[changed:], begin + changed
        if begin > self._position:  # perhaps within a line
            data = data[data.find(b"\n") + 1 :]
        left_out = now.lines - self._lines - data.count(b"\n")
        return Unread(data, left_out, now.requests - self._requests, now)

    def _copy(self, begin: int, now: State) -> bytes:
        at, length = _HEADER + (begin - now.base) % self.size, now.end - begin
        room = _HEADER + self.size - at
        if length <= room:
            return self._memory[at : at + length]
        return self._memory[at:] + self._memory[_HEADER : _HEADER + length - room]

    def stored(self, position: int, lines: int, requests: int) -> None:
        """Note that everything up to a position is stored or left out, and how many lines and requests that adds."""
        self._note(position, self._lines + lines, self._requests + requests)

    def finished(self, unread: Unread) -> None:
        """Note that all lines that were read are stored or left out."""
        now = unread.state
        self._note(now.end, now.lines, now.requests)

    def _note(self, *stored: int) -> None:
        self._position, self._lines, self._requests = stored
        _STORED.pack_into(self._memory, _STORED_AT, *stored)

    def close(self) -> None:
        """Free the memory."""
        self._memory.close()
