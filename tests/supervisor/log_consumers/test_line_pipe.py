"""The pipe of a process that gets a copy of the log, and that does not read for a while."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

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


def test_a_process_that_reads_nothing_costs_little(monkeypatch: pytest.MonkeyPatch):
    """Of the lines that are held, each try writes no more than a pipe can hold; all of them arrive in their order."""
    loop, write = FakeLoop(), os.write
    pipe = LinePipe(cast("Loop", loop), lambda _: None)
    lines = [f"{number:>100000}\n".encode() for number in range(70)]
    for line in lines:
        pipe.write(line)
    sizes: list[int] = []

    def recorded(descriptor: int, data: bytes) -> int:
        sizes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", recorded)
    read = pipe.open()
    pipe.flush()
    loop.advance(10 * COLLECT_S)
    assert max(sizes) <= 1024 * 1024
    received = bytearray()
    while len(received) < sum(map(len, lines)):
        received += os.read(read, HELD_BYTES)
        loop.advance(COLLECT_S)
    pipe.close()
    os.close(read)
    assert bytes(received) == b"".join(lines)


def test_a_secret_that_is_not_utf_8_reaches_the_exporter():
    """The bytes of a variable may be any: its text is named as it is, once."""
    runtime: Any = SimpleNamespace(process={}, loop=FakeLoop())
    exporter = ExporterProcess(runtime, None, secure=False)
    for _ in range(2):
        exporter.name_secrets(["passw\udcf6rt123"])
    pipe = exporter._pipe
    read = pipe.open()
    pipe.flush()
    pipe.close()
    with os.fdopen(read, "rb") as lines:
        (line,) = lines
    assert json.loads(line) == {"secrets": ["passw\udcf6rt123"]}
