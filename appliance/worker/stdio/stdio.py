"""What Python says in this process, tagged with the request that says it.

Owns ``sys.stdout`` and ``sys.stderr``: what is written to them goes down the pipes of descriptors 1 and 2, each line
with its process, thread and request (``tagged``). Knows nothing of who reads. Runs in the worker; ``listen`` is called
once in it, after any fork that made it and before the project is imported.

Theory of operation. The text streams stay the objects that they were, since modules may hold them already, but stand
on a buffer of ours. It keeps the start of a line for each thread and request, so that what two requests print at a time
never mixes, and writes whole lines at once. The write is the caller's own, as it would be without us: a line that was
printed is out, whatever happens next, a slow log slows its writer, and a child that was forked says what it says in the
same way.
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

from ...protocol.output_frames import END, RECORD, RECORD_PART, ROOM, TEXT, Piece, packed
from ...server.wsgi.exchange import current
from .logging_records import Hook

if TYPE_CHECKING:
    from ..hooks import Hooks

_HELD = 65_536  # bytes of a line that has not ended; the supervisor bounds lines itself


class Voice:
    """One pipe that pieces are written to: a descriptor of its own, which the project can't close by accident."""

    def __init__(self, number: int, mark: bytes) -> None:
        self.number = number
        self._mark = mark
        self._pipe = os.dup(number)
        self._identity = os.fstat(number).st_ino

    def say(self, kind: bytes, thread: int, request_id: str, data: bytes) -> None:
        """Write data as one piece, or as many as it needs. A pipe that nobody reads any more is no error."""
        at, pid = time.time(), os.getpid()
        for start in range(0, len(data) or 1, ROOM):
            part = data[start : start + ROOM]
            unfinished = kind == RECORD and start + ROOM < len(data)
            piece = Piece(RECORD_PART if unfinished else kind, at, pid, thread, request_id, part)
            if not _written(self._pipe, packed(self._mark, piece)):
                return

    def redirected(self) -> bool:
        """Whether the project has put something else in the descriptor's place (``dup2``), and means that.

        A descriptor that was closed is opened again: the next file or connection would take its number, and what C code
        prints would go there.
        """
        try:
            found = os.fstat(self.number)
        except OSError:
            with contextlib.suppress(OSError):  # it has closed ours too: nobody hears it any more
                os.dup2(self._pipe, self.number)
            return False
        return found.st_ino != self._identity and not stat.S_ISSOCK(found.st_mode)


def _written(pipe: int, data: bytes) -> bool:
    """Write all of it; False where nobody reads."""
    while data:
        try:
            data = data[os.write(pipe, data) :]
        except BlockingIOError:  # somebody who shares the pipe has made it non-blocking
            waiting = select.poll()
            waiting.register(pipe, select.POLLOUT)
            waiting.poll()
        except OSError:
            return False
    return True


class TaggedBuffer(io.BufferedIOBase):
    """What a text stream stands on. Lines are written whole; ``flush`` writes what was begun in this context."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self.name = "<stdout>" if voice.number == 1 else "<stderr>"
        self.mode = "wb"
        # The start of a line, by thread and request; empty where it was flushed, and has not ended. Each key is one
        # thread's own, and a dict's methods are atomic: no lock that a signal handler or a finaliser could wait for.
        self.held: dict[tuple[int, str], bytes] = {}

    def write(self, data: Any, /) -> int:
        """Take bytes; whole lines go out.

        Raises:
            TypeError: it is none.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))  # not bytes(): that makes 7 bytes of a 7
        key = _key()
        text = self.held.pop(key, b"") + data
        end = text.rfind(b"\n") + 1
        if not end and len(text) > _HELD:
            end = len(text)
        if end:
            self._out(key, text[:end])
            text = text[end:]
        if text:
            self.held[key] = text
        return len(data)

    def flush(self) -> None:
        """Write out what this context has begun."""
        key = _key()
        text = self.held.get(key)
        if text:
            self.held[key] = b""
            self._out(key, text)

    def end(self, request_id: str | None = None) -> None:
        """What was begun in this request goes on no more; without one, in every context."""
        for key in list(self.held):
            if request_id is None or key[1] == request_id:
                text = self.held.pop(key, None)
                if text:
                    self._out(key, text)
                if text is not None and not self._voice.redirected():
                    self._voice.say(END, *key, b"")

    def _out(self, key: tuple[int, str], text: bytes) -> None:
        if self._voice.redirected():
            _written(self._voice.number, text)
        else:
            self._voice.say(TEXT, *key, text)

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor that child processes are given."""
        return self._voice.number


def _key() -> tuple[int, str]:
    exchange = current.get()
    return get_ident(), "" if exchange is None else exchange.request_id


class Stdio:
    """Both streams of this process."""

    def __init__(self, mark: bytes) -> None:
        self.voices = (Voice(1, mark), Voice(2, mark))
        self._buffers = (TaggedBuffer(self.voices[0]), TaggedBuffer(self.voices[1]))
        # What was begun on either stream: nearly always nothing, which is the quickest to ask.
        self.begun = (self._buffers[0].held, self._buffers[1].held)
        for stream, buffer in zip((sys.stdout, sys.stderr), self._buffers, strict=True):
            _stand_on(stream, buffer)
        sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc, assignment]  # final for who reads
        atexit.register(self.end)

    def request_ended(self, request_id: str) -> None:
        """Let out what that request has begun to print."""
        for buffer in self._buffers:
            buffer.end(request_id)

    def mend(self) -> None:
        """Open descriptors 1 and 2 again, if the project has closed them."""
        for voice in self.voices:
            voice.redirected()

    def end(self) -> None:
        """Let out everything: the process ends."""
        for buffer in self._buffers:
            buffer.end()


def _stand_on(stream: Any, buffer: TaggedBuffer) -> None:
    """Put a text stream on another buffer, the stream staying the same object: a handler of ``logging`` may hold it."""
    stream.flush()
    # CPython allows this (Modules/_io/textio.c): __init__ begins by forgetting the buffer that there was, and that one
    # never closes its descriptor (create_stdio opens it with closefd=False).
    stream.__init__(buffer, encoding=stream.encoding, errors=stream.errors, newline="\n", write_through=True)


def listen(mark: str, hooks: Hooks) -> Stdio | None:
    """Tag what this process says from now on; None where the supervisor gave no mark, or there are no such streams."""
    streams = (sys.stdout, sys.stderr)
    if not mark or not all(isinstance(stream, io.TextIOWrapper) for stream in streams):
        return None
    words = Stdio(bytes.fromhex(mark))
    hooks.ask("records of logging", Hook(words.voices, hooks).install, otherwise=None)
    return words
