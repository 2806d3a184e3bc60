"""The pipe of a process that gets a copy of the log, and that does not read for a while."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any, cast

from appliance.supervisor.log_consumers.exporter_process import ExporterProcess
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


def test_a_secret_that_is_not_utf_8_reaches_the_exporter():
    """The bytes of a variable may be any: its text is named as it is, once."""
    runtime: Any = SimpleNamespace(process={}, loop=FakeLoop())
    exporter = ExporterProcess(runtime, None, secure=False)
    for _ in range(2):
        exporter.name_secrets(["passw\udcf6rt123"])
    read = exporter._pipe.open()
    exporter._pipe.flush()
    exporter._pipe.close()
    with os.fdopen(read, "rb") as lines:
        (line,) = lines
    assert json.loads(line) == {"secrets": ["passw\udcf6rt123"]}
