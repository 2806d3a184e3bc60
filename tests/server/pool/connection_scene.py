"""The connections of a server without threads, at a time that a test sets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.http.limits import Limits
from appliance.server.io.poller import Poller
from appliance.server.io.wire import Wire
from appliance.server.pool import connections as module
from appliance.server.pool.connection import Connection
from appliance.server.pool.connections import Connections
from appliance.server.pool.tables import connection_states as states

LIMITS = Limits(header_timeout_s=30.0, idle_timeout_s=75.0)


class Scene:
    """The connections of a server without threads, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.poller = Poller()
        self.reported: list[int] = []  # how many wait for a thread
        self.connections = Connections(self.poller, LIMITS, self.reported.append)
        self.clients: list[socket.socket] = []

    def connect(self) -> tuple[Connection, socket.socket]:
        """A new connection, looked at once; and its client."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
        self.clients.append(client)
        wire = Wire(ours, LIMITS)
        handler: Any = SimpleNamespace(raw=None, refusal=None, head=None, request=ours, client_address=("", 0))
        connection = Connection(handler, wire, self.now)
        self.connections.locked_add(connection)
        return connection, client

    def look(self) -> Connection | None:
        """As a thread does that leads: hear what the poller says, and take the next one that has a request."""
        for descriptor in self.poller.wait(0):
            self.connections.locked_readable(descriptor)
        return self.connections.locked_next(self.now)

    def close(self) -> None:
        for state in range(len(states.STATES)):
            for connection in self.connections.locked_in_state(state):
                self.connections.locked_close(connection)
        for client in self.clients:
            client.close()
        self.poller.close()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene()
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    yield made
    made.close()


def client_has_gone() -> None:
    """A call of the kernel whose client has reset the connection."""
    raise ConnectionResetError
