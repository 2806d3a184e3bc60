"""Many WebSockets and event streams on one worker: they starve nobody, and there is an end to them."""

from __future__ import annotations

import base64
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.clients import plain_s
from tests.live.live_appliance import Appliance
from tests.soak.load import SOAKED
from tests.soak.streams import masked

Open = Callable[[str], socket.socket]
EACH = 100
BOUND = 256


@pytest.fixture
def appliance(start: Callable[..., Appliance], project: Path) -> Appliance:
    """One that serves what streams."""
    shutil.copy(SOAKED / "app.py", project / "app.py")
    appliance = start(APPLIANCE_THREADS="8")
    appliance.wait_for("worker.ready")
    return appliance


@pytest.fixture
def opened(appliance: Appliance) -> Iterator[Open]:
    """Ask for a path, as a WebSocket's client does where it is one; the status line has come, the rest has not."""
    with ExitStack() as stack:

        def begin(path: str) -> socket.socket:
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", appliance.port), timeout=30))
            fields = [f"GET {path} HTTP/1.1", "Host: localhost"]
            if path == "/websocket":
                key = base64.b64encode(os.urandom(16)).decode()
                fields += ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}"]
            sock.sendall("\r\n".join([*fields, "", ""]).encode())
            return sock

        yield begin


def status(sock: socket.socket) -> int:
    """The status of the answer; what follows its head is left where it is."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = sock.recv(1)
        assert part, head
        head += part
    return int(head.split(b" ")[1])


def said(sock: socket.socket, word: bytes) -> bytes:
    """Return the answer of a WebSocket."""
    sock.sendall(masked(1, word))
    return sock.recv(2 + len(word), socket.MSG_WAITALL)[2:]


def test_streams_starve_no_request(appliance: Appliance, opened: Open):
    """Beside 100 open WebSockets and 100 event streams that tick, with 8 threads, a plain GET takes under 50 ms."""
    usual = plain_s(appliance)  # more than a few milliseconds on a machine that is busy
    sockets = [opened("/websocket") for _ in range(EACH)]
    streams = [opened("/events?ms=500") for _ in range(EACH)]
    assert {status(sock) for sock in sockets} == {101}
    assert {status(sock) for sock in streams} == {200}
    took = plain_s(appliance)
    assert {said(sock, b"still here") for sock in sockets} == {b"still here"}
    assert all(sock.recv(1) for sock in streams)
    assert took < max(0.05, 5 * usual)


def test_streams_beyond_the_bound_are_refused(appliance: Appliance, opened: Open):
    """256 may be open; more get 503 and one event, plain requests go on, and who leaves makes room."""
    half = BOUND // 2
    sockets = [opened("/websocket") for _ in range(half)]
    assert {status(sock) for sock in sockets} == {101}
    streams = [opened("/events") for _ in range(half)]
    assert {status(sock) for sock in streams} == {200}
    assert [status(opened(path)) for path in ("/websocket", "/events", "/websocket")] == [503] * 3
    assert appliance.get("/sized?n=1")[1] == b"\0"
    assert appliance.wait_for("stream.limit")["limit"] == BOUND
    refused = {appliance.wait_for("request.refused")["url.path"] for _ in range(3)}
    assert refused == {"/websocket", "/events"}
    sockets[0].close()
    appliance.wait_for("websocket.closed")
    while status(again := opened("/websocket")) == 503:  # the line comes a moment before the room
        again.close()
    assert said(again, b"hello") == b"hello"
    appliance.stop()
    assert sum(event["event"] == "stream.limit" for event in appliance.events) == 1
