"""A loop, two sockets for it to watch, and the time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from appliance.supervisor.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop whose descriptors pause for a moment only."""
    made = Loop(pauses_s=(0.001, 0.002, 0.003))
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends; one byte waits at the first."""
    one, other = socket.socketpair()
    other.send(b"x")
    with one, other:
        yield one, other


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test sets; handles that were made before keep theirs."""
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now
