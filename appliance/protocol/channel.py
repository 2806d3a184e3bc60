"""The channel between the supervisor and one child: typed messages over a socket pair, with descriptors.

Both sides import it. Owns the coding and the framing of ``messages``; knows nothing of who sends what when. Runs
in every process; on the project's side under any Python from 3.10 to 3.15, so the standard library only.

Theory of operation. A stream socket pair (AF_UNIX), one writer at each end. A frame is a header of five bytes (length
of the payload, number of descriptors), then the payload, one JSON object. Descriptors ride as SCM_RIGHTS on the first
bytes of their frame; the kernel never merges the bytes of two such sends, so a queue of received descriptors, taken
in the frames' order, is always right. JSON and neither pickle nor marshal: the supervisor is PID 1, and must survive
whatever a worker that has lost its mind writes.

A stream and not SOCK_SEQPACKET: a record of a megabyte needs no pieces, and macOS has it too.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from .messages import (
    ACCESS_FIELDS,
    KINDS,
    DebuggerPort,
    Drain,
    Drained,
    Failed,
    FilesReport,
    Fork,
    ForkMismatch,
    HandOverConnections,
    Hello,
    Message,
    ModulesReport,
    Preload,
    Preloaded,
    Ready,
    Records,
    ReportBackgroundWork,
    ReportModules,
    ServeUnfinishedImport,
    SetStandInPage,
    StacksPipe,
    Start,
    StartAccepting,
    StopAccepting,
    StoppedAccepting,
    TakeConnections,
    check,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "ACCESS_FIELDS",
    "MAX_DESCRIPTORS",
    "MAX_FRAME",
    "Channel",
    "ChannelClosedError",
    "ChannelError",
    "DebuggerPort",
    "Drain",
    "Drained",
    "Failed",
    "FilesReport",
    "Fork",
    "ForkMismatch",
    "FrameTooLargeError",
    "HandOverConnections",
    "Hello",
    "Message",
    "ModulesReport",
    "Preload",
    "Preloaded",
    "Ready",
    "Records",
    "ReportBackgroundWork",
    "ReportModules",
    "ServeUnfinishedImport",
    "SetStandInPage",
    "StacksPipe",
    "Start",
    "StartAccepting",
    "StopAccepting",
    "StoppedAccepting",
    "TakeConnections",
    "portions",
]

_HEADER = struct.Struct(">IB")
_READ = 65_536
MAX_DESCRIPTORS = 200  # the kernel takes 253 a message (SCM_MAX_FD)
MAX_FRAME = 16 * 1024 * 1024  # a worker bounds what it sends far below
MAX_EARLY = 1024 * 1024  # characters of what was read of connections, a message; JSON may make six bytes of each
# Bound here, before any code of the project's runs: a project that replaces ``json.dumps`` must not garble our frames.
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_DUP, _CLOSE = os.dup, os.close


class ChannelError(Exception):
    """The channel is of no use any more: the other end has gone, or speaks nonsense."""


class ChannelClosedError(ChannelError):
    """The other end has gone."""


class FrameTooLargeError(ValueError):
    """A message that the other end would refuse; nothing of it was sent."""


def portions(early: Sequence[str | bytes]) -> Iterator[slice]:
    """Connections as parts that fit a message each, by what was read of each already."""
    start = size = 0
    for index, each in enumerate(early):
        if index > start and (index - start >= MAX_DESCRIPTORS or size + len(each) > MAX_EARLY):
            yield slice(start, index)
            start, size = index, 0
        size += len(each)
    if start < len(early):
        yield slice(start, len(early))


class Channel:
    """One end. ``send`` may be called from any thread; ``receive`` from one.

    In blocking mode ``send`` returns when the kernel has it all; in non-blocking mode what does not fit waits, and
    ``flush`` is to be called when the socket takes more.
    """

    def __init__(self, sock: socket.socket, *, loads: Callable[[bytes], Any] = json.loads) -> None:
        self._socket = sock
        self._loads = loads
        self._lock = threading.Lock()
        self._unsent: deque[tuple[memoryview, list[int]]] = deque()
        self._buffer = bytearray()
        self._descriptors: deque[int] = deque()

    @staticmethod
    def pair() -> tuple[socket.socket, socket.socket]:
        """Two ends: ours, and the child's."""
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = (), *, most: int = MAX_FRAME) -> bool:
        """Send one message; True when nothing waits.

        The caller may close its own descriptors then: where they wait, duplicates do. (Where the kernel takes them at
        once none are made: a process at its limit of descriptors can still give some away.)

        Args:
            message: what to send.
            descriptors: what rides on it.
            most: bytes that it may have.

        Raises:
            ChannelError: the other end has gone.
            FrameTooLargeError: it has more.
            ValueError: more than MAX_DESCRIPTORS; or it holds what JSON can't.
            OSError: it has to wait, and there is no descriptor free for a duplicate; nothing of it was sent.
        """
        if len(descriptors) > MAX_DESCRIPTORS:
            raise ValueError(f"{len(descriptors)} descriptors; at most {MAX_DESCRIPTORS} fit one message")
        # vars and not asdict, which copies every value of every record first: that was most of the cost of a record.
        payload = _ENCODE({"kind": message.kind, **vars(message)}).encode()
        if len(payload) > most:
            raise FrameTooLargeError(f"a frame of {len(payload)} bytes; at most {most} may be sent")
        frame = memoryview(_HEADER.pack(len(payload), len(descriptors)) + payload)
        with self._lock:
            sent = self._write(frame, descriptors) if self._flush() else 0
            if sent == len(frame):
                return True
            waiting = [] if sent else _duplicates(descriptors)
            self._unsent.append((frame[sent:], waiting))
            return self._flush()

    def flush(self) -> bool:
        """Send what waits; True when nothing does any more."""
        with self._lock:
            return self._flush()

    def _flush(self) -> bool:
        while self._unsent:
            frame, descriptors = self._unsent[0]
            sent = self._write(frame, descriptors)
            if not sent:
                return False
            for number in descriptors:
                _CLOSE(number)
            if sent == len(frame):
                self._unsent.popleft()
            else:
                self._unsent[0] = (frame[sent:], [])
        return True

    def _write(self, frame: memoryview, descriptors: Sequence[int]) -> int:
        """Send once; how much the kernel took. The descriptors ride on the first byte."""
        try:
            if descriptors:
                rights = array.array("i", descriptors)
                return self._socket.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            return self._socket.send(frame)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._drop()
            raise _gone(error) from error

    def receive(self) -> Iterator[tuple[Message, list[int]]]:
        """Read once, and yield each message that is complete, with its descriptors, which are then the caller's.

        Raises:
            ChannelError: the other end has gone, or a frame is no message.
        """
        room = socket.CMSG_SPACE(MAX_DESCRIPTORS * 4)
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(_READ, room, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
        except BlockingIOError:
            return
        except OSError as error:
            raise _gone(error) from error
        for level, kind, rights in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = array.array("i")
                numbers.frombytes(rights[: len(rights) - len(rights) % numbers.itemsize])
                self._descriptors.extend(numbers)
        if flags & socket.MSG_CTRUNC:
            raise ChannelError("descriptors were lost: this process has too many open")
        if not data:
            raise ChannelClosedError("the other end of the channel has gone")
        self._buffer += data
        yield from self._messages()
        if len(self._descriptors) > (MAX_DESCRIPTORS if self._buffer else 0):
            raise ChannelError(f"{len(self._descriptors)} descriptors came that belong to no message")

    def _messages(self) -> Iterator[tuple[Message, list[int]]]:
        start = 0
        try:
            while len(self._buffer) - start >= _HEADER.size:
                length, count = _HEADER.unpack_from(self._buffer, start)
                end = start + _HEADER.size + length
                if length > MAX_FRAME:
                    raise ChannelError(f"a frame of {length} bytes; at most {MAX_FRAME} is a message")
                if end > len(self._buffer):
                    return
                payload = bytes(memoryview(self._buffer)[start + _HEADER.size : end])
                start = end
                message = self._decode(payload)
                if count > len(self._descriptors):
                    raise ChannelError(f"{count} descriptors belong to a message; {len(self._descriptors)} came")
                yield message, [self._descriptors.popleft() for _ in range(count)]
        finally:
            del self._buffer[:start]

    def _decode(self, payload: bytes) -> Message:
        try:
            fields = self._loads(payload)
            message = KINDS[fields.pop("kind")](**fields)
            check(message)
        except Exception as error:
            raise ChannelError(f"not a message ({type(error).__name__}): {payload[:80]!r}") from error
        return message

    def close(self) -> None:
        """Close this end, and the descriptors that were not taken."""
        with self._lock:
            self._drop()
            while self._descriptors:
                _CLOSE(self._descriptors.popleft())
            self._socket.close()

    def _drop(self) -> None:
        while self._unsent:
            for number in self._unsent.popleft()[1]:
                _CLOSE(number)


def _gone(error: OSError) -> ChannelError:
    return ChannelClosedError(f"the other end of the channel has gone ({error.strerror})")


def _duplicates(descriptors: Sequence[int]) -> list[int]:
    made: list[int] = []
    try:
        made.extend(_DUP(number) for number in descriptors)
    except OSError:
        for number in made:
            _CLOSE(number)
        raise
    return made
