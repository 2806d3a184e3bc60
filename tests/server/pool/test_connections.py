"""Connections wait, each for as long as its state may last, whatever comes meanwhile."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.http.refusal import HandshakeFailed
from appliance.server.io.wire import Wire
from appliance.server.pool.connections import ConnectionFailed
from appliance.server.pool.tables import connection_states as states
from tests.server.pool.connection_scene import LIMITS, Scene, client_has_gone, scene

__all__ = ["scene"]


def test_a_waiting_head_has_its_time_from_its_first_byte(scene: Scene):
    """A client that sends a byte now and then is refused when the head's time is over: bytes renew nothing."""
    connection, client = scene.connect()
    assert scene.look() is None
    for byte in b"GET / HTT":
        client.send(bytes([byte]))
        assert scene.look() is None
        assert connection.state == states.PARKED
        assert not scene.connections.locked_sweep(scene.now)
        scene.now += 3.0
    scene.now += 3.0  # 30 since the first byte
    assert scene.connections.locked_sweep(scene.now)
    assert scene.look() is connection
    assert connection.refusal is not None
    assert connection.refusal.status == 408


def test_an_idle_connection_has_its_time_from_its_last_request(scene: Scene):
    """An idle connection ends after the idle time, not after a head's; each request starts the idle time again."""
    connection, client = scene.connect()
    for _ in range(3):
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert scene.look() is connection
        assert connection.state == states.BUSY
        connection.raw = None
        scene.connections.locked_park(connection, scene.now)
        scene.now += 74.0
        assert not scene.connections.locked_sweep(scene.now)
        assert connection.state == states.PARKED
    scene.now += 1.0
    scene.connections.locked_sweep(scene.now)
    client.settimeout(0)
    assert client.recv(1) == b""


def test_a_head_has_a_time_of_its_own_on_an_idle_connection(scene: Scene):
    """A head that begins when the idle time is nearly over has its own time, and the next one has it again."""
    connection, client = scene.connect()
    for _ in range(2):
        assert scene.look() is None
        scene.now += 74.0
        client.send(b"GET ")
        assert scene.look() is None
        scene.now += 29.0
        assert not scene.connections.locked_sweep(scene.now)
        client.send(b"/ HTTP/1.1\r\n\r\n")
        assert scene.look() is connection
        connection.raw = None
        scene.connections.locked_park(connection, scene.now)


def test_bytes_that_nobody_can_read_renew_no_idle_time(scene: Scene):
    """A client that sends a byte of a TLS handshake now and then is idle: none of its bytes can be read."""
    connection, client = scene.connect()

    def part_of_a_record(most: int) -> bytes:
        while connection.wire.sock.recv(most):
            continue
        raise BlockingIOError

    connection.wire._receive = part_of_a_record
    assert scene.look() is None
    for _ in range(3):
        scene.now += 24.0
        client.send(b"\x16")
        assert scene.look() is None
        assert not scene.connections.locked_sweep(scene.now)
        assert connection.state == states.PARKED
    scene.now += 3.0  # 75 since it was accepted
    scene.connections.locked_sweep(scene.now)
    client.settimeout(0)
    assert client.recv(1) == b""


class Later:
    """Each connection is answered two seconds after it was accepted."""

    def answer_at(self, accepted_at: float, sock: socket.socket) -> float:
        return accepted_at + 2.0


def test_a_head_that_has_begun_before_a_hold_keeps_its_time(scene: Scene):
    """A client whose head has come in part is not refused because its connection was held meanwhile."""
    connection, client = scene.connect()
    client.send(b"GET ")
    assert scene.look() is None
    scene.connections.locked_set_hold(Later())
    client.send(b"/ ")
    assert scene.look() is None
    assert connection.state == states.HELD
    scene.now += 2.0
    assert scene.connections.locked_sweep(scene.now)
    assert scene.look() is None
    scene.now += 27.0
    assert not scene.connections.locked_sweep(scene.now)
    scene.now += 1.0  # 30 since the first byte
    assert scene.connections.locked_sweep(scene.now)
    assert connection.refusal is not None


@pytest.mark.parametrize("replaced", [False, True], ids=["due", "replaced"])
def test_a_connection_that_was_held_has_its_whole_idle_time(scene: Scene, replaced: bool):
    """A connection without a request that was held is idle from the end of that wait on."""
    scene.connections.hold = Later()
    connection, _ = scene.connect()
    assert scene.look() is None
    assert connection.state == states.HELD
    if replaced:
        scene.connections.locked_set_hold(None)
    else:
        scene.now += 2.0
        assert scene.connections.locked_sweep(scene.now)
    assert scene.look() is None
    assert connection.state == states.PARKED
    assert connection.deadline == scene.now + 75.0


def test_what_waits_is_served_in_its_order(scene: Scene):
    """A connection with more requests in its buffer goes behind those that wait already."""
    greedy, many = scene.connect()
    other, one = scene.connect()
    many.send(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
    one.send(b"GET /3 HTTP/1.1\r\n\r\n")
    assert scene.look() is greedy
    greedy.raw = None
    scene.connections.locked_on(greedy, states.PIPELINED)
    assert scene.look() is other
    assert scene.look() is greedy
    raw: object = greedy.raw
    assert (raw, greedy.state) == (b"GET /2 HTTP/1.1", states.BUSY)


def test_what_is_given_up_is_forgotten(scene: Scene):
    """Connections without a request are given with what was read of them; one that has a request stays."""
    idle, _ = scene.connect()
    half, client = scene.connect()
    client.send(b"GET / HT")
    assert scene.look() is None
    whole, asks = scene.connect()
    asks.send(b"GET / HTTP/1.1\r\n\r\n")
    assert scene.look() is whole
    waiting, _ = scene.connect()
    assert waiting.state == states.READY
    given = scene.connections.locked_give_up()
    assert given == [(each.wire.sock, early) for each, early in ((idle, b""), (half, b"GET / HT"), (waiting, b""))]
    assert list(scene.connections.ready) == []
    assert scene.connections.locked_in_state(states.BUSY) == [whole]
    for sock, _ in given:
        sock.close()


@pytest.mark.parametrize("leaves", [True, False])
def test_a_client_that_left_while_no_thread_looked_is_gone(scene: Scene, leaves: bool):
    """A client that reset its connection while it was probed is gone, even if no thread has looked since."""
    connection, client = scene.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.shutdown(socket.SHUT_WR)
    connection.may_have_left = True
    assert scene.look() is None
    assert connection.state == states.PROBED
    if leaves:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    scene.now += 1
    assert scene.connections.locked_sweep(scene.now)
    assert scene.look() is connection
    assert connection.gone is leaves


def test_a_held_connection_waits_for_its_time(scene: Scene):
    """A connection that may not be answered yet is looked at when it may be, as one whose client may have left."""
    asked: list[object] = []

    class Later:
        """Each connection is answered two seconds after it was accepted."""

        def answer_at(self, accepted_at: float, sock: socket.socket) -> float:
            asked.append((accepted_at, sock))
            return accepted_at + 2.0

    hold: Any = Later()
    scene.connections.hold = hold
    connection, client = scene.connect()
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    assert scene.look() is None
    assert (connection.state, connection.deadline, asked) == (states.HELD, 1002.0, [(1000.0, connection.wire.sock)])
    scene.now += 1.9
    assert not scene.connections.locked_sweep(scene.now)
    scene.now += 0.1
    assert scene.connections.locked_sweep(scene.now)
    assert connection.may_have_left
    assert scene.look() is connection


def test_an_idle_connection_is_dismissed(scene: Scene):
    """A server that goes ends what is idle at once, gives a first request a second, and a head that came its time."""
    first, _ = scene.connect()
    idle, silent = scene.connect()
    half, client = scene.connect()
    client.send(b"GET")
    assert scene.look() is None
    served: Any = object()
    idle.handler.head = served
    deadline = half.deadline
    for each in (first, idle, half):
        scene.connections.locked_dismiss(each, scene.now)
    assert (first.state, first.deadline) == (states.PARKED, 1001.0)
    assert (half.state, half.deadline) == (states.PARKED, deadline)
    assert (idle.state, idle.deadline) == (states.LINGERING, 1000.0 + LIMITS.linger_s)
    scene.connections.locked_dismiss(first, scene.now + 0.5)
    assert first.deadline == 1001.0
    scene.connections.locked_dismiss(first, scene.now + 1.0)
    assert (first.state, first.deadline) == (states.LINGERING, 1001.0 + LIMITS.linger_s)
    silent.settimeout(10)
    assert silent.recv(1) == b""
    silent.close()
    for descriptor in scene.poller.wait(10):
        scene.connections.locked_readable(descriptor)
    assert scene.connections.locked_in_state(states.LINGERING) == [first]
    scene.now += 1.0 + LIMITS.linger_s
    scene.connections.locked_sweep(scene.now)
    assert scene.connections.locked_in_state(states.LINGERING) == []


@pytest.mark.parametrize(("error", "told"), [(OSError(), False), (HandshakeFailed(), True), (ValueError(), True)])
def test_a_look_that_fails_closes_one_connection(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, error: Exception, told: bool
):
    """An exception in a look ends that connection alone; unless the client caused it, it is logged with its address."""
    broken, _ = scene.connect()
    other, client = scene.connect()
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    receive_head = Wire.receive_head

    def look(self: Wire) -> bytes | None:
        if self is broken.wire:
            raise error
        return receive_head(self)

    monkeypatch.setattr(Wire, "receive_head", look)
    if told:
        with pytest.raises(ConnectionFailed) as caught:
            scene.look()
        assert (caught.value.sock, caught.value.address) == (broken.handler.request, ("", 0))
        assert (caught.value.__cause__, str(caught.value)) == (error, "looking at a connection failed")
    assert scene.look() is other
    assert len(scene.connections) == 1


def test_a_thread_that_looks_late_finds_what_has_waited(scene: Scene):
    """A thread that looks more than 5 ms after the last one finds what has waited; one that waits does not."""
    found: list[bool] = []
    connections = scene.connections
    for looks, now in ((False, 0.0), (True, 0.004), (True, 0.010), (False, 0.1)):
        found.append(connections.is_away(1000.0 + now))
        if looks:
            connections.locked_next(1000.0 + now)
        else:
            connections.locked_note_wait(1000.0 + now)
        found.append(connections._have_waited)
    assert found == [True, False, False, False, True, True, True, False]


def test_a_new_rule_is_asked_about_what_is_held(scene: Scene):
    """If the rule is replaced, the connections that are held are looked at; without a rule they are served."""
    hold: Any = SimpleNamespace(answer_at=lambda accepted_at, _: accepted_at + 2.0)
    scene.connections.locked_set_hold(hold)
    connection, client = scene.connect()
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    assert scene.look() is None
    assert (connection.state, scene.connections.hold, scene.connections.has_delayed) == (states.HELD, hold, True)
    scene.connections.locked_set_hold(None)
    assert (connection.state, scene.connections.hold, scene.connections.has_delayed) == (states.READY, None, False)
    assert scene.look() is connection


def test_waiting_requests_are_counted(scene: Scene):
    """The number of requests that wait for a thread or for their bodies is reported when it changes."""
    found = [scene.connect() for _ in range(3)]
    for _, client in found:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
    for connection, _ in found[:2]:
        assert scene.look() is connection
        scene.connections.locked_on(connection, states.RECEIVING_BEGAN)
    assert scene.look() is found[2][0]
    assert (scene.reported, scene.connections.receiving) == ([2, 2, 2], 2)
    for connection, _ in found[:2]:
        scene.connections.locked_on(connection, states.RECEIVED)
    assert scene.connections.receiving == 0
    assert [scene.connections.of(connection.descriptor) for connection, _ in found] == [each for each, _ in found]


def test_a_client_that_has_ended_is_closed(scene: Scene):
    """A connection whose client has ended its side is closed, at once where it would linger."""
    before, silent = scene.connect()
    last, client = scene.connect()
    broken, _ = scene.connect()
    silent.close()
    assert scene.look() is None
    assert before.state == states.CLOSED
    client.close()
    scene.connections.locked_linger(last, scene.now)
    assert last.state == states.CLOSED
    scene.connections.locked_linger(broken, scene.now)
    wire: Any = broken.wire
    wire.discard = client_has_gone
    with pytest.raises(ConnectionFailed):
        scene.connections.locked_readable(broken.descriptor)
    assert (broken.state, len(scene.connections)) == (states.CLOSED, 0)
