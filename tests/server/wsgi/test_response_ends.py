"""``ServerHandler``: the end of content that is too long, too short, a file, or none, on a connection that stays."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.server.wsgi import handler, response
from appliance.server.wsgi.response import ServerHandler
from tests.server.answers import Answer, answer
from tests.server.served import GET, get
from tests.server.wsgi.connected_handler import Connected

Connecting = Callable[..., Connected]


@pytest.fixture
def connect() -> Iterator[Connecting]:
    """Make connections, which end with the test."""
    made: list[Connected] = []

    def begin(application: Callable[..., Any]) -> Connected:
        made.append(Connected(application))
        return made[-1]

    yield begin
    for each in made:
        each.close()


def items(*parts: bytes, headers: list[tuple[str, str]] | None = None) -> Callable[..., Iterator[bytes]]:
    """An application whose content comes one by one."""

    def application(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", headers or [])
        yield from parts

    return application


def test_an_iterable_without_content_has_a_length_of_none(connect: Connecting):
    """A generator that gives nothing makes a response of length 0, and the connection stays."""
    connected = connect(items(b"", b""))
    got = connected.serve(GET)
    assert b"\r\nContent-Length: 0\r\n" in got
    assert got.endswith(b"\r\n\r\n")
    assert b"chunked" not in got
    assert connected.handler.close_connection is False
    assert connected.sink.events == []


@pytest.mark.parametrize(
    ("parts", "closes", "event", "fields"),
    [
        ((b"abc", b"d"), False, None, {}),
        ((b"ab", b"c"), True, "response.short", {"promised": 4, "sent": 3}),
        ((b"abcd", b"ef"), False, "response.long", {"promised": 4, "surplus": 2}),
        ((b"abc", b"def"), False, "response.long", {"promised": 4, "surplus": 2}),
    ],
    ids=["fits", "short", "long", "cut"],
)
def test_content_is_held_to_its_length(
    connect: Connecting, parts: tuple[bytes, ...], closes: bool, event: str | None, fields: dict[str, int]
):
    """Content that is shorter than Content-Length ends the connection, longer content is cut, and either is logged."""
    connected = connect(items(*parts, headers=[("Content-Length", "4")]))
    assert connected.serve(GET).endswith(b"\r\n\r\n" + b"".join(parts)[:4])
    assert connected.handler.close_connection is closes
    assert [name for _, name, _ in connected.sink.events] == ([event] if event else [])
    for _, _, found in connected.sink.events:
        assert {name: value for name, value in found.items() if name != "request_id"} == fields


def test_two_writes_beyond_the_length_are_both_counted(connect: Connecting):
    """All bytes beyond Content-Length count, in however many pieces they are written."""

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Length", "1")])
        for part in (b"ab", b"cde"):
            write(part)
        return []

    connected = connect(application)
    connected.serve(GET)
    assert [fields["surplus"] for _, _, fields in connected.sink.events] == [4]


class Ticking:
    """A clock that goes on by so many seconds at each look."""

    def __init__(self, step_s: float) -> None:
        self.now, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


@pytest.mark.parametrize(("method", "step_s", "taken"), [("HEAD", 0.0, 9), ("HEAD", 0.4, 3), ("GET", 9.0, 9)])
def test_a_head_request_reads_content_during_a_second(
    connect: Connecting, monkeypatch: pytest.MonkeyPatch, method: str, step_s: float, taken: int
):
    """Content that is not sent is read during a second at most: it may have no end. Other content has all its time."""
    monkeypatch.setattr(response, "monotonic", Ticking(step_s))
    given: list[int] = []

    def application(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for number in range(9):
            given.append(number)
            yield b"x"

    connected = connect(application)
    connected.handler.started = 0.0
    connected.handler.begin_request(get(method=method)[:-4], 0.0, None)
    got = connected.serve()
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(given) == taken
    assert got.endswith(b"\r\n\r\n" if method == "HEAD" else b"0\r\n\r\n")


def test_a_subclass_may_change_the_headers_of_every_response(connect: Connecting, monkeypatch: pytest.MonkeyPatch):
    """The hook of a subclass is called for the most usual response, too."""

    class Marked(ServerHandler):
        def cleanup_headers(self) -> None:
            assert self.headers is not None
            self.headers["X-Marked"] = "yes"

    monkeypatch.setattr(handler, "ServerHandler", Marked)
    assert b"\r\nX-Marked: yes\r\n" in connect(answer([b"x"])).serve(GET)


def test_a_stream_that_finds_no_room_is_refused(connect: Connecting):
    """An event stream that may have no thread of its own is refused, with the reason."""
    connected = connect(Answer([b"data: 1\n\n", b"more"], headers=[("Content-Type", "text/event-stream")]))
    connected.server.begin_stream = lambda _handler: False
    got = connected.serve(GET)
    assert got.startswith(b"HTTP/1.1 503 ")
    assert got.endswith(b"too many streams and WebSockets are open; close some of them, then try again\n")


def sends(file: Any) -> Callable[..., Any]:
    """An application that sends this file."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    return application


def test_a_file_that_grows_is_sent_as_it_was(connect: Connecting, monkeypatch: pytest.MonkeyPatch):
    """A small file is read to the size that was announced, and no further, if another program still writes into it."""
    monkeypatch.setattr(response, "file_range", lambda _: (0, 0, 3))
    connected = connect(sends(io.BytesIO(b"abcdef")))
    got = connected.serve(GET)
    assert b"\r\nContent-Length: 3\r\n" in got
    assert got.endswith(b"\r\n\r\nabc")
    assert connected.sink.events == []


def test_a_large_file_is_sent_whole(connect: Connecting, tmp_path: Path):
    """A large file is sent from kernel to kernel if there is a connection, and is read if there is not."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 65_537)
    connected = connect(sends(path.open("rb")))
    assert connected.serve(GET).endswith(b"\r\n\r\n" + path.read_bytes())
    assert connected.sink.events == []
    environ = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.0"}
    ServerHandler(io.BytesIO(), out := io.BytesIO(), io.StringIO(), environ).run(sends(path.open("rb")))
    assert out.getvalue().endswith(b"\r\n\r\n" + path.read_bytes())
