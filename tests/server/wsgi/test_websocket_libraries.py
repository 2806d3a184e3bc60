"""flask-sock, simple-websocket and Flask-SocketIO (threading mode), unchanged, with real clients."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import aiohttp
import flask
import flask_sock
import flask_socketio
import pytest
import simple_websocket
import socketio

from tests.server.served import PATIENCE_S, Served, get

Serve = Callable[..., Served]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")
NOT_WAITED = aiohttp.ClientTimeout(total=PATIENCE_S)


class Sockets:
    """A Flask application with a WebSocket that sends back what it gets, and remembers how it ended."""

    def __init__(self, **options: Any) -> None:
        self.app = flask.Flask(__name__)
        self.app.config["SOCK_SERVER_OPTIONS"] = options
        self.closed: list[int] = []
        self.ended = threading.Event()
        sock = flask_sock.Sock(self.app)
        sock.route("/echo")(self.echo)
        self.app.route("/plain")(lambda: "plain")

    def echo(self, ws: simple_websocket.Server) -> None:
        try:
            while (data := ws.receive()) != "close":
                if data == "fail":
                    raise LookupError("in the handler")
                ws.send(data)
        except simple_websocket.ConnectionClosed as closed:
            self.closed.append(int(closed.reason))
            raise
        finally:
            self.ended.set()


def talk(served: Served, conversation: Callable[[aiohttp.ClientWebSocketResponse], Any], **options: Any) -> Any:
    """Hold a conversation over a WebSocket of aiohttp's."""

    async def connected() -> Any:
        url = "http://{}:{}/echo".format(*served.address)
        async with aiohttp.ClientSession(timeout=NOT_WAITED) as session, session.ws_connect(url, **options) as ws:
            return await asyncio.wait_for(conversation(ws), PATIENCE_S)

    return asyncio.run(connected())


def frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A client's frame, masked with zeros (RFC 6455, 5.2)."""
    return struct.pack("!BB4x", opcode | (0x80 if last else 0), 0x80 | len(payload)) + payload


@pytest.mark.parametrize("options", [{}, {"ping_interval": 25}], ids=["plain", "pings"])
def test_flask_sock_sends_and_receives(serve: Serve, options: dict[str, Any]):
    """Text, bytes, a megabyte, pings of either side: each comes back whole; the record says 101 and how long it was."""
    served = serve(Sockets(**options).app)
    large = os.urandom(1_000_000)

    async def conversation(ws: aiohttp.ClientWebSocketResponse) -> None:
        await ws.send_str("h\u00e9llo")
        assert await ws.receive_str() == "h\u00e9llo"
        await ws.ping()
        await ws.send_bytes(large)
        assert await ws.receive_bytes() == large
        await ws.send_str("close")
        assert (await ws.receive()).type == aiohttp.WSMsgType.CLOSE

    talk(served, conversation, max_msg_size=0)
    record = served.sink.record()
    assert (record["event"], record["status"], record["path"]) == ("websocket.closed", 101, "/echo")
    assert record["duration_us"] >= record["first_byte_us"] > 0
    assert served.ask(get("/plain")).body == b"plain"
    assert served.sink.events == []


def test_messages_may_be_compressed(serve: Serve):
    """permessage-deflate (RFC 7692) is the library's to offer and accept; nothing of it is in the server's way."""
    served = serve(Sockets().app)

    async def conversation(ws: aiohttp.ClientWebSocketResponse) -> None:
        await ws.send_str("a" * 10_000)
        assert await ws.receive_str() == "a" * 10_000

    talk(served, conversation, compress=15)


def test_frames_that_come_with_the_handshake_are_received(serve: Serve):
    """A message in three frames that arrived together with the request, a ping between them, is read as any other."""
    served = serve(Sockets().app)
    early = frame(1, b"ear", last=False) + frame(9, b"p") + frame(0, b"l", last=False) + frame(0, b"y")
    client = served.client().send(get("/echo", *UPGRADE) + early)
    head = b"".join(iter(client.file.readline, b"\r\n"))
    assert head.startswith(b"HTTP/1.1 101 ")
    assert f"Sec-WebSocket-Accept: {ACCEPT}".lower().encode() in head.lower()
    assert client.file.read(3) == b"\x8a\x01p"
    assert client.file.read(7) == b"\x81\x05early"


def test_the_closing_handshake_ends_the_handler(serve: Serve):
    """The closing handshake ends the handler and the connection; no HTTP is written after it."""
    sockets = Sockets()
    served = serve(sockets.app)
    client = served.client().send(get("/echo", *UPGRADE))
    head = b"".join(iter(client.file.readline, b"\r\n"))
    assert head.startswith(b"HTTP/1.1 101 ")
    client.send(frame(8, struct.pack("!H", 1000)))
    assert client.rest() == b"\x88\x02\x03\xe8"
    assert served.sink.record()["event"] == "websocket.closed"
    assert sockets.closed == [1000]
    assert served.sink.events == []


def test_a_reset_ends_the_handler_with_one_record(serve: Serve):
    """A reset ends the handler, with one record and no complaint."""
    sockets = Sockets()
    served = serve(sockets.app)
    client = served.client().send(get("/echo", *UPGRADE))
    assert client.file.readline().startswith(b"HTTP/1.1 101 ")
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert sockets.ended.wait(PATIENCE_S)
    assert served.sink.record()["event"] == "websocket.closed"
    assert len(served.sink.records) == 1
    assert served.sink.events == []


def test_a_handler_that_fails_is_reported(serve: Serve):
    """An exception in a handler is logged by its framework, and nothing but its protocol is written to the client."""
    served = serve(Sockets().app)

    async def conversation(ws: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMsgType:
        await ws.send_str("fail")
        return (await ws.receive()).type

    assert talk(served, conversation) in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert served.sink.record()["event"] == "websocket.closed"


@pytest.mark.waits
@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
def test_flask_socketio_works_in_threads_over_both_transports(serve: Serve, transports: list[str]):
    """Socket.IO connects, calls and is called back, over a WebSocket, over polling, and from one to the other."""
    app = flask.Flask(__name__)
    sockets = flask_socketio.SocketIO(app, async_mode="threading")
    gone = threading.Event()

    def echo(data: Any) -> Any:
        flask_socketio.emit("echoed", data)
        return data

    sockets.on("echo")(echo)
    sockets.on("disconnect")(lambda *reason: gone.set())
    served = serve(app)

    async def conversation() -> None:
        client = socketio.AsyncClient()
        echoed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.on("echoed", echoed.set_result)
        await client.connect("http://{}:{}".format(*served.address), transports=transports)
        assert await client.call("echo", {"a": [1, "\u00e9"]}, timeout=PATIENCE_S) == {"a": [1, "\u00e9"]}
        assert await asyncio.wait_for(echoed, PATIENCE_S) == {"a": [1, "\u00e9"]}
        await client.disconnect()

    asyncio.run(conversation())
    if "websocket" in transports:  # a client that polls leaves without a word, at times
        assert gone.wait(PATIENCE_S)
        served.sink.wait(lambda: [each for each in served.sink.records if each["event"] == "websocket.closed"])
    assert [event for level, event, _ in served.sink.events if level == "error"] == []
