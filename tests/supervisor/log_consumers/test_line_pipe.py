"""The pipe of a process that gets a copy of the log, and that does not read for a while."""

from __future__ import annotations

import os
from typing import cast

from appliance.supervisor.log_consumers.line_pipe import COLLECT_S, HELD_BYTES, LinePipe
from appliance.supervisor.loop import Loop
from tests.supervisor.fakes import FakeLoop


def test_lines_that_must_arrive_are_held_beyond_the_limit():
    """Once too much is held, a line is left out and counted, and what must arrive follows the held lines."""
    loop = FakeLoop()
    left_out: list[int] = []
    pipe = LinePipe(cast("Loop", loop), left_out.append)
    pipe.write(b"x" * (HELD_BYTES - 1) + b"\n")
    pipe.write(b"left out\n")
    pipe.write_always(b"secrets\n")
    read = pipe.open()
    pipe.flush()
    received = b""
    while not left_out:
        received += os.read(read, HELD_BYTES)
        loop.advance(COLLECT_S)
    pipe.close()
    while part := os.read(read, HELD_BYTES):
        received += part
    os.close(read)
    assert left_out == [1]
    assert received.endswith(b"x\nsecrets\n")
