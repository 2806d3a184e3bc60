"""The writer: whole lines, in order, none lost but at a stop or a closed stdout, and then counted."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import threading

import pytest

from appliance.logs.writer import Writer
from tests.faults.injections import NO_THREAD

LINES = [b"%d %s\n" % (number, b"x" * (number % 300)) for number in range(3000)]


@pytest.fixture
def pipe():
    """A small pipe, as files: the end to read and the end to write; a file can be closed twice, a number can't."""
    numbers = os.pipe()
    fcntl.fcntl(numbers[1], fcntl.F_SETPIPE_SZ, 4096)
    with io.FileIO(numbers[0], "r") as reading, io.FileIO(numbers[1], "w") as writing:
        yield reading, writing


@pytest.fixture
def stderr():
    """The ends of a pipe for the writer's reports of losses."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def read_all(reading, into):
    """Read until the other end is closed."""
    while data := reading.read(65_536):
        into.append(data)


def test_all_lines_arrive_in_order(pipe):
    """Every line that is written before a close arrives, whole and in order."""
    reading, writing = pipe
    got: list[bytes] = []
    reader = threading.Thread(target=read_all, args=(reading, got))
    reader.start()
    writer = Writer(writing.fileno(), bound=1_000_000)
    for line in LINES:
        writer.write(line)
    assert writer.close(within_s=30) == 0
    writing.close()
    reader.join()
    assert b"".join(got) == b"".join(LINES)


def test_lines_of_several_threads_stay_whole(pipe):
    """Lines that threads write at the same time never mix."""
    reading, writing = pipe
    got: list[bytes] = []
    reader = threading.Thread(target=read_all, args=(reading, got))
    reader.start()
    writer = Writer(writing.fileno(), bound=1_000_000)

    def some(start):
        for line in LINES[start::4]:
            writer.write(line)

    threads = [threading.Thread(target=some, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.close(within_s=30) == 0
    writing.close()
    reader.join()
    assert sorted(b"".join(got).splitlines(keepends=True)) == sorted(LINES)


def test_a_full_stdout_that_does_not_block_loses_nothing(pipe):
    """A stdout that somebody made non-blocking loses nothing when it is full."""
    reading, writing = pipe
    os.set_blocking(writing.fileno(), False)
    writer = Writer(writing.fileno(), bound=1_000_000)
    for line in LINES:
        writer.write(line)
    got: list[bytes] = []
    reader = threading.Thread(target=read_all, args=(reading, got))
    reader.start()
    assert writer.close(within_s=30) == 0
    writing.close()
    reader.join()
    assert b"".join(got) == b"".join(LINES)


def test_a_full_queue_stays_full_until_half_of_it_has_gone(pipe):
    """A queue at its bound is full until half of it has gone; then its callback is called."""
    reading, writing = pipe
    writer = Writer(writing.fileno(), bound=100_000)
    room = threading.Event()
    writer.attach(room.set)
    written = 0
    while written < 100_000:
        writer.write(b"x" * 999 + b"\n")
        written += 1000
    writer.write(b"x" * 9_999 + b"\n")  # nobody reads: at most what a pipe of 4,096 bytes holds has left the queue
    assert (writer.full, room.is_set()) == (True, False)
    taken = 0
    while not room.is_set() and taken < written:
        taken += len(reading.read(4096))
    assert room.wait(10)
    assert (writer.full, room.is_set()) == (False, True)
    assert taken >= 50_000  # room for a line or two would stop and start the children at each line
    reader = threading.Thread(target=read_all, args=(reading, []))
    reader.start()
    assert writer.close(within_s=30) == 0
    writing.close()
    reader.join()


def test_a_stop_drops_and_counts(pipe, stderr):
    """A close that nobody reads for gives up in time, and what never arrived is counted on stderr, as one JSON line."""
    reading, writing = pipe
    writer = Writer(writing.fileno(), bound=1_000_000, stderr=stderr[1])
    for line in LINES:
        writer.write(line)
    lost = writer.close(within_s=0.01)
    writer.write(b"late\n")
    writing.close()
    line = json.loads(os.read(stderr[0], 65_536))
    assert (line["event"], line["count"], line["level"], line["role"]) == ("records.lost", lost, "error", "supervisor")
    whole = reading.read(65_536).count(b"\n")
    assert lost == len(LINES) - whole


def test_a_closed_stdout_raises_nothing_and_lines_are_counted(pipe, stderr):
    """When nobody reads any more, lines are counted, those who wait are let go, and nothing is raised."""
    reading, writing = pipe
    writer = Writer(writing.fileno(), bound=10, stderr=stderr[1])
    room = threading.Event()
    writer.attach(room.set)
    reading.close()
    writer.write(b"a line that is full at once\n")
    assert room.wait(10)
    writer.write(b"two\nlines\n")
    assert not writer.full
    assert writer.close(within_s=10) == 3
    assert json.loads(os.read(stderr[0], 65_536))["count"] == 3


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EPIPE, errno.EBADF])
def test_the_log_goes_on_after_a_full_disk(pipe, stderr, monkeypatch, code):
    """A disk that is full for a while loses what is beyond the bound, and then the log goes on and says how much."""
    reading, writing = pipe
    broken = threading.Event()
    tried = threading.Semaphore(0)
    write = os.write

    def failing(descriptor, data):
        if descriptor == writing.fileno() and broken.is_set():
            tried.release()
            raise OSError(code, os.strerror(code))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", failing)
    writer = Writer(writing.fileno(), bound=1000, stderr=stderr[1])
    broken.set()
    for number in range(300):
        writer.write(b'{"n":%d}\n' % number)
    assert tried.acquire(timeout=10)
    assert tried.acquire(timeout=10)
    for number in range(300, 600):
        writer.write(b'{"n":%d}\n' % number)
    assert not writer.full
    broken.clear()
    got = b""
    while b"records.lost" not in got or not got.endswith(b"\n"):
        got += reading.read(65_536)
    writer.write(b'{"n":600}\n')
    got += reading.read(65_536)
    assert writer.close(within_s=10) > 0
    lines = [json.loads(line) for line in got.splitlines()]
    kept = [line["n"] for line in lines if "n" in line]
    reported = [line["count"] for line in lines if line.get("event") == "records.lost"]
    assert kept == sorted(kept)
    assert kept[-1] == 600
    assert len(kept) + sum(reported) == 601


@pytest.mark.usefixtures("thread_faults")
def test_the_caller_writes_if_no_thread_is_available(pipe, faults):
    """If no thread can be started, the caller writes the line, and a thread does as soon as there is one."""
    reading, writing = pipe
    faults.plan("log-writer", NO_THREAD)
    writer = Writer(writing.fileno(), bound=1_000_000)
    writer.write(b"one\n")
    assert reading.read(100) == b"one\n"
    faults.end("log-writer")
    writer.write(b"two\n")
    assert reading.read(100) == b"two\n"
    assert writer.close(within_s=10) == 0


@pytest.mark.usefixtures("thread_faults")
def test_a_full_pipe_holds_up_nobody_without_a_thread(pipe, stderr, faults):
    """Without a thread nobody is held up by a full pipe, and what never left it is counted at the end."""
    reading, writing = pipe
    faults.plan("log-writer", NO_THREAD)
    writer = Writer(writing.fileno(), bound=1_000_000, stderr=stderr[1])
    for line in LINES:
        writer.write(line)
    lost = writer.close()
    writing.close()
    left = b""
    while data := reading.read(65_536):
        left += data
    assert lost == len(LINES) - left.count(b"\n")


def test_a_close_ends_though_both_streams_are_one_full_pipe(pipe):
    """A close ends though stderr is the same full pipe that nobody reads."""
    _, writing = pipe
    writer = Writer(writing.fileno(), bound=1_000_000, stderr=writing.fileno())
    for _ in range(1000):
        writer.write(b"x" * 3990 + b"\n")
    assert writer.close(within_s=0.1) >= 998


def test_nothing_lost_is_nothing_said(pipe, stderr):
    """A close after which nothing is missing leaves stderr alone."""
    writer = Writer(pipe[1].fileno(), bound=10, stderr=stderr[1])
    writer.write(b"line\n")
    assert writer.close(within_s=10) == 0
    os.set_blocking(stderr[0], False)
    with pytest.raises(BlockingIOError):
        os.read(stderr[0], 1)
