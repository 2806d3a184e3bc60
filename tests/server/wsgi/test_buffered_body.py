"""Chunked bodies for frameworks that read by CONTENT_LENGTH alone: received before the application runs."""

from __future__ import annotations

import errno
import os
import sys
import types
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.http.body import Body, BodyError
from appliance.server.http.limits import RECEIVE, Limits
from appliance.server.http.refusal import RequestRefused
from appliance.server.io.background.byte_queue import ByteQueue, Storage
from appliance.server.wsgi import buffered_body
from appliance.server.wsgi.buffered_body import BufferedBody, buffer_whole
from tests.server.answers import answer
from tests.server.served import Echo, Served, chunked, get

Serve = Callable[..., Served]
EXPECT = "Expect: 100-continue"
FRAMEWORKS = buffered_body.READ_BY_LENGTH  # the fixtures of these tests hide them


class ByLength(Echo):
    """An application that reads as Django does: as many bytes as it was told, and none where it was not."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        source = environ["wsgi.input"]
        body = source.read(int(environ.get("CONTENT_LENGTH") or 0))
        self.seen.append({**environ, "body": body})
        start_response("200 OK", [])
        return [b"%d" % len(body)]


@pytest.fixture(params=["django", "bottle", "falcon", "cherrypy"])
def framework(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A process that has loaded such a framework."""
    monkeypatch.setattr(buffered_body, "READ_BY_LENGTH", FRAMEWORKS)
    monkeypatch.setitem(sys.modules, request.param, types.ModuleType(request.param))
    return str(request.param)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has loaded none of them."""
    monkeypatch.setattr(buffered_body, "READ_BY_LENGTH", FRAMEWORKS)
    for name in FRAMEWORKS:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_frameworks_get_a_chunked_body_with_its_length(serve: Serve, framework: str):
    """A chunked body has its length in the environ, and the connection serves the next request."""
    client = serve(echo := ByLength()).client()
    assert client.ask(chunked(b"abc", b"de") + chunked() + get()).body == b"5"
    assert (client.response().body, client.response().body) == (b"0", b"0")
    assert [each.get("CONTENT_LENGTH") for each in echo.seen] == ["5", "0", None]
    assert echo.seen[0]["body"] == b"abcde"
    assert "HTTP_TRANSFER_ENCODING" not in echo.seen[0]


def test_other_frameworks_get_a_chunked_body_unbuffered(serve: Serve, without: None):
    """An application of another framework is called when the head has come."""

    def reads(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert "CONTENT_LENGTH" not in environ
        write = start_response("200 OK", [])
        write(environ["wsgi.input"].read(3))
        return [environ["wsgi.input"].read()]

    assert not buffered_body.needs_length()
    request = chunked(b"abc", b"de")
    client = serve(reads).client().send(request[:-10])
    client.file.peek(1)
    assert client.send(request[-10:]).response().chunks == [b"abc", b"de"]


@pytest.fixture
def django(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has loaded Django."""
    monkeypatch.setattr(buffered_body, "READ_BY_LENGTH", FRAMEWORKS)
    monkeypatch.setitem(sys.modules, "django", types.ModuleType("django"))


def test_a_large_body_waits_on_disk(serve: Serve, django: None):
    """A body of many megabytes arrives whole, whether it is read or not."""
    piece = bytes(range(256)) * 4096
    client = serve(echo := ByLength()).client()
    assert client.ask(chunked(*[piece] * 4)).body == b"%d" % (4 * len(piece))
    assert echo.seen[0]["body"] == piece * 4
    served = serve(lambda environ, start_response: start_response("200 OK", []) and [])
    client = served.client()
    assert client.ask(chunked(*[piece] * 4)).status == 200
    assert client.ask(chunked(b"abc")).status == 200


@pytest.mark.parametrize("size", [100_000, 2_000_000], ids=["in memory", "on disk"])
def test_an_unread_body_is_released_when_its_connection_closes(serve: Serve, django: None, size: int):
    """A body that the application leaves unread occupies no memory and no disk once its connection has ended."""
    served = serve(answer([b"x"]), limits=Limits(held_bytes=1_000_000))
    storage = served.server.server_context.storage
    client = served.client()
    assert client.ask(chunked(bytes(size), fields=["Connection: close"])).body == b"x"
    assert client.rest() == b""
    assert (storage.memory_left, storage.disk_left if storage.files else 0, storage.files) == (1_000_000, 0, 0)


def test_a_client_that_expects_it_is_told_to_go_on(serve: Serve, django: None):
    """100 (Continue) is sent before the application runs, on each of a connection's requests (RFC 9110, 10.1.1)."""
    client = serve(ByLength()).client()
    head, _, body = chunked(b"abc", fields=[EXPECT]).partition(b"\r\n\r\n")
    for _ in range(2):
        assert client.send(head + b"\r\n\r\n").response().status == 100
        assert client.send(body).response().body == b"3"


@pytest.mark.parametrize(
    ("body", "status", "event"),
    [
        (b"x\r\n", 400, "request.refused"),
        (b"3\r\nabc\r\n", 400, "request.aborted"),
        (b"9\r\n123456789\r\n0\r\n\r\n", 413, "request.refused"),
    ],
)
def test_what_is_not_a_body_never_reaches_them(serve: Serve, django: None, body: bytes, status: int, event: str):
    """A body that is broken, cut off or too large is refused before the application runs."""
    served = serve(echo := ByLength(), limits=Limits(max_body_bytes=8))
    client = served.client().send(get("/", "Transfer-Encoding: chunked", method="POST") + body).half_close()
    response = client.response()
    assert (response.status, response["Connection"]) == (status, "close")
    assert client.rest() == b""
    assert echo.seen == []
    assert served.sink.record()["event"] == event


class Coming:
    """A body that comes in pieces, and how much of it was asked for at once."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.asked: list[int] = []

    def read(self, size: int) -> bytes:
        """As a body's."""
        self.asked.append(size)
        return self.pieces.pop(0) if self.pieces else b""


def received(*pieces: bytes, storage: Storage | None = None) -> BufferedBody:
    """A body of these pieces, received to its end."""
    coming: Any = Coming(*pieces)
    context: Any = SimpleNamespace(storage=storage or Storage(1_000_000), limits=Limits())
    wire: Any = None
    body = buffer_whole(wire, context, coming)
    assert set(coming.asked) == {RECEIVE}
    return body


def test_a_received_body_has_ended_when_it_is_read():
    """A body has ended once its last byte was read, at once if it has none, or if nobody reads it any more."""
    storage = Storage(1_000_000)
    body = received(b"a" * RECEIVE, b"bc", storage=storage)
    assert (body.length, body.ended, body.drainable(Limits())) == (RECEIVE + 2, False, True)
    assert body.read(RECEIVE) == b"a" * RECEIVE
    assert body.ended is False
    assert body.read(2) == b"bc"
    assert (body.ended, storage.memory_left) == (True, 1_000_000)
    assert received().ended is True
    for end in (BufferedBody.release, lambda body: body.drain(Limits())):
        left = received(b"abc", storage=storage)
        end(left)
        assert (left.ended, storage.memory_left) == (True, 1_000_000)


@pytest.mark.parametrize(
    ("error", "words"),
    [(OSError(errno.EIO, os.strerror(errno.EIO)), "Input/output error"), (OSError("gone"), "gone")],
)
def test_a_disk_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, error: OSError, words: str):
    """A body that can't be kept is refused with 507, one that can't be read again with 500; the reason names why."""

    def fails(*_: object) -> bytes:
        raise error

    body = received(b"abc")
    with monkeypatch.context() as patched:
        patched.setattr(ByteQueue, "append", fails)
        with pytest.raises(RequestRefused) as refused:
            received(b"abc")
    assert refused.value.status == 507
    assert refused.value.reason == f"there is no room for the body: {words} (RFC 4918, 11.5)"
    monkeypatch.setattr(ByteQueue, "take", fails)
    with pytest.raises(BodyError) as failed:
        body.read()
    assert (failed.value.status, failed.value.reason) == (500, f"the body can't be read from the disk again: {words}")
    assert isinstance(body, Body)
