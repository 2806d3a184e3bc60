"""``rfile`` and ``wfile``: file objects on a connection's wire, as ``http.server`` documents them.

Also wires made of file objects, for a ``ServerHandler`` without a connection. The server itself uses the wire. Runs in
the thread of the connection.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

from ..http.limits import RECEIVE
from ..http.transfer_budget import TransferBudget
from ..io.wire import Wire

if TYPE_CHECKING:
    from ..http.body import Body, Empty


class Reader(io.BufferedIOBase):
    """The connection's bytes from here on: after a head was read, from the start of its body.

    Attributes:
        body: ``wsgi.input`` of the current request; None before the first.
    """

    def __init__(self, wire: Wire, seconds: float) -> None:
        self._wire = wire
        self._seconds = seconds
        self.body: Body | Empty | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def read1(self, size: int | None = -1, /) -> bytes:
        """Read at most ``size`` bytes of what has come; wait for the first."""
        most = RECEIVE if size is None or size < 0 else size
        return self._wire.take(most, TransferBudget(self._seconds)) if most else b""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, fewer only at the end."""
        parts: list[bytes] = []
        left = -1 if size is None else size
        while left:
            part = self.read1(left)
            if not part:
                break
            parts.append(part)
            left -= len(part) if left > 0 else 0
        return b"".join(parts)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read the next line with its end, at most ``size`` bytes."""
        wire = self._wire
        most = -1 if size is None or size < 0 else size
        while True:
            end = wire.buffer.find(b"\n") + 1
            if end or 0 <= most <= len(wire.buffer):
                stop = end or most
                stop = min(stop, most) if most >= 0 else stop
                line, wire.buffer = wire.buffer[:stop], wire.buffer[stop:]
                return line
            data = wire.receive(TransferBudget(self._seconds))
            if not data:
                line, wire.buffer = wire.buffer, b""
                return line
            wire.buffer += data


class Writer(io.BufferedIOBase):
    """Writes at once, unbuffered, as with ``wbufsize = 0``."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any, /) -> int:
        """Send all bytes."""
        data = bytes(data)
        self.wire.send(data)
        return len(data)


class FileWire(Wire):
    """A wire made of two file objects."""

    __slots__ = ("_reader", "_writer")

    sends_files = False  # there may be no descriptor
    secure = True

    def __init__(self, reader: IO[bytes] | None, writer: IO[bytes] | None) -> None:
        self.buffer = b""
        self.ended = self.lenient = False
        self.background = None
        self._reader = reader
        self._writer = writer

    def send_parts(self, parts: list[bytes]) -> None:
        """Write all parts."""
        self.send(b"".join(parts))

    def receive(self, budget: TransferBudget) -> bytes:  # noqa: ARG002 (a file object waits as it does)
        """Return the next bytes of the file."""
        return self._reader.read(RECEIVE) if self._reader is not None else b""

    def take(self, most: int, budget: TransferBudget) -> bytes:  # noqa: ARG002 (as above)
        """Return at most ``most`` bytes, and read no further: the file belongs to the caller."""
        return self._reader.read(most) if self._reader is not None else b""

    def send(self, data: bytes) -> None:
        """Write all bytes."""
        if self._writer is not None:
            self._writer.write(data)
            if hasattr(self._writer, "flush"):
                self._writer.flush()
