"""Hold the output and log records of an import: each process that is forked later prints them as its own.

Runs in the snapshot, while it imports the project, and in its forks.

Theory of operation. A worker that is forked from a snapshot must look as if it had imported the project itself: the
output of the import must be in its part of the log. So the pieces of both streams are kept instead of written. Output
that bypasses Python's streams goes to a file in memory, which replaces the descriptor.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final, NamedTuple

MOST_LINES: Final = 200
MOST_BYTES: Final = 65_536


class HeldPiece(NamedTuple):
    """One piece of a stream; ``number``: its descriptor. The others: as in ``output_frames``."""

    number: int
    kind: bytes
    thread: int
    request_id: str
    data: bytes


class HeldOutput:
    """The output of one import. From now on descriptors 1 and 2 are files in memory."""

    def __init__(self) -> None:
        self._lines = self._bytes = 0
        self._raw = {1: b"", 2: b""}  # by descriptor
        self.pieces: list[HeldPiece] = []
        self.renew()

    def renew(self) -> None:
        """Go on holding output in a forked process: in files of its own, with what was written before ``end``."""
        for number, raw in self._raw.items():
            memory = os.memfd_create("appliance-output")
            os.dup2(memory, number)
            os.close(memory)
            os.write(number, raw)

    def hold(self, piece: HeldPiece) -> None:
        """Keep a piece, unless there is too much already."""
        self._lines += max(1, piece.data.count(b"\n"))
        self._bytes += len(piece.data)
        if not self.refusal:
            self.pieces.append(piece)

    def end(self) -> None:
        """The import is over, or has paused: read the output that bypassed Python's streams."""
        for number in self._raw:
            self._raw[number] = os.pread(number, MOST_BYTES + 1, 0)

    @property
    def refusal(self) -> str:
        """Why this output can't be repeated; "" if it can."""
        raw = b"".join(self._raw.values())
        if self._lines + raw.count(b"\n") > MOST_LINES or self._bytes + len(raw) > MOST_BYTES:
            return f"the import prints more than {MOST_LINES} lines or {MOST_BYTES // 1024} KiB"
        return ""

    def repeat_raw(self) -> None:
        """Write output that bypassed Python's streams to this process's descriptors."""
        for number, raw in self._raw.items():
            left = raw
            with contextlib.suppress(OSError):  # nobody reads it any more
                while left:
                    left = left[os.write(number, left) :]
