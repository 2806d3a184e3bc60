"""The fixtures of transfers in the background."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.server.io.background import transfer
from appliance.server.io.background.byte_queue import Storage
from tests.server.transfers import LARGE, Clock, FakeWire, Server


@pytest.fixture
def wire() -> Iterator[Any]:
    """A wire."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield FakeWire(ours)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock."""
    clock = Clock()
    monkeypatch.setattr(transfer, "monotonic", clock)
    return clock


@pytest.fixture
def storage() -> Iterator[Storage]:
    """One with room for a megabyte of memory, all of which must be free in the end."""
    storage = Storage(len(LARGE))
    yield storage
    assert (storage.memory_left, storage.held, storage.files) == (len(LARGE), {}, 0)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server."""
    server = Server()
    yield server
    server.close()
