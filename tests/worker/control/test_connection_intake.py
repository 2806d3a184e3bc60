"""Connections that reach a worker before its server exists, while it serves, and when it drains."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from appliance.protocol.messages import Drain, HandOverConnections, StoppedAccepting, TakeConnections
from appliance.worker.control.connection_intake import ConnectionIntake


class Server:
    """A server that remembers what it is given, and gives all of it back when it drains."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, str]] = []
        self.connections: list[Any] = []

    def take(self, connections: Any, peers: Any) -> None:
        """As the server's."""
        self.connections += connections
        self.taken += [(early, peer) for (_, early), peer in zip(connections, peers, strict=True)]

    def drain(self, hand_over: Any) -> None:
        """As the server's."""
        hand_over(self.connections)


class Channel:
    """A channel that remembers what is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, message: Any, _descriptors: Any = ()) -> None:
        """As the channel's."""
        self.sent.append(message)


class SupersededError(Exception):
    """In place of the end of the process."""


def superseded() -> NoReturn:
    raise SupersededError


@pytest.fixture
def client() -> Iterator[socket.socket]:
    """One end of a connection."""
    with socket.socket() as made:
        yield made


def intake(channel: Channel) -> ConnectionIntake:
    given: Any = channel
    return ConnectionIntake(given)


def test_connections_wait_for_the_server(client: socket.socket):
    """Connections that come before the server are its first; later ones reach it at once."""
    taken, server = intake(Channel()), Server()
    given: Any = server
    taken.take(TakeConnections(early=["early"], peers=["10.0.0.1"]), [client.dup().detach()])
    assert server.taken == []
    taken.open(given)
    taken.take(TakeConnections(early=["late"], peers=["10.0.0.2"]), [client.dup().detach()])
    assert server.taken == [(b"early", "10.0.0.1"), (b"late", "10.0.0.2")]
    for connection, _ in server.connections:
        connection.close()


def test_a_drain_before_the_server_gives_back_what_came(client: socket.socket):
    """A worker that still imports hands its connections over, with what was read of them, and ends."""
    channel = Channel()
    taken = intake(channel)
    taken.take(TakeConnections(early=["GET /"], peers=["10.0.0.1"]), [client.dup().detach()])
    with pytest.raises(SupersededError):
        taken.drain(Drain(grace_s=1.0, streams_s=0.0), superseded)
    (message,) = channel.sent
    assert isinstance(message, HandOverConnections)
    assert (message.early, message.peers) == (["GET /"], ["10.0.0.1"])


def test_a_drain_leaves_the_listening_socket_first(client: socket.socket):
    """Idle connections are handed over, the supervisor gets a message, and received bytes may be served."""
    channel, server = Channel(), Server()
    given: Any = server
    taken = intake(channel)
    taken.open(given)
    taken.take(TakeConnections(early=["GET /"], peers=[""]), [client.dup().detach()])
    taken.drain(Drain(grace_s=5.0, streams_s=2.0), superseded)
    assert [type(message) for message in channel.sent] == [HandOverConnections, StoppedAccepting]
    taken.may_serve.wait()  # returns at once
    assert (taken.streams_s, 0.0 < taken.grace_s <= 5.0) == (2.0, True)
