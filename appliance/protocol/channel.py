"""The channel between the supervisor and one child: typed messages over a socket pair, with descriptors.

Encodes and frames ``messages``. Runs in every process of both sides: so it imports only the standard library, and runs
on Python 3.10 to 3.15.

Theory of operation. A stream socket pair (AF_UNIX), with one writer at each end. A frame is a header of five bytes
(length of the payload, number of descriptors), then the payload, one JSON object. Descriptors travel as SCM_RIGHTS with
the first bytes of their frame. The kernel never merges the bytes of two such sends, so a queue of received descriptors,
taken in the order of the frames, always matches. JSON, and neither pickle nor marshal: the supervisor is PID 1, and
must survive whatever a damaged worker writes.

A stream and not SOCK_SEQPACKET: a message of a megabyte needs no splitting, and macOS has it too.

Decision 3 says why.
"""

from __future__ import annotations

import array
import errno
import json
import os
import socket
import struct
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from .messages import KINDS, check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .record import Message

_HEADER = struct.Struct(">IB")
_READ = 65_536
MAX_DESCRIPTORS = 200  # the kernel accepts 253 for each message (SCM_MAX_FD)
MAX_FRAME = 16 * 1024 * 1024  # a worker limits its messages to much less
MAX_EARLY = 1024 * 1024  # characters already read from a message's connections; JSON may need six bytes for each
# Looked up before any code of the project runs: a project that replaces ``json.dumps`` must not damage our frames.
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_DUP, _CLOSE, _SLEEP = os.dup, os.close, time.sleep  # noqa: TID251  the originals
_SOCKET = socket.socket
_SHORTAGES = {errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS}  # the last: too many descriptors are under way (unix(7))
_SHORTAGE_S = 0.01


class ChannelError(Exception):
    """The channel can't be used any more: the other end has gone, or sends invalid data."""


class ChannelClosedError(ChannelError):
    """The other end has gone."""


class FrameTooLargeError(ValueError):
    """The message is larger than the other end accepts; nothing of it was sent."""


def message_parts(early: Sequence[str | bytes]) -> Iterator[slice]:
    """Split connections into parts that fit into one message each, by the bytes already read from them."""
    start = size = 0
    for index, each in enumerate(early):
        if index > start and (index - start >= MAX_DESCRIPTORS or size + len(each) > MAX_EARLY):
            yield slice(start, index)
            start, size = index, 0
        size += len(each)
    if start < len(early):
        yield slice(start, len(early))


class Channel:
    """One end of a channel. Any thread may call ``send``; only one may call ``receive``.

    In blocking mode ``send`` returns when the kernel has taken everything. In non-blocking mode the rest waits, and
    ``flush`` has to be called when the socket is writable.
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
        """Create both ends: ours, and the child's."""
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    @classmethod
    def of(cls, descriptor: int) -> Channel:
        """Return the end with this descriptor. It blocks, whatever ``socket.setdefaulttimeout`` the project calls."""
        sock = _SOCKET(fileno=descriptor)
        sock.settimeout(None)
        return cls(sock)

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    @property
    def waits(self) -> bool:
        """Whether a frame waits until the socket is writable."""
        return bool(self._unsent)

    def send(self, message: Message, descriptors: Sequence[int] = (), *, most: int = MAX_FRAME) -> bool:
        """Send one message; return True if nothing waits.

        Afterwards the caller may close its descriptors: if they wait, duplicates wait. (If the kernel takes them at
        once, no duplicates are made: so a process at its limit of descriptors can still send some.)

        Args:
            message: the message.
            descriptors: the descriptors that travel with it.
            most: the maximum of bytes.

        Raises:
            ChannelError: the other end has gone.
            FrameTooLargeError: the message is larger.
            ValueError: more than MAX_DESCRIPTORS, or a value that JSON can't encode.
            OSError: the message has to wait, but no descriptor is free for a duplicate; nothing of it was sent.
        """
        if len(descriptors) > MAX_DESCRIPTORS:
            raise ValueError(f"{len(descriptors)} descriptors; at most {MAX_DESCRIPTORS} fit one message")
        # vars and not asdict, which first copies every value of every record: that was most of a record's cost.
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
        """Send the waiting frames; return True if none waits any more."""
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
        """Send once; return how many bytes the kernel took. The descriptors travel with the first byte.

        A shortage of the kernel's passes: the frame waits, as for a full socket. But the socket stays writable, so
        nothing else would delay the next try.
        """
        while True:
            try:
                if descriptors:
                    rights = array.array("i", descriptors)
                    return self._socket.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                return self._socket.send(frame)
            except BlockingIOError:
                return 0
            except OSError as error:
                if error.errno not in _SHORTAGES:
                    self._drop()
                    raise _gone(error) from error
            _SLEEP(_SHORTAGE_S)
            if not self._socket.getblocking():
                return 0

    def receive(self) -> Iterator[tuple[Message, list[int]]]:
        """Read once, and yield each complete message with its descriptors, which the caller then owns.

        Raises:
            ChannelError: the other end has gone, or a frame is not a message.
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
        """Close this end, and the descriptors that were not used."""
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
