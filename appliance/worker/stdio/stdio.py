"""Tag Python's output in this process with the request that prints it.

Replaces the buffers of ``sys.stdout`` and ``sys.stderr``: their output goes through the pipes of descriptors 1 and 2,
each line with its process, thread and request (``output_frames``). Runs in the worker; ``tag_output`` is called once,
after any fork and before the project is imported.

Theory of operation. The text streams stay the same objects, because modules may hold them already, but get a buffer of
ours. The buffer keeps the incomplete line of each thread and request, so that the output of two requests never mixes,
and writes whole lines at once. The thread that prints also writes, as it would without us. So a printed line is written
before the next statement runs, a slow log slows its writer, and forked children print in the same way.

Decision 17 says why.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import select
import stat
import sys
import time
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ...protocol.output_frames import END, RECORD, RECORD_PART, ROOM, TEXT, Piece, pack
from ...server.wsgi.access_log.exchange import current
from .held_output import HeldOutput, HeldPiece
from .last_lines import LastLines
from .logging_records import StreamHandlerHook

if TYPE_CHECKING:
    from ..hooks import Hooks

_MAX_INCOMPLETE = 65_536  # bytes of an incomplete line; the supervisor limits lines itself


class FramedPipe:
    """Writes pieces to one pipe, by a descriptor of its own, which the project can't close by accident.

    ``held``: keeps the pieces instead, until ``rebind``.
    """

    def __init__(self, number: int, mark: bytes, held: HeldOutput | None = None) -> None:
        self.number = number
        self._mark = mark
        self._held = held
        self._pipe = os.dup(number)
        self._identity = os.fstat(number).st_ino

    def rebind(self, mark: bytes) -> None:
        """Write with this mark to the present descriptor, in a process that was forked."""
        self._mark, self._held = mark, None
        self.renew()

    def renew(self) -> None:
        """Use the present descriptor from now on, in a process that was forked."""
        os.dup2(self.number, self._pipe, inheritable=False)
        self._identity = os.fstat(self.number).st_ino

    def send(self, kind: bytes, thread: int, request_id: str, data: bytes) -> None:
        """Write data as one piece, or as many as needed. A pipe without a reader is not an error."""
        if self._held is not None:
            self._held.hold(HeldPiece(self.number, kind, thread, request_id, data))
            return
        at, pid = time.time(), os.getpid()
        for start in range(0, len(data) or 1, ROOM):
            part = data[start : start + ROOM]
            unfinished = kind == RECORD and start + ROOM < len(data)
            piece = Piece(RECORD_PART if unfinished else kind, at, pid, thread, request_id, part)
            if not _write_all(self._pipe, pack(self._mark, piece)):
                return

    def redirected(self) -> bool:
        """Whether the project has redirected the descriptor (``dup2``) to something else.

        A descriptor that was closed is opened again: otherwise the next file or connection would get its number, and
        output of C code would go there.
        """
        try:
            found = os.fstat(self.number)
        except OSError:
            with contextlib.suppress(OSError):  # the project has closed our copy too: its output is lost
                os.dup2(self._pipe, self.number)
            return False
        return found.st_ino != self._identity and not stat.S_ISSOCK(found.st_mode)


def _write_all(pipe: int, data: bytes) -> bool:
    """Write all bytes; return False if the pipe has no reader."""
    while data:
        try:
            data = data[os.write(pipe, data) :]
        except BlockingIOError:  # another process that shares the pipe has made it non-blocking
            waiting = select.poll()
            waiting.register(pipe, select.POLLOUT)
            waiting.poll()
        except OSError:
            return False
    return True


class TaggedBuffer(io.BufferedIOBase):
    """The buffer of a text stream. It writes whole lines; ``flush`` writes the incomplete line of this context."""

    def __init__(self, framed_pipe: FramedPipe, last_lines: LastLines) -> None:
        self._framed_pipe = framed_pipe
        self._last_lines = last_lines
        self.name = "<stdout>" if framed_pipe.number == 1 else "<stderr>"
        self.mode = "wb"
        # The incomplete line of each thread and request; empty if flushed but not ended. Each key belongs to one
        # thread, and a dict's methods are atomic: so no lock is needed that a signal handler or a finaliser could wait
        # for.
        self.incomplete: dict[tuple[int, str], bytes] = {}

    def write(self, data: Any, /) -> int:
        """Take bytes; write the whole lines.

        Raises:
            TypeError: the argument is not bytes-like.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))  # not bytes(): that makes 7 bytes of a 7
        key = _key()
        text = self.incomplete.pop(key, b"") + data
        end = text.rfind(b"\n") + 1
        if not end and len(text) > _MAX_INCOMPLETE:
            end = len(text)
        if end:
            self._write_out(key, text[:end])
            text = text[end:]
        if text:
            self.incomplete[key] = text
        return len(data)

    def flush(self) -> None:
        """Write the incomplete line of this context."""
        key = _key()
        text = self.incomplete.get(key)
        if text:
            self.incomplete[key] = b""
            self._write_out(key, text)

    def end(self, request_id: str | None = None) -> None:
        """End the incomplete line of this request, or of every context."""
        for key in list(self.incomplete):
            if request_id is None or key[1] == request_id:
                text = self.incomplete.pop(key, None)
                if text:
                    self._write_out(key, text)
                if text is not None and not self._framed_pipe.redirected():
                    self._framed_pipe.send(END, *key, b"")

    def _write_out(self, key: tuple[int, str], text: bytes) -> None:
        self._last_lines.add(text)
        if self._framed_pipe.redirected():
            _write_all(self._framed_pipe.number, text)
        else:
            self._framed_pipe.send(TEXT, *key, text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor that child processes inherit."""
        return self._framed_pipe.number


def _key() -> tuple[int, str]:
    exchange = current.get()
    return get_ident(), "" if exchange is None else exchange.origin


class Stdio:
    """Both streams of this process."""

    def __init__(self, mark: bytes, held: HeldOutput | None = None) -> None:
        self.held = held
        self.pipes = (FramedPipe(1, mark, held), FramedPipe(2, mark, held))
        self.last_lines = LastLines()
        self._buffers = (TaggedBuffer(self.pipes[0], self.last_lines), TaggedBuffer(self.pipes[1], self.last_lines))
        # The incomplete lines of both streams: nearly always none, which is the quickest check.
        self.incomplete = (self._buffers[0].incomplete, self._buffers[1].incomplete)
        for stream, buffer in zip((sys.stdout, sys.stderr), self._buffers, strict=True):
            _replace_buffer(stream, buffer)
        sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc, assignment]  # typed as final
        atexit.register(self.end)

    def rebind(self, mark: bytes) -> None:
        """Write with this mark to the pipes of a process that was forked; first the output that was held."""
        for framed_pipe in self.pipes:
            framed_pipe.rebind(mark)
        if (held := self.held) is not None:
            self.held = None
            held.repeat_raw()
            for piece in held.pieces:
                self.pipes[piece.number - 1].send(piece.kind, piece.thread, piece.request_id, piece.data)

    def renew(self) -> None:
        """Go on holding the output, in a process that was forked."""
        if self.held is not None:
            self.held.renew()
            for framed_pipe in self.pipes:
                framed_pipe.renew()

    def request_ended(self, origin: str) -> None:
        """Write the incomplete lines of that request."""
        for buffer in self._buffers:
            buffer.end(origin)

    def reopen(self) -> None:
        """Reopen descriptors 1 and 2, if the project has closed them."""
        for framed_pipe in self.pipes:
            framed_pipe.redirected()

    def end(self) -> None:
        """Write everything: the process ends."""
        for buffer in self._buffers:
            buffer.end()


def _replace_buffer(stream: Any, buffer: TaggedBuffer) -> None:
    """Replace a text stream's buffer; the stream stays the same object, because a logging handler may hold it."""
    stream.flush()
    # CPython allows this (Modules/_io/textio.c): __init__ first drops the old buffer, which never closes its descriptor
    # (create_stdio opens it with closefd=False).
    stream.__init__(buffer, encoding=stream.encoding, errors=stream.errors, newline="\n", write_through=True)


def tag_output(mark: str, hooks: Hooks, held: HeldOutput | None = None) -> Stdio | None:
    """Tag this process's output from now on; return None if the supervisor gave no mark, or a stream is not ours.

    ``held``: keeps the output until ``Stdio.rebind``.
    """
    streams = (sys.stdout, sys.stderr)
    if not mark or not all(isinstance(stream, io.TextIOWrapper) for stream in streams):
        return None
    stdio = Stdio(bytes.fromhex(mark), held)
    hooks.call("records of logging", StreamHandlerHook(stdio.pipes, hooks, stdio.last_lines).install, otherwise=None)
    return stdio
