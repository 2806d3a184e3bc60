"""The requests in flight of a worker, in memory that it shares with the supervisor.

The worker writes and the supervisor reads, also after the worker's death. On the project's side it runs on Python 3.10
to 3.15, so it imports only the standard library.

Theory of operation. First a page of flags, one byte for each slot, then the slots. A request takes a free slot, writes
its number, its start, its id and the beginning of its head into it, and then sets the flag. At its end it clears the
flag and frees the slot. Only the thread that holds a slot writes to it. So the flags show which requests run, the
numbers how many have begun, and neither side needs a lock. This costs a request 0.3 µs. The last bytes of the page of
flags are the number of connections that wait for a thread. A request whose application has ended, but whose response is
still being sent, has its own flag value: it has not ended, but can print nothing more. After the slots there is room
for the reason why a worker ends: if the project has closed every descriptor, this memory is the only way to report it.

Decision 18 says why.
"""

from __future__ import annotations

import itertools
import mmap
import os
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from .traces import Trace

_FLAGS = 4096
_WAITING = struct.Struct("=I")
_WAITING_AT = _FLAGS - _WAITING.size
_SLOT = struct.Struct("=Id198s302s")  # the slot's number of requests so far; CLOCK_MONOTONIC; id (ORIGIN_MAX); head
MAX_SLOTS = _WAITING_AT
MAX_STREAMS = 256  # raw and long-streaming requests of a server, each with its own thread
MAX_TRANSFERS = 4096  # slow clients of a server that are served without a thread
_REASON = 2048
_RUNS, _IS_SENT = 1, 2


class Request(Protocol):
    """The part of a request that this module needs: an ``Exchange``."""

    request_id: str
    trace: Trace | None
    started: float
    slot: Slot | None


class Slot:
    """One request's place, on the worker's side."""

    __slots__ = ("count", "number", "offset")

    def __init__(self, number: int) -> None:
        self.number = number
        self.offset = _FLAGS + number * _SLOT.size
        self.count = 0


class InFlight:
    """The worker's side. Any thread may call its methods: a list's pop and append are atomic."""

    def __init__(self, descriptor: int) -> None:
        self._end = size = os.fstat(descriptor).st_size
        self._memory: mmap.mmap | bytearray = mmap.mmap(descriptor, size)
        self._size = (size - _FLAGS - _REASON) // _SLOT.size
        self._free: list[Slot] = []
        self._numbers = itertools.count()  # of slots that were never used

    def begin(self, request: Request, head: bytes) -> None:
        """Record that a request runs."""
        try:
            slot = self._free.pop()
        except IndexError:
            number = next(self._numbers)
            if number >= self._size:
                return  # more requests than slots: this one is not counted
            slot = Slot(number)
        request.slot = slot
        slot.count += 1
        name = request.request_id if request.trace is None else request.trace.origin(request.request_id)
        _SLOT.pack_into(self._memory, slot.offset, slot.count, request.started, name.encode(), head)
        self._memory[slot.number] = _RUNS

    def begin_sending(self, request: Request) -> None:
        """Record that a request's application has ended, and that its response is being sent."""
        if request.slot is not None:
            self._memory[request.slot.number] = _IS_SENT

    def end(self, request: Request) -> None:
        """Record that a request has ended; its log record follows."""
        slot = request.slot
        if slot is None:  # refused before it began; its log record counts too
            self.begin(request, b"")
            slot = request.slot
        if slot is not None:
            request.slot = None
            self._memory[slot.number] = 0
            self._free.append(slot)

    def set_waiting(self, connections: int) -> None:
        """Record the number of accepted connections that wait for a thread."""
        _WAITING.pack_into(self._memory, _WAITING_AT, connections)

    def explain(self, why: str) -> None:
        """Record why this process ends. Calls no built-in function, since the project may have replaced it."""
        size = self._end
        self._memory[size - _REASON : size] = why.encode("utf-8", "replace")[:_REASON].ljust(_REASON, b"\0")

    def leave(self) -> None:
        """Stop sharing, in a process that was forked: its requests do not concern the supervisor."""
        self._memory = bytearray(len(self._memory))


class Running(NamedTuple):
    """A request that has not ended."""

    started: float
    request_id: str  # with its trace, if it has one (``traces.read_origin``)
    head: bytes


class SlotUse(NamedTuple):
    """The use of the slots at one moment."""

    flags: bytes
    counts: list[int]


class Reading:
    """The supervisor's side: creates and reads the memory of one worker."""

    def __init__(self, slots: int) -> None:
        slots = min(slots, MAX_SLOTS)
        self._slots = slots
        size = _FLAGS + slots * _SLOT.size + _REASON
        self.descriptor = memory_file(size)
        try:
            self._memory = mmap.mmap(self.descriptor, size)
        except (OSError, ValueError):
            os.close(self.descriptor)
            raise
        self._counts = memoryview(self._memory)[_FLAGS : size - _REASON].cast("I")[:: _SLOT.size // 4]
        self._used = 0  # slots are used from the lowest on, so only few are ever used

    def slot_use(self) -> SlotUse:
        """Read the present use of the slots; costs 1 µs."""
        used = self._used
        while used < self._slots and self._counts[used]:
            used += 1
        self._used = used
        return SlotUse(self._memory[:used], self._counts[:used].tolist())

    def running(self) -> list[Running]:
        """Return the requests that have begun and not ended."""
        return [self._read(slot) for slot, flag in enumerate(self._memory[: self._slots]) if flag]

    def ended_count(self) -> int:
        """Return how many requests have begun and ended."""
        now = self.slot_use()
        return sum(now.counts) - sum(map(bool, now.flags))

    def waiting(self) -> int:
        """Return how many accepted connections wait for a thread."""
        found: int = _WAITING.unpack_from(self._memory, _WAITING_AT)[0]
        return found

    def reason(self) -> str:
        """Return the reason that the worker recorded for its end; "" if none."""
        return self._memory[-_REASON:].rstrip(b"\0").decode("utf-8", "replace")

    def only_one_since(self, before: SlotUse) -> str | None:
        """Return the id of the only request that has run since ``before``; None if none ran, or several."""
        now = self.slot_use()
        new = len(now.counts) - len(before.counts)
        was = zip((*before.flags, *[0] * new), (*before.counts, *[0] * new), now.counts, strict=True)
        found = [
            slot
            for slot, (flag, earlier, count) in enumerate(was)
            for _ in range((flag == _RUNS) + min(count - earlier, 2))
        ]
        return self._read(found[0]).request_id if len(found) == 1 else None

    def close(self) -> None:
        """Free the memory."""
        self._counts.release()
        self._memory.close()
        os.close(self.descriptor)

    def _read(self, slot: int) -> Running:
        _, started, name, head = _SLOT.unpack_from(self._memory, _FLAGS + slot * _SLOT.size)
        return Running(started, name.rstrip(b"\0").decode("latin-1"), head.rstrip(b"\0"))


def memory_file(size: int) -> int:
    """Return memory of this size as a descriptor; if the kernel can, it is sealed, so that nobody can shrink it."""
    if not hasattr(os, "memfd_create"):
        import tempfile  # noqa: PLC0415  where the kernel has no anonymous files

        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    import fcntl  # noqa: PLC0415  as above

    descriptor = os.memfd_create("appliance-tally", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
