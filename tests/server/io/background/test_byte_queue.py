"""Bytes that wait: in their order, in memory up to a bound that is shared, on the disk beyond."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.server.io.background import byte_queue
from appliance.server.io.background.byte_queue import ByteQueue, Storage, StorageFull
from tests.thorough import THOROUGH

LARGE = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def storage() -> Iterator[Storage]:
    """One with room for two megabytes, all of which must be free in the end."""
    storage = Storage(2 * len(LARGE))
    yield storage
    assert storage._memory_left == 2 * len(LARGE)
    assert (storage._held, storage._files) == ({}, 0)


@pytest.mark.parametrize("memory", [0, 1000, 100_000, 10_000_000])
def test_what_goes_in_comes_out(memory: int):
    """However pieces are put and taken, and wherever they are kept, the bytes are the same; all room is given back."""
    chance = random.Random(memory)
    storage = Storage(memory)
    queue = ByteQueue(storage)
    put, taken = bytearray(), bytearray()
    for _ in range(2000 if THOROUGH else 300):
        if chance.random() < 0.5:
            data = chance.randbytes(chance.choice([1, 10, 5000, 70_000, 300_000]))
            rest = memoryview(data)[chance.choice([0, 0, len(data) // 3]) :]
            queue.append(rest)
            put += rest
        else:
            taken += queue.take(chance.choice([1, 100, 65_536, 400_000]))
        assert queue.size == len(put) - len(taken)
    queue.append_last(b"the last")
    taken += queue.take(queue.size)
    assert taken == put + b"the last"
    queue.close()
    assert (storage._memory_left, storage._held, storage._files) == (memory, {}, 0)


def test_an_object_is_held_and_not_copied(storage: Storage):
    """A large object is held as it is, and so is a part that is most of it; small parts are copied."""
    queue = ByteQueue(storage)
    queue.append(memoryview(LARGE)[1000:])
    assert queue.first().obj is LARGE
    queue.append(memoryview(LARGE)[-1000:])
    queue.drop(len(queue.first()))
    assert bytes(queue.first()) == LARGE[-1000:]
    assert queue.first().obj is not LARGE
    queue.close()


def test_what_is_equal_is_held_once(storage: Storage):
    """The same object, or one of the same content, counts once however many wait for it."""
    queues = [ByteQueue(storage) for _ in range(10)]
    for queue in queues:
        queue.append(bytes(bytearray(LARGE)))
    assert storage._memory_left == len(LARGE)
    for queue in queues:
        assert queue.take(queue.size) == LARGE
        queue.close()


def test_small_pieces_cost_their_size(storage: Storage):
    """Thousands of pieces of some bytes are put together."""
    queue = ByteQueue(storage)
    for _ in range(30_000):
        queue.append(b"abc")
    assert len(queue._memory) < 10
    assert queue.take(queue.size) == b"abc" * 30_000
    queue.close()


def test_beyond_memory_is_a_file_without_a_name(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Bytes beyond the memory are in a nameless temporary file, which starts at 0 again when emptied."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    queue = ByteQueue(storage)
    for number in range(5):
        queue.append(LARGE[number:])
    assert storage._files == 1
    assert os.fstat(queue._file).st_dev == tmp_path.stat().st_dev
    assert list(tmp_path.iterdir()) == []
    assert queue.take(queue.size) == b"".join(LARGE[number:] for number in range(5))
    queue.append(b"more")
    assert os.fstat(queue._file).st_size == 0
    queue.close()


def test_a_folder_that_has_no_such_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the file system has no files without names, the name is removed at once."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    opened = os.open

    def faulty(path: str, flags: int, *more: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", faulty)
    descriptor = byte_queue._unnamed()
    assert os.pwrite(descriptor, b"abc", 0) == 3
    assert list(tmp_path.iterdir()) == []
    os.close(descriptor)


def test_a_folder_that_can_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The next one is taken."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    descriptor = byte_queue._unnamed()
    assert os.pwrite(descriptor, b"abc", 0) == 3
    os.close(descriptor)


def test_a_full_disk_takes_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    """What can't be written is not in the queue, what is there stays, and the reason is there to be told, once."""
    queue = ByteQueue(storage)
    queue.append(LARGE)
    queue.append(LARGE[1:])
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", _full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                queue.append(LARGE[2:])
    assert storage.problem is not None
    assert "No space" in storage.problem
    storage.problem = None
    queue.append(LARGE[3:])
    assert queue.take(queue.size) == LARGE + LARGE[1:] + LARGE[3:]
    queue.close()


def _full(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_disk_is_not_filled(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    """An eighth of what was free is left to others, whatever waits."""
    found = os.fstatvfs(0)
    numbers = list(found)
    numbers[1], numbers[4] = 1024, 4096  # 4 MiB are free
    monkeypatch.setattr(os, "fstatvfs", lambda _: os.statvfs_result(numbers))
    queue = ByteQueue(storage)
    for number in range(5):
        queue.append(LARGE[number:])
    with pytest.raises(StorageFull):
        queue.append(LARGE[6:])
    queue.close()


def test_a_part_of_a_file(storage: Storage, tmp_path: Path):
    """A part of somebody's file comes behind what waits; it may be closed and removed meanwhile, or shrink."""
    file = tmp_path / "file"
    file.write_bytes(LARGE)
    queue = ByteQueue(storage)
    queue.append(b"before ")
    with file.open("rb") as source:
        queue.append_file(source.fileno(), 10, 200_000)
    assert queue.take(100_007) == b"before " + LARGE[10:100_010]
    with file.open("r+b") as source:
        source.truncate(150_010)
    file.unlink()
    assert queue.take(queue.size) == LARGE[100_010:150_010]
    assert (queue.missing, queue.size) == (50_000, 0)
    with pytest.raises(StorageFull):
        queue.append(LARGE)
    queue.close()
