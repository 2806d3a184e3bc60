"""How long a handler that waits for its own head waits, by a clock that the test moves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from appliance.server.http.limits import Limits
from appliance.server.http.refusal import RequestRefused
from appliance.server.io.wire import Wire
from appliance.server.wsgi import head_wait
from appliance.server.wsgi.handler import HURRY_S, WSGIRequestHandler
from appliance.server.wsgi.head_wait import wait_for_head
from appliance.server.wsgi.server_context import ServerContext
from tests.server.answers import answer
from tests.server.served import Recorder

LIMITS = Limits(header_timeout_s=30.0, idle_timeout_s=75.0)
HEAD = b"GET / HTTP/1.1\r\nHost: localhost"


class Trickle(Wire):
    """A wire whose client sends the next piece every ten seconds of the test's clock."""

    def __init__(self, sock: socket.socket, peer: socket.socket, pieces: list[bytes]) -> None:
        super().__init__(sock, LIMITS)
        self.now = 1000.0
        self.lingered: list[float] = []
        self.closed_side = 0
        self._peer = peer
        self._pieces = pieces

    def wait(self, events: int, seconds: float) -> None:
        """Let ten seconds pass, and the next piece come; or the time that is left."""
        if seconds <= 10.0:
            self.now += max(0.0, seconds)
            raise TimeoutError
        self.now += 10.0
        if self._pieces:
            self._peer.sendall(self._pieces.pop(0))

    def linger(self, seconds: float) -> None:
        """Only note the call."""
        self.lingered.append(seconds)

    def end(self) -> None:
        """Note this call too."""
        self.closed_side += 1
        super().end()


class Scene:
    """A handler and its client."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.sock, self.peer = socket.socketpair()

    def handler(self, *pieces: bytes) -> tuple[WSGIRequestHandler, Trickle]:
        """A handler that serves this connection."""
        wire = Trickle(self.sock, self.peer, list(pieces))
        self._monkeypatch.setattr(head_wait, "monotonic", lambda: wire.now)
        made: WSGIRequestHandler = WSGIRequestHandler.__new__(WSGIRequestHandler)
        made.client_address = ("127.0.0.1", 1)
        made.server = SimpleNamespace(get_app=lambda: answer([b"served"]))
        context = ServerContext({}, sink=Recorder(), limits=LIMITS, multithread=False, persistent=False)
        made.begin(context, wire)
        return made, wire


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(monkeypatch)
    with made.sock, made.peer:
        yield made


def test_a_head_has_its_time_from_its_first_byte(scene: Scene):
    """A client that sends its head byte by byte has the same time for it as any other: no byte renews it."""
    handler, wire = scene.handler(*(HEAD[place : place + 1] for place in range(len(HEAD))))
    with pytest.raises(RequestRefused) as refused:
        wait_for_head(handler)
    assert refused.value.status == 408
    assert (handler.started, wire.now) == (1010.0, 1040.0)


def test_a_head_that_began_before_has_its_time_from_now(scene: Scene):
    """The time of a head whose first bytes came with the last request begins now."""
    handler, wire = scene.handler(*(HEAD[place : place + 1] for place in range(3, len(HEAD))))
    wire.push(HEAD[:3])
    with pytest.raises(RequestRefused) as refused:
        wait_for_head(handler)
    assert refused.value.status == 408
    assert wire.now == 1030.0


def test_an_idle_connection_has_another_time(scene: Scene):
    """A client that sends nothing at all is left after the idle time, without an answer."""
    handler, wire = scene.handler()
    assert wait_for_head(handler) is None
    assert wire.now == 1075.0


def test_a_head_in_pieces_is_whole_with_its_last_one(scene: Scene):
    """A head in pieces is whole once its last one came, and its request began with the first."""
    handler, wire = scene.handler(HEAD[:5], HEAD[5:], b"\r\n\r\n")
    assert wait_for_head(handler) == HEAD
    assert (handler.started, wire.now) == (1010.0, 1030.0)


def test_a_client_that_leaves_sends_no_head(scene: Scene):
    """A client that ends its side before its head sends none."""
    handler, wire = scene.handler()
    scene.peer.shutdown(socket.SHUT_WR)
    assert wait_for_head(handler) is None
    assert wire.now == 1000.0


@pytest.mark.parametrize(
    ("request_bytes", "lingers"),
    [
        pytest.param(b"BAD\r\n\r\n", [LIMITS.linger_s], id="refused"),
        pytest.param(HEAD + b"\r\nContent-Length: 5\r\n\r\n", [LIMITS.linger_s], id="a body that is not read"),
        pytest.param(HEAD + b"\r\n\r\n", [HURRY_S], id="answered, one connection at a time"),
        pytest.param(HEAD + b"\r\nConnection: close\r\n\r\n", [], id="the client closes"),
    ],
)
def test_a_last_answer_is_not_destroyed(scene: Scene, request_bytes: bytes, lingers: list[float]):
    """The server waits for its client's end, for so long, unless a close at once can reset nothing."""
    handler, wire = scene.handler(request_bytes)
    handler.handle()
    assert wire.lingered == lingers
    assert wire.closed_side == (not lingers)
    scene.peer.settimeout(10)
    assert scene.peer.recv(65_536).startswith(b"HTTP/1.1 ")
