"""A queue of bytes: in memory up to a bound that a server's connections share, in files beyond it.

Knows no sockets and no HTTP. A queue is used by one thread at a time (``transfer`` has the lock), the storage by any.

Theory of operation. Large objects are not copied: the object itself is held, and only once if many connections wait for
it, or for one of equal content. Small ones are copied, so that a few bytes never keep an object of megabytes alive.
When the memory is used up, or the queue has bytes in a file already, further bytes go to a file without a name, one for
each queue. An eighth of the file system's free space is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections import deque

from .unnamed_file import open_unnamed

_BLOCK = 65_536  # bytes of one read from a file, and the most that copies are joined to
_SMALL = 65_536  # objects up to this size are copied
_ALIKE = 262_144  # from this size on, search for equal content: to compare takes 0.1 ms a megabyte, to write 3 ms


SPACE = "Give the folder for temporary files (TMPDIR, /tmp) some space, or make it writable."


class StorageFull(OSError):  # noqa: N818  the name of a state, as BlockingIOError's
    """There is no room for more."""


class Storage:
    """The memory and the disk that the queues of a server share.

    Attributes:
        memory_left: bytes of memory that may still be used.
        disk_left: bytes that the files may still grow by, once there is one.
        files: how many queues have a file.
        held: the objects that are held, and how many queues hold each; by their id.
        problem: why nothing could be written to a file; None once it was taken, to be logged.
    """

    def __init__(self, memory_bytes: int) -> None:
        self._lock = threading.Lock()
        self.memory_left = memory_bytes
        self.disk_left = 0
        self.files = 0
        self.held: dict[int, tuple[bytes, int]] = {}
        self._logged = False
        self.problem: str | None = None

    def take_problem(self) -> str | None:
        """Take the reason why nothing could be written to a file: it is returned once, then None."""
        problem, self.problem = self.problem, None
        return problem

    def hold(self, data: bytes) -> bytes | None:
        """Return the object to hold in place of this one, itself or an equal one; None if memory has no room for it."""
        size = len(data)
        with self._lock:
            held = self.held.get(id(data))
            if held is None and size >= _ALIKE:
                held = next((each for each in self.held.values() if len(each[0]) == size and each[0] == data), None)
            if held is not None:
                self.held[id(held[0])] = (held[0], held[1] + 1)
                return held[0]
            if size > self.memory_left:
                return None
            self.memory_left -= size
            self.held[id(data)] = (data, 1)
            return data

    def release(self, data: bytes) -> None:
        """Release an object that was held."""
        with self._lock:
            held, count = self.held[id(data)]
            if count > 1:
                self.held[id(data)] = (held, count - 1)
            else:
                del self.held[id(data)]
                self.memory_left += len(data)

    def take_memory(self, size: int) -> bool:
        """Reserve memory for so many copied bytes; False if there is no room."""
        with self._lock:
            if size > self.memory_left:
                return False
            self.memory_left -= size
            return True

    def give_memory(self, size: int) -> None:
        """Release reserved memory."""
        with self._lock:
            self.memory_left += size

    def open_file(self) -> int:
        """Return the descriptor of a new file without a name.

        Raises:
            OSError: it can't be made.
        """
        descriptor = open_unnamed()
        try:
            with self._lock:
                if not self.files:
                    room = os.fstatvfs(descriptor)
                    self.disk_left = room.f_bavail * room.f_frsize // 8 * 7
                self.files += 1
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def take_disk(self, size: int) -> None:
        """Reserve disk space for so many bytes.

        Raises:
            StorageFull: the file system would have too little left.
        """
        with self._lock:
            if size > self.disk_left:
                raise StorageFull(errno.ENOSPC, "the disk would be left with too little space")
            self.disk_left -= size

    def give_disk(self, size: int) -> None:
        """Release reserved disk space."""
        with self._lock:
            self.disk_left += size

    def close_file(self, descriptor: int) -> None:
        """Close a file that is no longer used."""
        os.close(descriptor)
        with self._lock:
            self.files -= 1

    def failed(self, error: OSError) -> None:
        """Note that a write to a file failed."""
        if not self._logged:
            self._logged, self.problem = True, str(error)

    def write_succeeded(self) -> None:
        """Note that a write to a file succeeded."""
        self._logged = False


class ByteQueue:
    """The queue of one connection.

    Attributes:
        size: the number of bytes that wait.
        missing: bytes that a file of the application turned out not to have.
    """

    __slots__ = (
        "_block", "_file", "_foreign", "_last", "_memory", "_owner", "_read_at", "_storage", "_write_at", "missing",
        "size",
    )  # fmt: skip

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        # In this order: in memory, copied bytes, or a held object with the offset of its first byte that waits; then in
        # the file; then in ``_last``, bytes that had no room there.
        self._memory: deque[bytearray | tuple[bytes, int]] = deque()
        self._file = -1
        self._foreign = False  # the file is the application's
        self._read_at = self._write_at = 0
        self._last = b""
        self._block = memoryview(b"")  # the bytes that ``first`` returns
        self._owner: bytes | int = 0  # of the block: the held object, or the number of bytes that were copied
        self.size = 0
        self.missing = 0

    @property
    def extent(self) -> int:
        """The bytes of memory or disk that the queue occupies: a file's space is free once all its bytes were taken."""
        return self.size if self._foreign or self._read_at == self._write_at else max(self.size, self._write_at)

    def append(self, data: bytes | memoryview) -> None:
        """Append bytes: in memory, or by ``reserve``, ``write`` and ``commit``.

        Raises:
            OSError: there is no room; ``StorageFull`` is one. Nothing was appended.
        """
        if not self.remember(data):
            self.reserve(len(data))
            self.write(data)
            self.commit(len(data))

    def append_last(self, data: bytes) -> None:
        """Append in memory although there is no room: these bytes must not be lost. Nothing may follow them."""
        self._storage.give_memory(-len(data))
        self._last += data
        self.size += len(data)

    def append_file(self, descriptor: int, offset: int, count: int) -> None:
        """Append a part of the application's file. Nothing may follow it.

        Raises:
            OSError: there is no descriptor left.
        """
        if self._file >= 0:
            raise StorageFull(errno.EBUSY, "the queue has a file already")
        self._file = os.dup(descriptor)
        self._foreign = True
        self._read_at, self._write_at = offset, offset + count
        self.size += count

    def remember(self, data: bytes | memoryview) -> bool:
        """Append in memory; False if the bytes have to go to the file."""
        storage, size = self._storage, len(data)
        if self._foreign or self._read_at != self._write_at:
            return False
        if self._write_at:  # all bytes of the file were taken
            self._empty_file()
        whole = data.obj if isinstance(data, memoryview) else data
        if size > _SMALL and type(whole) is bytes and 2 * size >= len(whole):
            held = storage.hold(whole)
            if held is not None:
                self._memory.append((held, len(whole) - size))
                self.size += size
                return True
        if not storage.take_memory(size):
            return False
        last = self._memory[-1] if self._memory else None
        if isinstance(last, bytearray) and len(last) + size <= _BLOCK:
            last += data
        else:
            self._memory.append(bytearray(data))
        self.size += size
        return True

    def _empty_file(self) -> None:
        with contextlib.suppress(OSError):  # else the next bytes overwrite the old ones
            os.ftruncate(self._file, 0)
        self._storage.give_disk(self._write_at)
        self._read_at = self._write_at = 0

    def reserve(self, size: int) -> None:
        """Make room for so many bytes in the file.

        Raises:
            OSError: there is none; ``StorageFull`` is one.
        """
        storage = self._storage
        try:
            if self._foreign:
                raise StorageFull(errno.EBUSY, "nothing can follow a file of the application's")
            if self._file < 0:
                self._file = storage.open_file()
            storage.take_disk(size)
        except OSError as error:
            storage.failed(error)
            raise

    def write(self, data: bytes | memoryview) -> None:
        """Write into the reserved room. No lock is needed: no thread reads it before ``commit``.

        Raises:
            OSError: it can't be written; the room is released.
        """
        rest, at = memoryview(data), self._write_at
        try:
            while rest:
                written = os.pwrite(self._file, rest, at)
                rest = rest[written:]
                at += written
        except OSError as error:
            self._storage.give_disk(len(data))
            self._storage.failed(error)
            raise

    def commit(self, size: int) -> None:
        """Append the bytes that were written to the reserved room."""
        self._write_at += size
        self.size += size
        self._storage.write_succeeded()

    def first(self) -> memoryview:
        """Return some of the first bytes; empty if there are none. The same ones until ``drop``.

        Raises:
            OSError: the file can't be read.
        """
        if not self._block and self.size:
            self._release()
            if self._memory:
                part = self._memory.popleft()
                if isinstance(part, bytearray):
                    self._block, self._owner = memoryview(part), len(part)  # no thread extends it any more
                else:
                    self._block, self._owner = memoryview(part[0])[part[1] :], part[0]
            elif self._read_at < self._write_at:
                self._block = memoryview(self._read())
            else:
                self._block, self._owner, self._last = memoryview(self._last), len(self._last), b""
        return self._block

    def _read(self) -> bytes:
        wanted = self._write_at - self._read_at
        data = os.pread(self._file, min(_BLOCK, wanted), self._read_at)
        self._read_at += len(data)
        if not data:  # it is the application's, and has shrunk
            self.missing = wanted
            self.size -= wanted
            self._read_at = self._write_at
        return data

    def drop(self, count: int) -> None:
        """Remove so many bytes of ``first``'s."""
        self._block = self._block[count:]
        self.size -= count

    def take(self, most: int) -> bytes:
        """Remove and return the first bytes, at most so many."""
        parts = []
        while most > 0 and (block := self.first()):
            part = bytes(block[:most])
            self.drop(len(part))
            most -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _release(self) -> None:
        owner, self._owner = self._owner, 0
        if isinstance(owner, bytes):
            self._storage.release(owner)
        elif owner:
            self._storage.give_memory(owner)

    def close(self) -> None:
        """Release all memory and disk space of the queue."""
        storage = self._storage
        self._block = memoryview(b"")
        self._release()
        for part in self._memory:
            if isinstance(part, bytearray):
                storage.give_memory(len(part))
            else:
                storage.release(part[0])
        self._memory.clear()
        storage.give_memory(len(self._last))
        self._last = b""
        if self._file >= 0:
            descriptor, self._file = self._file, -1
            if self._foreign:
                os.close(descriptor)
            else:
                storage.give_disk(self._write_at)
                storage.close_file(descriptor)
        self._read_at = self._write_at = self.size = 0
