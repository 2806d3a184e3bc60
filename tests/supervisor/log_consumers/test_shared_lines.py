"""The supervisor's end of what the recorder stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import cast

import pytest

from appliance.desk.line_ring import LineReader
from appliance.supervisor.log_consumers.line_pipe import COLLECT_S
from appliance.supervisor.log_consumers.shared_lines import SharedLines
from appliance.supervisor.loop import Loop
from tests.supervisor.fakes import FakeLoop


class Shared:
    """The lines, and a recorder's ends."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.lines = SharedLines(cast("Loop", self.loop))
        self.pipe = -1

    def begin(self) -> LineReader:
        """Begin as a recorder does."""
        self.pipe = self.lines.open()
        os.set_blocking(self.pipe, False)
        assert self.woken() == 1  # there may be lines of before
        return LineReader(os.dup(self.lines.descriptor))

    def woken(self) -> int:
        """How often the recorder was woken since the last call; -1 at the end."""
        try:
            return len(os.read(self.pipe, 1000)) or -1
        except BlockingIOError:
            return 0


@pytest.fixture
def shared() -> Iterator[Shared]:
    """Lines without a recorder."""
    made = Shared()
    yield made
    made.lines.free()
    if made.pipe >= 0:
        os.close(made.pipe)


def test_a_recorder_is_woken_once_for_many_lines(shared: Shared):
    """Lines wait in memory for a recorder, and wake one that runs after a moment, all at once."""
    shared.lines.write(b"before\n")
    reader = shared.begin()
    for _ in range(10):
        shared.lines.write(b"line\n", 1)
    assert shared.woken() == 0
    shared.loop.advance(COLLECT_S)
    assert shared.woken() == 1
    unread = reader.read()
    assert (unread.data.count(b"\n"), unread.requests) == (11, 10)
    shared.loop.advance(1.0)
    assert shared.woken() == 0
    reader.close()


def test_a_recorder_that_is_stopped_holds_up_nothing(shared: Shared):
    """A recorder that reads nothing for long is woken as often as the pipe takes, and the supervisor goes on."""
    reader = shared.begin()
    for _ in range(70_000):
        shared.lines.wake()
    shared.lines.write(b"last\n")
    assert reader.read().data == b"last\n"
    reader.close()


def test_what_was_not_stored_at_the_end_is_counted(shared: Shared):
    """Only lines before the end of the pipe count: a recorder can't store those that report its own end."""
    reader = shared.begin()
    shared.lines.write(b"one\ntwo\nthree\n")
    reader.stored(4, 1, 0)
    shared.lines.close()
    assert shared.woken() == -1
    shared.lines.write(b"it has ended\n")
    assert shared.lines.not_stored() == 2
    reader.finished(reader.read())
    assert shared.lines.not_stored() == 0
    reader.close()
