"""``rfile`` and ``wfile``: file objects on a connection's wire, as ``http.server`` documents them.

Also the parts of a ``ServerHandler`` that was given plain file objects, as wsgiref's may be, with a wire made of them.
The server itself uses the wire. Runs in the thread of the connection.
"""

from __future__ import annotations

import io
from time import monotonic
from typing import IO, TYPE_CHECKING, Any

from ..http.body import Body, Empty, LengthBody
from ..http.limits import RECEIVE, Limits
from ..http.transfer_budget import TransferBudget
from ..io.wire import Wire
from .access_log.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def standalone_parts(stdin: Any, stdout: Any, environ: Mapping[str, Any]) -> tuple[Body | Empty, Wire, Exchange]:
    """Return a body of as many bytes as CONTENT_LENGTH says, a wire to write to, and a record that is not logged."""
    length = str(environ.get("CONTENT_LENGTH") or "0")
    size = int(length) if length.isascii() and length.isdigit() else 0
    if isinstance(stdin, Body | Empty):
        body = stdin
    else:
        body = LengthBody(FileWire(stdin, None), Limits(), size) if size else Empty()
    wire = stdout if isinstance(stdout, Wire) else FileWire(None, stdout)
    return body, wire, Exchange(None, str(environ.get("REMOTE_ADDR", "")), 0, monotonic(), "")
