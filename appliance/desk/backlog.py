"""Lines that were received and not stored yet: the last of them, as many as the database keeps."""

from __future__ import annotations

from collections import deque


class Backlog:
    """Whole lines in the order in which they came; beyond its limits the oldest are left out.

    Chunks are not taken apart before they are stored: in a load test most are left out, and cost the count of their
    newlines alone.

    Args:
        lines: how many are kept at least.
        most_bytes: how many bytes are kept at most.
    """

    def __init__(self, lines: int, most_bytes: int) -> None:
        self._most_lines = lines
        self._most_bytes = most_bytes
        self._chunks: deque[tuple[bytes, int]] = deque()
        self._begun = b""  # a line whose end has not come yet
        self._lines = 0
        self._bytes = 0

    def __bool__(self) -> bool:
        """Whether there is a whole line."""
        return bool(self._chunks)

    def add(self, data: bytes) -> None:
        """Add what was read from the pipe."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._begun += data
            if len(self._begun) > self._most_bytes:
                self._begun = b""
            return
        chunk, self._begun = self._begun + data[:end], data[end:]
        count = chunk.count(b"\n")
        self._chunks.append((chunk, count))
        self._lines += count
        self._bytes += len(chunk)
        while len(self._chunks) > 1 and self._is_over():
            self._leave_out_oldest()

    def take(self) -> list[bytes]:
        """Return all whole lines, and keep none."""
        lines = [line for chunk, _ in self._chunks for line in chunk.split(b"\n") if line]
        self._chunks.clear()
        self._lines = self._bytes = 0
        return lines

    def _is_over(self) -> bool:
        return self._bytes > self._most_bytes or self._lines - self._chunks[0][1] >= self._most_lines

    def _leave_out_oldest(self) -> None:
        chunk, count = self._chunks.popleft()
        self._lines -= count
        self._bytes -= len(chunk)
