"""Bytes that wait: in their order, in memory up to a bound that is shared, on the disk beyond."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.server.io.background.byte_queue import ByteQueue, Storage, StorageFull
from tests.thorough import THOROUGH

LARGE = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def storage() -> Iterator[Storage]:
    """One with room for two megabytes, all of which must be free in the end."""
    storage = Storage(2 * len(LARGE))
    yield storage
    assert storage.memory_left == 2 * len(LARGE)
    assert (storage.held, storage.files) == ({}, 0)


@pytest.mark.parametrize("memory", [0, 1000, 100_000, 10_000_000])
def test_the_bytes_of_the_queue_come_out_as_they_went_in(memory: int):
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
    assert (storage.memory_left, storage.held, storage.files) == (memory, {}, 0)


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
    assert storage.memory_left == len(LARGE)
    for queue in queues:
        assert queue.take(queue.size) == LARGE
        queue.close()


def test_small_pieces_are_put_together(storage: Storage):
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
    assert storage.files == 1
    assert os.fstat(queue._file).st_dev == tmp_path.stat().st_dev
    assert list(tmp_path.iterdir()) == []
    assert queue.take(queue.size) == b"".join(LARGE[number:] for number in range(5))
    queue.append(b"more")
    assert os.fstat(queue._file).st_size == 0
    queue.close()


def test_a_full_disk_takes_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    """Bytes that cannot be written are not queued, the queue stays as it was, and the reason is reported once."""
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
    storage.take_problem()
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


def test_a_part_of_a_file_follows_the_queued_bytes(storage: Storage, tmp_path: Path):
    """A part of a foreign file follows the queued bytes; the file may be closed, removed or truncated meanwhile."""
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


@pytest.mark.parametrize("size", [65_537, 262_143])
def test_one_object_is_held_once_however_small(storage: Storage, size: int):
    """The same object counts once; one of equal content does so from 256 KiB on, where comparing is cheaper."""
    data = LARGE[:size]
    queues = [ByteQueue(storage) for _ in range(3)]
    for queue in queues[:2]:
        queue.append(data)
    assert storage.memory_left == 2 * len(LARGE) - size
    queues[2].append(bytes(bytearray(data)))
    assert storage.memory_left == 2 * len(LARGE) - 2 * size
    alike = [ByteQueue(storage) for _ in range(2)]
    for queue in alike:
        queue.append(bytes(bytearray(LARGE[:262_144])))
    assert storage.memory_left == 2 * len(LARGE) - 2 * size - 262_144
    for queue in (*queues, *alike):
        queue.close()


def test_small_pieces_are_copied_and_large_ones_held(storage: Storage):
    """Up to 64 KiB bytes are copied, and joined to blocks of that size; a part is held if it is half of its object."""
    queue = ByteQueue(storage)
    for size, blocks in ((65_535, 1), (1, 1), (1, 2), (65_535, 2), (65_536, 3)):
        queue.append(LARGE[:size])
        assert len(queue._memory) == blocks
    assert storage.held == {}
    queue.append(memoryview(LARGE)[len(LARGE) // 2 :])
    assert [data for data, _ in storage.held.values()] == [LARGE]
    queue.append(memoryview(LARGE)[len(LARGE) // 2 + 1 :])
    assert [count for _, count in storage.held.values()] == [1]
    queue.close()


@pytest.mark.parametrize("size", [10, 100_000])
def test_memory_is_used_to_its_last_byte(size: int):
    """As much as the bound is in memory, copied or held; a byte more is in a file."""
    storage = Storage(size)
    queue = ByteQueue(storage)
    queue.append(LARGE[:size])
    assert (storage.memory_left, storage.files, queue.extent) == (0, 0, size)
    queue.append(b"x")
    assert (storage.files, queue.extent, queue.take(1), queue.take(size)) == (
        1,
        size + 1,
        LARGE[:1],
        LARGE[1:size] + b"x",
    )
    queue.close()


def test_an_eighth_of_the_disk_is_left(monkeypatch: pytest.MonkeyPatch):
    """Files take seven eighths of what was free, to the byte; what is closed or emptied is free again."""
    numbers = list(os.fstatvfs(0))
    numbers[1], numbers[4] = 1, 8007
    monkeypatch.setattr(os, "fstatvfs", lambda _: os.statvfs_result(numbers))
    storage = Storage(0)
    one, other = ByteQueue(storage), ByteQueue(storage)
    one.append(b"x" * 6000)
    other.append(b"y" * 1000)
    assert (storage.files, storage.disk_left) == (2, 0)
    for queue in (one, other):
        with pytest.raises(StorageFull) as caught:
            queue.append(b"z")
        assert (caught.value.errno, caught.value.strerror) == (
            errno.ENOSPC, "the disk would be left with too little space",
        )  # fmt: skip
    assert storage.problem == "[Errno 28] the disk would be left with too little space"
    assert one.take(6000) == b"x" * 6000
    one.append(b"again")  # the file was empty, and begins again
    assert storage.disk_left == 6000 - 5
    other.close()
    assert storage.disk_left == 7000 - 5
    assert one.take(10) == b"again"
    one.append(b"")
    one.close()
    assert (storage.files, storage.disk_left) == (0, 7000)


def test_a_problem_is_reported_once_until_a_write_succeeds(monkeypatch: pytest.MonkeyPatch):
    """A problem is there to be logged when it begins, and again if writing has succeeded between."""
    storage = Storage(0)
    queue = ByteQueue(storage)
    assert storage.problem is None
    seen: list[str | None] = []
    for fails in (True, True, False, True):
        with monkeypatch.context() as patch:
            if fails:
                patch.setattr(os, "pwrite", _full)
                with pytest.raises(OSError, match="No space"):
                    queue.append(b"x")
            else:
                queue.append(b"x")
        seen.append(storage.take_problem())
    problem = "[Errno 28] No space left on device"
    assert seen == [problem, None, None, problem]
    queue.close()
    assert storage.disk_left > 0


def test_a_disk_that_is_not_known_takes_nothing(monkeypatch: pytest.MonkeyPatch):
    """If the free space can't be read, no file is left open, and the error is the problem."""
    storage = Storage(0)
    closed: list[int] = []
    with monkeypatch.context() as patch:
        close = os.close
        patch.setattr(os, "fstatvfs", _full)

        def noted(descriptor: int) -> None:
            closed.append(descriptor)
            close(descriptor)

        patch.setattr(os, "close", noted)
        with pytest.raises(OSError, match="No space"):
            ByteQueue(storage).append(b"x")
    assert (len(closed), storage.files, storage.problem) == (1, 0, "[Errno 28] No space left on device")


def test_a_write_may_take_several_steps(monkeypatch: pytest.MonkeyPatch):
    """A write that the disk takes in parts is finished part by part, and overwrites bytes that could not be removed."""
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: pwrite(file, data[:1000], at))
    monkeypatch.setattr(os, "ftruncate", _full)
    queue = ByteQueue(Storage(0))
    for _ in range(2):
        for number in range(3):
            queue.append(LARGE[number : number + 2500])
        assert queue.take(7500) == b"".join(LARGE[number : number + 2500] for number in range(3))
    queue.close()


def test_the_last_bytes_come_last(storage: Storage):
    """Bytes without room follow all others, however many there are; a closed queue is empty, also if closed twice."""
    queue = ByteQueue(storage)
    assert (queue.size, queue.missing, queue.extent, bytes(queue.first())) == (0, 0, 0, b"")
    for data in (LARGE, LARGE[1:], LARGE[2:]):
        queue.append(data)
    queue.append_last(b"the ")
    queue.append_last(b"last")
    assert queue.take(queue.size) == LARGE + LARGE[1:] + LARGE[2:] + b"the last"
    queue.append_last(b"more")
    for _ in range(2):
        queue.close()
        assert (queue.size, queue.extent, bytes(queue.first()), queue.take(1)) == (0, 0, b"", b"")
        assert (storage.memory_left, storage.files) == (2 * len(LARGE), 0)


def test_a_file_with_descriptor_0_is_used_and_closed(monkeypatch: pytest.MonkeyPatch):
    """A project that has closed its standard input may get 0 for a file: it is used, and closed, as any other."""
    closed: list[object] = []
    opened: list[int] = []
    storage = Storage(0)

    def open_file() -> int:
        opened.append(0)
        return 0

    monkeypatch.setattr(storage, "open_file", open_file)
    monkeypatch.setattr(storage, "take_disk", lambda _: None)
    monkeypatch.setattr(storage, "close_file", lambda file: closed.append(("own", file)))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda _, data, __: len(data))
        patch.setattr(os, "dup", lambda _: 0)
        patch.setattr(os, "close", lambda file: closed.append(("foreign", file)))
        own, foreign = ByteQueue(storage), ByteQueue(storage)
        own.append(b"a")
        own.append(b"b")
        foreign.append_file(7, 0, 10)
        for queue in (own, foreign):
            with pytest.raises(StorageFull) as caught:
                queue.append_file(7, 0, 10)
            assert (caught.value.errno, caught.value.strerror) == (errno.EBUSY, "the queue has a file already")
            queue.close()
    assert (opened, closed) == ([0], [("own", 0), ("foreign", 0)])


def test_nothing_follows_a_file_of_the_application(storage: Storage, tmp_path: Path):
    """Bytes after a file of the application have no room, neither in memory nor in a file."""
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    queue = ByteQueue(storage)
    with file.open("rb") as source:
        queue.append_file(source.fileno(), 0, 3)
    with pytest.raises(StorageFull) as caught:
        queue.append(b"x")
    assert (caught.value.errno, caught.value.strerror) == (
        errno.EBUSY, "nothing can follow a file of the application's",
    )  # fmt: skip
    assert (queue.extent, queue.take(10)) == (3, b"abc")
    queue.close()
