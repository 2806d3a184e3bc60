"""The memory in which the supervisor keeps lines for the recorder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.line_ring import LineReader, LineWriter

Made = Callable[[int], tuple[LineWriter, LineReader]]
PAGE = 4096


def pair(size: int) -> tuple[LineWriter, LineReader]:
    """The writer's and the reader's end of a ring."""
    writer = LineWriter(size)
    return writer, LineReader(os.dup(writer.descriptor))


@pytest.fixture
def made() -> Iterator[Made]:
    """Makes both ends, and closes them."""
    pairs: list[tuple[LineWriter, LineReader]] = []

    def make(size: int) -> tuple[LineWriter, LineReader]:
        pairs.append(pair(size))
        return pairs[-1]

    yield make
    for writer, reader in pairs:
        reader.close()
        writer.close()


@given(st.lists(st.lists(st.integers(0, 700), max_size=12).map(lambda sizes: [b"x" * size for size in sizes])))
def test_each_line_is_read_once_or_counted(batches: list[list[bytes]]):
    """However lines are written, read and stored, each is read whole and once, in order, or counted as left out."""
    writer, reader = pair(PAGE)
    written, found, left_out = 0, [], 0
    for batch in batches:
        lines = [b"%d:%b" % (written + number, each) for number, each in enumerate(batch)]
        written += len(lines)
        writer.write(b"".join(each + b"\n" for each in lines), len(lines))
        if len(batch) % 3 == 0:  # it is read now, else with what follows
            unread = reader.read()
            found += unread.data.split(b"\n")[:-1]
            left_out += unread.left_out
            reader.finished(unread)
        writer.reuse()
    unread = reader.read()
    found += unread.data.split(b"\n")[:-1]
    left_out += unread.left_out
    assert len(found) + left_out == written
    numbers = [int(each.partition(b":")[0]) for each in found]
    assert numbers == sorted(set(numbers))
    assert numbers[-1:] in ([], [written - 1]) or left_out
    reader.close()
    writer.close()


def test_beyond_its_size_the_last_lines_stay(made: Made):
    """If more lines come than fit, the last are read and the others counted; requests are counted too."""
    writer, reader = made(PAGE)
    for number in range(1000):
        writer.write(b"%05d %s\n" % (number, b"x" * 93), 1)
    unread = reader.read()
    lines = unread.data.split(b"\n")[:-1]
    assert [int(each[:5]) for each in lines] == list(range(1000 - len(lines), 1000))
    assert 39 <= len(lines) <= 41
    assert (unread.left_out, unread.requests) == (1000 - len(lines), 1000)
    writer.write(b"x" * PAGE + b"\n")  # as a whole it finds no room
    assert reader.read().data == unread.data
    assert reader.read().left_out == unread.left_out + 1


def test_another_reader_goes_on_where_the_last_has_stored(made: Made):
    """A recorder that is started again gets what was not stored; a database that is further on decides."""
    writer, reader = made(PAGE)
    writer.write(b"one\ntwo\nthree\n")
    reader.stored(4, 1, 0)
    again = LineReader(os.dup(writer.descriptor))
    assert again.read().data == b"two\nthree\n"
    again.resume(8)  # it was killed between the transaction and the note of it
    assert again.read().data == b"three\n"
    assert writer.stored == 2
    again.resume(4)
    again.resume(1_000_000)  # of another run
    assert (again.read().data, again.read().left_out) == (b"three\n", 0)
    again.close()


def test_memory_of_a_flood_is_freed(made: Made):
    """Once everything is stored, the first pages are used again, and the others have no memory."""
    writer, reader = made(8 * 1024 * 1024)
    for _ in range(64):
        writer.write(b"x" * 65_535 + b"\n")
    held = os.fstat(writer.descriptor).st_blocks
    reader.finished(reader.read())
    writer.reuse()
    writer.write(b"first\n")
    assert reader.read().data == b"first\n"
    assert os.fstat(writer.descriptor).st_blocks * 512 <= 1024 * 1024 + 4096 < held * 512


def test_lines_are_whole_while_they_are_overwritten(made: Made):
    """A reader that copies while the writer laps it gets whole lines alone, in order, and the number of the others."""
    writer, reader = made(64 * 1024)
    total = 40_000

    def write() -> None:
        for number in range(0, total, 20):
            writer.write(b"".join(b"%06d %s\n" % (each, b"x" * (each % 90)) for each in range(number, number + 20)))
            writer.reuse()

    thread = threading.Thread(target=write)
    thread.start()
    last, count, goes_on = -1, 0, True
    while goes_on:
        goes_on = thread.is_alive()
        unread = reader.read()
        for line in unread.data.split(b"\n")[:-1]:
            number, _, rest = line.partition(b" ")
            assert len(number) == 6
            assert rest == b"x" * (int(number) % 90)
            assert int(number) > last
            last, count = int(number), count + 1
        count += unread.left_out
        reader.finished(unread)
    thread.join()
    assert (last, count) == (total - 1, total)
