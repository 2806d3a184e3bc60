"""Whether a client has left is decided by a probe, where the kernel does not tell."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from appliance.server.pool import connections as module
from appliance.server.pool.connection import Connection
from appliance.server.pool.tables import connection_states as states
from tests.server.pool.connection_scene import Scene, client_has_gone, scene

__all__ = ["scene"]


def in_doubt(scene: Scene, request: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> tuple[Connection, socket.socket]:
    """A connection whose client has sent a request and ended its side, while no thread looked."""
    connection, client = scene.connect()
    client.sendall(request)
    client.shutdown(socket.SHUT_WR)
    connection.may_have_left = True
    return connection, client


def test_each_probe_is_counted(scene: Scene):
    """As many connections are counted as probed as there are, each with its deadline, until each has answered."""
    found = [in_doubt(scene)[0] for _ in range(3)]
    assert scene.look() is None
    assert ([each.state for each in found], scene.connections.probed) == ([states.PROBED] * 3, 3)
    assert {each.deadline for each in found} == {scene.now + module.PROBE_S}
    assert [each.registered for each in found] == [True] * 3
    assert scene.connections.has_delayed
    scene.now += module.PROBE_S
    assert scene.connections.locked_sweep(scene.now)
    assert [scene.look() for _ in found] == found
    assert (scene.connections.probed, scene.connections.has_delayed) == (0, False)
    assert not any(each.may_have_left for each in found)  # each is asked once


@pytest.mark.parametrize("request_", [b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", b"lenient"])
def test_a_client_of_another_protocol_is_not_probed(scene: Scene, request_: bytes):
    """A client that offers another protocol, or may speak an old one, is served without first bytes of an answer."""
    connection, client = in_doubt(scene, b"GET / HTTP/1.1\r\n\r\n" if request_ == b"lenient" else request_)
    connection.wire.lenient = request_ == b"lenient"
    assert scene.look() is connection
    assert not connection.gone
    client.settimeout(0)
    with pytest.raises(BlockingIOError):
        client.recv(1)


def test_a_client_that_has_not_ended_has_not_left(scene: Scene):
    """A client that has not ended its side has not left, whether it has sent more or nothing."""
    quiet, one = scene.connect()
    busy, two = scene.connect()
    for connection, client, more in ((quiet, one, b""), (busy, two, b"GET /2 HTTP/1.1\r\n\r\n")):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n" + more)
        connection.may_have_left = True
    assert [scene.look(), scene.look()] == [quiet, busy]
    assert (quiet.gone, busy.gone, scene.connections.probed) == (False, False, 0)


def test_a_reset_request_is_not_run(scene: Scene):
    """A client that reset its connection before a thread looked again is gone, and its connection is not probed."""
    connection, _ = in_doubt(scene)
    wire: Any = connection.wire
    wire.probe = client_has_gone
    assert scene.look() is connection
    assert (connection.gone, scene.connections.probed) == (True, 0)


def test_a_kernel_that_takes_no_probe_decides_nothing(scene: Scene):
    """If the first bytes of an answer can't be sent now, the request is served."""
    connection, _ = in_doubt(scene)

    def probe() -> None:
        raise BlockingIOError

    wire: Any = connection.wire
    wire.probe = probe
    assert scene.look() is connection
    assert (connection.gone, scene.connections.probed) == (False, 0)


def test_a_client_that_answers_a_probe_with_a_reset_is_gone(scene: Scene):
    """An event of the poller on a probed connection means that its client has left; its request is looked at then."""
    connection, client = in_doubt(scene)
    assert scene.look() is None
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    scene.connections.locked_readable(connection.descriptor)
    assert (connection.state, connection.gone) == (states.READY, True)
    assert scene.connections.locked_next(scene.now) is connection
    assert connection.gone
