"""Hijacked sockets and streams: a thread of their own, a bound of their own, an end when the server goes."""

from __future__ import annotations

import contextlib
import copy
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from markupsafe import escape

from appliance.server.http.limits import Limits
from appliance.server.wsgi.handler import WSGIRequestHandler
from tests.server.answers import Answer
from tests.server.served import GET, PATIENCE_S, Served, get

Serve = Callable[..., Served]
UPGRADE = get("/ws", "Connection: keep-alive, Upgrade", "Upgrade: websocket")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
EVENTS = [("Content-Type", "text/event-stream")]


def echo_frames(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Takes the socket, as WebSocket libraries do, and sends back what comes; a plain request is answered plainly."""
    if "werkzeug.socket" not in environ:
        start_response("200 OK", [])
        return [b"plain"]
    sock = environ["werkzeug.socket"]
    sock.send(SWITCH)
    while data := sock.recv(4096):
        if data == b"boom":
            raise LookupError("in the handler")
        if data == b"stop":
            raise StopIteration
        sock.send(data)
    start_response("200 OK", [])
    return [b"nobody sees this"]


class Endless:
    """Streams an event, then waits to be told to end."""

    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self.headers = headers
        self.over = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/plain":
            start_response("200 OK", [])
            return [b"plain"]
        start_response("200 OK", self.headers)
        return self._items()

    def _items(self) -> Iterator[bytes]:
        yield b"data: 1\n\n"
        self.over.wait(PATIENCE_S)
        yield b"data: 2\n\n"


def close_all(connections: list[tuple[socket.socket, bytes]]) -> None:
    """Nobody else serves them."""
    for connection, _ in connections:
        connection.close()


@pytest.fixture
def endless() -> Iterator[Callable[..., Endless]]:
    """Make endless applications; they end with the test."""
    made: list[Endless] = []

    def make(headers: list[tuple[str, str]]) -> Endless:
        made.append(Endless(headers))
        return made[-1]

    yield make
    for application in made:
        application.over.set()


def test_a_socket_can_be_taken(serve: Serve):
    """The application speaks on the connection itself; the record says 101, and how long it was."""
    served = serve(echo_frames)
    client = served.client().send(UPGRADE)
    assert client.file.read(len(SWITCH)) == SWITCH
    client.send(b"hello")
    assert client.file.read(5) == b"hello"
    assert client.half_close().rest() == b""
    record = served.sink.record()
    assert (record["event"], record["status"], record["path"]) == ("websocket.closed", 101, "/ws")
    assert len(served.sink.records) == 1
    assert served.sink.events == []


def test_bytes_that_came_early_are_not_lost(serve: Serve):
    """Bytes that came with the request are the first that the socket gives, in pieces of the size asked for."""
    client = serve(echo_frames).client().send(UPGRADE + b"early")
    assert client.file.read(len(SWITCH) + 5) == SWITCH + b"early"


def test_the_socket_is_there_for_upgrades_alone(serve: Serve):
    """A request that offers no other protocol has no socket to take, nor one of HTTP/1.0 (RFC 9110, 7.8)."""
    served = serve(echo_frames)
    assert served.ask(GET).body == b"plain"
    assert served.ask(get("/", "Upgrade: websocket")).body == b"plain"
    old = get("/", "Upgrade: websocket", "Connection: upgrade", version="HTTP/1.0")
    assert served.client().send(old).response().body == b"plain"


def test_an_upgrade_that_is_not_taken_is_a_request(serve: Serve):
    """An application that does not take the socket is answered for as usual, and the connection stays."""
    client = serve(Answer([b"no"])).client()
    assert client.ask(UPGRADE).body == b"no"
    assert client.ask(UPGRADE).body == b"no"


@pytest.mark.parametrize("data", [b"stop", b"boom"])
def test_what_is_raised_after_the_hijack_is_ignored(serve: Serve, data: bytes):
    """However a handler ends, nothing of ours is written into its protocol; a real failure is logged."""
    served = serve(echo_frames)
    client = served.client().send(UPGRADE)
    client.file.read(len(SWITCH))
    assert client.send(data).rest() == b""
    assert served.sink.record()["event"] == "websocket.closed"
    if data == b"boom":
        assert served.sink.wait_for("application.failed")
    else:
        assert served.sink.events == []


def test_a_stream_answers_what_libraries_ask_of_a_socket(serve: Serve):
    """A descriptor, a peer's name, a time-out, reading into a buffer, all of send: as a socket has them."""
    found: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        sock = environ["werkzeug.socket"]
        found["descriptor"] = sock.fileno()
        found["peer"] = sock.getpeername()
        found["timeout"] = sock.gettimeout()
        buffer = bytearray(3)
        found["count"] = sock.recv_into(buffer)
        found["read"] = bytes(buffer)
        found["sent"] = sock.send(SWITCH + bytes(500_000))
        sock.close()
        return []

    client = serve(application).client().send(UPGRADE + b"abc")
    assert len(client.rest()) == len(SWITCH) + 500_000
    assert found["descriptor"] > 0
    assert found["peer"] == client.sock.getsockname()
    assert (found["timeout"], found["count"], found["read"]) == (None, 3, b"abc")
    assert found["sent"] == len(SWITCH) + 500_000


@pytest.mark.parametrize("ask", [escape, copy.deepcopy, copy.copy], ids=["escape", "deepcopy", "copy"])
def test_a_page_that_shows_the_environ_takes_no_socket(serve: Serve, ask: Callable[[Any], Any]):
    """A copy of an offered socket, or its text in a page, does not use it: the request gets its usual response."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with contextlib.suppress(TypeError):
            ask(environ["werkzeug.socket"])
        start_response("200 OK", [])
        return [b"plain"]

    served = serve(application)
    assert served.ask(get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")).body == b"plain"
    assert served.sink.record()["event"] == "request.finished"


def test_open_streams_do_not_starve_a_request(serve: Serve, endless: Callable[..., Endless]):
    """WebSockets and event streams leave the pool's count at once: a plain request is answered beside many of them."""
    served = serve(echo_frames, threads=2)
    sockets = [served.client().send(UPGRADE) for _ in range(20)]
    for client in sockets:
        assert client.file.read(len(SWITCH)) == SWITCH
    assert served.ask(GET).body == b"plain"
    streaming = serve(endless(EVENTS), threads=2)
    streams = [streaming.client().send(GET) for _ in range(20)]
    for client in streams:
        assert b"data: 1" in client.sock.recv(4096)
    assert streaming.ask(get("/plain")).body == b"plain"
    assert streaming.server.busy >= 20


def test_a_long_stream_leaves_the_count(serve: Serve, endless: Callable[..., Endless]):
    """A response that streams for long enough has a thread of its own, whatever its type."""
    served = serve(endless([]), threads=2, limits=Limits(stream_after_s=0.01))
    streams = [served.client().send(GET) for _ in range(6)]
    for client in streams:
        assert b"data: 1" in client.sock.recv(4096)
    assert served.ask(get("/plain")).body == b"plain"


def test_a_slow_upload_leaves_the_count(serve: Serve):
    """A request that waits for its client's body has a thread of its own after a while."""
    served = serve(threads=1 + 1, limits=Limits(stream_after_s=0.01))
    uploads = [served.client().send(get("/", "Content-Length: 5", method="POST") + b"a") for _ in range(6)]
    assert served.ask(GET).status == 200
    for client in uploads:
        assert client.send(b"bcde").response().body == b"abcde"


def test_with_one_thread_nothing_runs_beside_a_stream(serve: Serve, endless: Callable[..., Endless]):
    """An application that was told that it is alone is alone: with one thread a stream keeps its place."""
    application = endless(EVENTS)
    served = serve(application, threads=1, limits=Limits(stream_after_s=0.01))
    client = served.client().send(GET)
    assert b"data: 1" in client.sock.recv(4096)
    other = served.client().send(get("/plain"))
    other.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        other.sock.recv(1)
    assert served.server.busy == 1


def test_streams_have_a_bound(serve: Serve, endless: Callable[..., Endless]):
    """Beyond the bound on streams there is 503 and one event, and plain requests are still answered."""
    served = serve(endless(EVENTS), threads=2, limits=Limits(max_streams=2))
    streams = [served.client().send(GET) for _ in range(2)]
    for client in streams:
        assert b"data: 1" in client.sock.recv(4096)
    for _ in range(3):
        response = served.ask(GET)
        assert (response.status, response["Retry-After"]) == (503, "1")
    assert served.ask(UPGRADE).status == 503
    assert served.ask(get("/plain")).body == b"plain"
    assert [event for _, event, _ in served.sink.events] == ["stream.limit"]


def test_full_streams_refuse_nobody_who_takes_no_socket(serve: Serve, endless: Callable[..., Endless]):
    """With as many streams as may be, a request that offers h2c, or anything that is not taken, is served plainly."""
    served = serve(endless(EVENTS), threads=2, limits=Limits(max_streams=1))
    assert b"data: 1" in served.client().send(GET).sock.recv(4096)
    for offer in ("h2c", "h2c, TLS/1.2", "IRC/6.9", "HTTP/2.0"):
        request = get("/plain", "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {offer}", "HTTP2-Settings: AAMAAABk")
        client = served.client()
        assert [client.ask(request).body for _ in range(2)] == [b"plain"] * 2
    assert served.ask(get("/plain", "Connection: Upgrade", "Upgrade: WebSocket")).status == 503


@pytest.mark.parametrize("ignores", [True, False])
def test_full_streams_give_no_socket(serve: Serve, ignores: bool):
    """A socket that is taken by another protocol's name while streams are full is refused with 503, and one line."""
    over = threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/ws":
            environ["werkzeug.socket"].send(SWITCH)
            over.wait(PATIENCE_S)
            return []
        try:
            environ["werkzeug.socket"].send(SWITCH)
        except Exception:
            if not ignores:
                raise
        start_response("200 OK", [])
        return [b"nobody sees this"]

    served = serve(application, threads=2, limits=Limits(max_streams=1))
    holds = served.client().send(UPGRADE)
    assert holds.file.read(len(SWITCH)) == SWITCH
    response = served.ask(get("/other", "Connection: Upgrade", "Upgrade: mine"))
    assert (response.status, response["Retry-After"], response["Connection"]) == (503, "1", "close")
    assert (served.sink.record()["event"], served.sink.record()["status"]) == ("request.refused", 503)
    assert [event for _, event, _ in served.sink.events] == ["stream.limit"]
    over.set()
    assert holds.rest() == b""


def test_draining_ends_what_has_no_end(serve: Serve, endless: Callable[..., Endless]):
    """When the server goes, WebSockets get a close frame and event streams end at once; each has its one record."""
    served = serve(echo_frames)
    client = served.client().send(UPGRADE)
    assert client.file.read(len(SWITCH)) == SWITCH
    served.server.drain(close_all)
    assert client.rest() == b"\x88\x02\x03\xf4"  # 1012, Service Restart
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()
    assert [record["event"] for record in served.sink.records] == ["websocket.closed"]

    served = serve(endless(EVENTS))
    client = served.client().send(GET)
    assert b"data: 1" in client.sock.recv(4096)
    served.server.drain(close_all)
    client.rest()
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()
    assert [record["reason"] for record in served.sink.records] == ["the server ended it"]


def test_draining_lets_a_download_end(serve: Serve, endless: Callable[..., Endless]):
    """A stream that is not an event stream ends by itself, and the server waits for it."""
    application = endless([])
    served = serve(application)
    client = served.client().send(GET)
    assert b"data: 1" in client.sock.recv(4096)
    served.server.drain(close_all)
    application.over.set()
    assert b"data: 2" in client.sock.recv(4096)
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()


def test_a_subclass_gets_every_line(serve: Serve):
    """A handler that overrides a log method gets each line; the sink gets none then (http.server's hooks)."""
    lines: list[tuple[str, ...]] = []

    class Messages(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            lines.append(("message", format % args))

    class Requests(WSGIRequestHandler):
        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            lines.append(("request", str(code), str(size)))

    class Errors(WSGIRequestHandler):
        def log_error(self, format: str, *args: Any) -> None:  # noqa: A002
            lines.append(("error", format % args))

    bad = b"GET / HTTP/1.1\r\n\r\n"
    for handler in (Messages, Requests, Errors):
        served = serve(Answer([b"abc"]), RequestHandlerClass=handler)
        served.ask(get("/x"))
        served.ask(bad)
        served.ask(bad)  # the line before was logged before this connection was looked at, or both were
        assert served.sink.records == []
    assert ("message", '"GET /x HTTP/1.1" 200 3') in lines
    assert any(line[0] == "message" and "code 400" in line[1] for line in lines)
    assert ("request", "200", "3") in lines
    assert any(line[0] == "error" and "code 400" in line[1] for line in lines)


def test_what_becomes_endless_while_the_server_goes_has_its_line(serve: Serve):
    """A WebSocket that opens, or a stream that begins, after its server was told to go is ended, with a line."""
    asked, go = threading.Semaphore(0), threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked.release()
        go.wait(PATIENCE_S)
        if "werkzeug.socket" in environ:
            return echo_frames(environ, start_response)
        start_response("200 OK", EVENTS)
        return (b"data: x\n\n" for _ in iter(lambda: threading.Event().wait(0.01), None))

    served = serve(application)
    for request in (UPGRADE, get("/events")):
        served.client().send(request)
        assert asked.acquire(timeout=PATIENCE_S)
    served.server.drain(close_all)
    go.set()
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()
    served.sink.wait(lambda: len(served.sink.records) == 2)
    assert {record["path"] for record in served.sink.records} == {"/ws", "/events"}
