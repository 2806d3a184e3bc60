"""The pooled server's own life: paused, handed over, drained, stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from appliance.server.pool.tables.connection_states import PARKED
from tests.server.answers import Gate
from tests.server.served import GET, Served, get, post
from tests.server.slow import until

Serve = Callable[..., Served]


class After:
    """A rule that holds connections until a test changes it."""

    def __init__(self) -> None:
        self.at = float("inf")
        self.asked = threading.Event()

    def answer_at(self, accepted_at: float, _: socket.socket) -> float:
        self.asked.set()
        return self.at


def test_a_server_that_does_not_accept_yet_leaves_connections_queued(serve: Serve):
    """A server accepts nothing before it is resumed: the connection stays in the socket's queue, and is then served."""
    served = serve(accepting=False)
    client = served.client().send(GET)
    moved = accepted(served)
    assert moved is not None
    served.server.take([(moved, b"")])
    assert client.response().status == 200
    served.server.start_accepting()
    assert served.ask().status == 200


def test_a_server_that_has_stopped_accepting_serves_what_it_takes(serve: Serve):
    """New connections stay in the socket's queue, those that the server is given are served; it accepts when asked."""
    served = serve()
    idle = served.client()
    assert idle.ask().status == 200
    served.server.stop_accepting(served.server.take)  # what is idle comes back to it
    first, second = served.client().send(GET), served.client().send(GET)
    # Each request is noticed by a wait for descriptors that would have noticed the listening socket first.
    assert [idle.ask().status for _ in range(3)] == [200] * 3
    moved = accepted(served)
    assert moved is not None
    served.server.take([(moved, b"")])
    assert first.response().status == 200
    served.server.start_accepting()
    assert second.response().status == 200


def accepted(served: Served) -> socket.socket | None:
    """The next connection of the listening socket's queue, as another process would accept it."""
    try:
        return served.server.socket.accept()[0]
    except BlockingIOError:
        return None


def test_idle_connections_are_handed_over_with_what_was_read(serve: Serve):
    """An idle connection and half a head move to another server, and are served there, no byte lost."""
    first, second = serve(), serve()
    idle, half = first.client(), first.client()
    assert idle.ask().status == 200
    assert half.ask().status == 200
    half.send(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Le")
    until(first, lambda: any(each.wire.buffer for each in first.connections(PARKED)))
    first.server.stop_accepting(second.server.take)
    half.send(b"ngth: 2\r\n\r\nhi")
    assert half.response().body == b"hi"
    assert idle.ask(get("/again")).body == b"/again"
    second.sink.wait(lambda: {record["path"] for record in second.sink.records} == {"/x", "/again"})


def test_take_serves_bytes_that_were_read_elsewhere(serve: Serve):
    """A connection that comes with a whole request is served at once."""
    served = serve()
    ours, theirs = socket.socketpair()
    served.server.take([(theirs, get("/early"))])
    ours.settimeout(10)
    assert ours.recv(65_536).endswith(b"/early")
    ours.close()


def test_drain_finishes_what_runs_and_passes_what_is_idle(serve: Serve):
    """A draining server accepts nothing, ends the request in flight, passes connections on, and returns."""
    gate = Gate()
    first, second = serve(gate), serve()
    idle, running = first.client(), first.client()
    assert idle.ask().status == 200
    running.send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    passed: list[int] = []

    def pass_on(connections: list[tuple[socket.socket, bytes]]) -> None:
        passed.append(len(connections))
        second.server.take(connections)

    first.server.drain(pass_on)
    assert passed == [1]
    gate.opened.set()
    assert running.response().body == b"done"
    first.thread.join(10)
    assert not first.thread.is_alive()
    assert passed == [1, 1]
    assert running.ask(get("/next")).body == b"/next"
    assert idle.ask(get("/idle")).body == b"/idle"


def test_drain_passes_half_a_request_on(serve: Serve):
    """The bytes after the request in flight are passed on with its connection, however few they are."""
    gate = Gate()
    first, second = serve(gate), serve()
    client = first.client().send(get("/wait") + b"POST /half HTTP/1.1\r\nHost: localhost\r\nConte")
    assert gate.entered.acquire(timeout=10)
    first.server.drain(second.server.take)
    gate.opened.set()
    assert client.response().body == b"done"
    first.thread.join(10)
    assert not first.thread.is_alive()
    assert client.send(b"nt-Length: 2\r\n\r\nhi").response().body == b"hi"


def test_a_server_is_not_over_before_its_connections_have_arrived(serve: Serve):
    """``serve_forever`` returns after the last connection was passed on: its process ends then."""
    first, second = serve(), serve()
    client = first.client()
    assert client.ask().status == 200
    begun, allowed = threading.Event(), threading.Event()

    def pass_slowly(connections: list[tuple[socket.socket, bytes]]) -> None:
        begun.set()
        assert allowed.wait(10)
        second.server.take(connections)

    drainer = threading.Thread(target=first.server.drain, args=(pass_slowly,))
    drainer.start()
    assert begun.wait(10)
    first.goes_on()
    allowed.set()
    first.thread.join(10)
    drainer.join(10)
    assert not first.thread.is_alive()
    assert client.ask(get("/moved")).body == b"/moved"


def test_a_server_is_not_over_before_it_has_passed_what_it_holds(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    """A connection that may not be answered yet is passed on, however late the draining thread comes to it."""
    rule = After()
    first, second = serve(), serve()
    first.server.hold = rule
    client = first.client().send(get("/held"))
    hand_over_idle = first.server._hand_over_idle

    def hand_over_late(hand_over: Any) -> None:
        first.goes_on()
        hand_over_idle(hand_over)

    monkeypatch.setattr(first.server, "_hand_over_idle", hand_over_late)
    assert rule.asked.wait(10)  # with the server's lock, under which the connection is held then
    first.server.drain(second.server.take)
    assert client.response().body == b"/held"
    first.thread.join(10)
    assert not first.thread.is_alive()


def test_an_ended_server_keeps_no_descriptor(serve: Serve):
    """The descriptors that a server opened are closed at its end: each shift of a stand-in makes a server."""
    served = serve()
    assert served.ask().status == 200
    served.server.stop()
    served.thread.join(10)
    for thread in threading.enumerate():
        if thread.name == "request":
            thread.join(10)
    assert served.server.parts.poller.closed


def test_stop_returns_at_once(serve: Serve):
    """A stopped server returns though a request runs, and its connections are closed."""
    gate = Gate()
    served = serve(gate)
    client = served.client().send(get("/wait"))
    idle = served.client()
    assert idle.ask().status == 200
    assert gate.entered.acquire(timeout=10)
    served.server.stop()
    served.thread.join(10)
    assert not served.thread.is_alive()
    assert client.rest() == b""
    assert idle.rest() == b""
    gate.opened.set()


def test_hold_keeps_connections_until_their_time(serve: Serve):
    """A held connection is not answered, can be handed over unread, and is answered when the rule is replaced."""
    first = After()
    served, other = serve(), serve()
    served.server.hold = first
    held = served.client().send(get("/held"))
    assert first.asked.wait(10)
    moved: list[tuple[socket.socket, bytes]] = []
    served.server.stop_accepting(moved.extend)
    assert len(moved) == 1
    other.server.take(moved)
    assert held.response().body == b"/held"
    served.server.start_accepting()
    again = served.client().send(get("/again"))
    rule = After()
    rule.at = 0.0
    served.server.hold = rule
    assert again.response().body == b"/again"


def test_a_body_that_was_not_read_is_drained(serve: Serve):
    """The part of a body that the application does not read never becomes the next request (RFC 9112, 9.3)."""
    seen: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b"ok"]

    client = serve(application).client()
    assert client.ask(post(b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n" * 100, path="/first")).status == 200
    assert client.ask(get("/second")).status == 200
    assert seen == ["/first", "/second"]


class Gated:
    """A lock before which the pool's threads wait, once, until they are let in."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self.armed = False
        self.reached, self.opened = threading.Event(), threading.Event()

    def __enter__(self) -> None:
        if self.armed and threading.current_thread().name == "request":
            self.armed = False
            self.reached.set()
            assert self.opened.wait(10)
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_drain_passes_on_a_connection_that_is_being_settled(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    """A thread that has served a request, and waits for the lock while a drain begins, passes its connection on."""
    gate = Gate()
    first, second = serve(gate), serve()
    lock = Gated(first.server.parts.lock)
    client = first.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    other = first.client()
    assert other.ask().body == b"done"  # another thread leads from here on, and waits
    monkeypatch.setattr(first.server._serving_loop, "_lock", lock)
    lock.armed = True
    gate.opened.set()
    assert client.response().body == b"done"
    assert lock.reached.wait(10)
    first.server.drain(second.server.take)
    lock.opened.set()
    assert client.ask(get("/moved")).body == b"/moved"
    first.thread.join(10)
    assert not first.thread.is_alive()
