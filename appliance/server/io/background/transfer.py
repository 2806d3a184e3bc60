"""The transfer of one connection, without a thread: a response that is read slowly, a body that comes slowly.

Owns the bytes of one such transfer, its end, and how long its client may take. ``background_sender`` calls ``advance``
and ``check_time`` in its thread; everything else is called in the thread of the request.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from ...http.body import BODY_TIMEOUT, CLIENT_LEFT
from ...http.refusal import RequestRefused
from ...http.transfer_budget import TransferBudget
from ..send_progress import Delivery
from .byte_queue import ByteQueue, Storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...http.body_end import ChunkedEnd, LengthEnd
    from ..outbound import Outbound
    from ..wire import Wire

_AT_ONCE = 262_144  # the most bytes of one connection before it is another one's turn
_SILENT_S = 1.0  # the client of a chunked body that stops for so long may wait for the response's beginning

# What became of a transfer after one step.
CONTINUES = 0
IDLE = 1  # nothing can be done now
IS_OVER = 2


class Outgoing:
    """The part of one response that its client has not taken yet. The application may still run.

    Attributes:
        wire, descriptor: the connection, and its socket's.
        sending: more bytes are sent when the socket is writable.
        failure: why sending ended too early; None if it did not.
        unsent: bytes that the client had not taken when sending failed.
        missing: bytes that a file turned out not to have.
    """

    sending = True

    def __init__(self, wire: Outbound, storage: Storage, *, most: int, seconds: float) -> None:
        self.wire = wire
        self.descriptor = wire.sock.fileno()
        self.failure: OSError | None = None
        self.unsent = 0
        self._queue = ByteQueue(storage)
        self._most = most
        self._budget = TransferBudget(seconds)
        self._delivery = Delivery(wire.sock)
        self._sent = 0  # since the last check
        self._checked_at = monotonic()
        self._lock = threading.Lock()  # for the fields below, and the queue
        self._over = False
        self._writing = False  # bytes are being put into the queue's file
        self._idle = False  # all other bytes were sent
        self._room: threading.Event | None = None  # set when the queue is empty, or the transfer over
        self._afterwards: list[Callable[[Outgoing], None]] = []

    @property
    def missing(self) -> int:
        """Bytes that a file turned out not to have."""
        return self._queue.missing

    # -- in the request's thread

    def begin(self, rest: bytes | memoryview) -> None:
        """Append the first bytes.

        Raises:
            OSError: there is no room for them.
        """
        self._queue.append(rest)

    def begin_file(self, descriptor: int, offset: int, count: int) -> None:
        """Append a part of a file; nothing may come before or after it.

        Raises:
            OSError: there is no descriptor left.
        """
        self._queue.append_file(descriptor, offset, count)

    def put_file(self, descriptor: int, offset: int, count: int) -> bool:
        """Append a part of a file; nothing may follow it. Returns and raises as ``put``."""
        with self._lock:
            if self._over:
                self.check()
                return False
            self._queue.append_file(descriptor, offset, count)
            return True

    def put(self, data: bytes | memoryview, wake: Callable[[Outgoing], None]) -> bool:
        """Append bytes; return False if everything before them was sent, so that they can be sent directly.

        Raises:
            OSError: there is no room for them, or the transfer has failed, which ``failure`` says.
        """
        with self._lock:
            if self._over:
                self.check()
                return False
            if self._queue.remember(data):
                return True
            self._queue.reserve(len(data))
            self._writing = True
        written = 0
        try:
            self._queue.write(data)
            written = len(data)
        finally:
            if self._wrote(written):
                wake(self)
        self.check()
        return True

    def _wrote(self, size: int) -> bool:
        """Note that so many bytes were written to the file; return whether the transfer waits for more of them."""
        with self._lock:
            self._writing = False
            if size:
                self._queue.commit(size)
            if self._over:
                self._queue.close()
            was_idle, self._idle = self._idle, False
            return was_idle

    def check(self) -> None:
        """Raise the error with which sending failed, if it did."""
        failure = self.failure
        if failure is not None:
            self.wire.unsent = self.unsent
            raise type(failure)(*failure.args)  # a copy: the raised original would keep the frames of this thread

    @property
    def is_over(self) -> bool:
        """Whether all was sent, or sending failed."""
        return self._over

    @property
    def is_full(self) -> bool:
        """Whether the application is as far ahead as it may be."""
        return self._queue.extent >= self._most and not self._over

    def wait(self, seconds: float) -> None:
        """Wait until all was sent or sending failed, at most ``seconds``."""
        with self._lock:
            if self._over:
                return
            self._room = room = self._room or threading.Event()
        room.wait(seconds)

    def afterwards(self, call: Callable[[Outgoing], None]) -> bool:
        """Make a call when all was sent or sending has failed; return False if that is over already."""
        with self._lock:
            if self._over:
                return False
            self._afterwards.append(call)
            return True

    # -- in the background's thread

    def advance(self, pause: Callable[[int], None]) -> int:
        """Send as many bytes as the kernel takes. ``pause`` is called before the idle state, so a ``wake`` comes later.

        Raises:
            OSError: the client has gone, or what waits can't be read.
        """
        left = _AT_ONCE
        while left > 0:
            with self._lock:
                block = self._queue.first()
                if not block:
                    if self._writing:
                        self._idle = True
                        pause(self.descriptor)
                        return IDLE
                    self._over = True
                    return IS_OVER
            try:
                sent = self.wire.send_now(block)
            except BlockingIOError:
                return CONTINUES
            with self._lock:
                self._queue.drop(sent)
            self._sent += sent
            left -= sent
        return CONTINUES

    def check_time(self, now: float) -> int:
        """Count the bytes that the client took since the last check.

        Raises:
            TimeoutError: that is too little.
        """
        budget = self._budget
        budget.extend_by(self._delivery.since(self._sent))
        self._sent = 0
        budget.left -= now - self._checked_at
        self._checked_at = now
        if budget.left <= 0:
            raise TimeoutError("the client does not read")
        return CONTINUES

    def fail(self, error: OSError) -> None:
        """Note why the transfer can't go on."""
        with self._lock:
            self._over = True
            self.failure = error.with_traceback(None)
            self.unsent = self._queue.size
        self.wire.reset()

    def end(self) -> None:
        """Release the queue, and make the calls of ``afterwards``."""
        with self._lock:
            self._over = True
            calls, self._afterwards = self._afterwards, []
            if not self._writing:
                self._queue.close()
            room = self._room
        if room is not None:
            room.set()
        for call in calls:
            call(self)


class Incoming:
    """A request's body that is received before the request has a thread.

    Attributes:
        wire, descriptor: the connection, and its socket's.
        outcome: the refusal of the request; None if it may run.
        queue: the raw bytes that came.
        afterwards: called when the request may have a thread.
    """

    sending = False

    def __init__(
        self, wire: Wire, storage: Storage, end: ChunkedEnd | LengthEnd, *, most: int, seconds: float, chunked: bool
    ) -> None:
        self.wire = wire
        self.descriptor = wire.sock.fileno()
        self.outcome: RequestRefused | None = None
        self.queue = ByteQueue(storage)
        self._lock = threading.Lock()  # held while ``advance`` runs
        self._end = end
        self._most = most
        self._chunked = chunked
        self._budget = TransferBudget(seconds)
        self._checked_at = self._received_at = monotonic()
        self._full = False
        self._over = False
        self.afterwards: Callable[[Incoming], None] | None = None

    @property
    def needs_thread(self) -> bool:
        """Whether the request needs a thread: there is no room for more, or its client seems to wait for an answer."""
        return self._full or (self._chunked and monotonic() - self._received_at > _SILENT_S)

    def advance(self, pause: Callable[[int], None]) -> int:
        """Receive the bytes that the kernel has. ``pause`` is called before it becomes idle."""
        with self._lock:
            if self._over:
                return IS_OVER
            try:
                data = self.wire.receive_now()
            except OSError:
                data = b""
            if data is None:
                return CONTINUES
            if not data:
                self.outcome = RequestRefused(400, CLIENT_LEFT)
                return IS_OVER
            self._budget.extend_by(len(data))
            self._received_at = monotonic()
            try:
                self.queue.append(data)
            except OSError:
                self.queue.append_last(data)
                self._full = True
            if self._end.feed(data):
                return IS_OVER
            self._full = self._full or self.queue.size >= self._most
            if self._full:
                pause(self.descriptor)
            return IDLE if self._full else CONTINUES

    def check_time(self, now: float) -> int:
        """Take the time that has passed from the client's budget; bytes have added to it when they came."""
        if not self._full:
            self._budget.left -= now - self._checked_at
        self._checked_at = now
        if self._budget.left > 0:
            return CONTINUES
        self.outcome = RequestRefused(408, BODY_TIMEOUT)
        return IS_OVER

    def recall(self, most: int) -> bytes | None:
        """Return the bytes that came, for another server; None if they are more than ``most`` bytes."""
        with self._lock:
            if self._over or self._full or self.queue.size + len(self.wire.buffer) > most:
                return None
            self._over = True
            data = self.queue.take(most)
            self.queue.close()
            return data

    def fail(self, error: OSError) -> None:
        """Do nothing: the thread of the request meets the error itself."""

    def end(self) -> None:
        """Call ``afterwards``: the request may have a thread."""
        with self._lock:
            self._over = True
        if self.afterwards is not None:
            self.afterwards(self)
