"""Sending to a real socket: what is read, and when it is given up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from appliance.desk.replay.sending import CONTENT_MAX, Place, send
from appliance.desk.replay.sent_request import ReplayError

Serving = Callable[..., Place]


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Answer one connection with these bytes, then with others again and again, and keep it open unless it ``ends``."""
    held: list[socket.socket] = []

    def serving(answer: bytes, endless: bytes = b"", *, ends: bool = False) -> Place:
        listener = socket.create_server(("127.0.0.1", 0))
        held.append(listener)

        def serve() -> None:
            client = listener.accept()[0]
            held.append(client)
            client.recv(65_536)
            try:
                client.sendall(answer)
                while endless:
                    client.sendall(endless)
                if ends:
                    client.shutdown(socket.SHUT_WR)
            except OSError:
                return  # the other end has read enough

        threading.Thread(target=serve, daemon=True).start()
        return Place(*listener.getsockname())

    yield serving
    for each in held:
        each.close()


def test_a_response_is_read_to_its_end(serving: Serving):
    """Chunks are joined, repeated fields stay two, and a 100 in front is skipped."""
    place = serving(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    found = send(place, "GET", b"GET / HTTP/1.1\r\nHost: a", b"", 10)
    assert (found.status, found.reason, found.content, found.is_cut) == (201, "Made", b"abcde", False)
    assert [value for name, value in found.fields if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_a_stream_is_cut_at_the_deadline(serving: Serving):
    """The content of a stream without an end is kept up to the deadline."""
    place = serving(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    found = send(place, "GET", b"GET / HTTP/1.1\r\nHost: a", b"", 0.3)
    assert (found.content, found.is_cut) == (b"data: 1\n\n", True)


def test_one_deadline_holds_for_the_head_too(serving: Serving):
    """A server that always sends something, and never a final response, is given up at the deadline."""
    with pytest.raises(ReplayError, match=r"within 0\.3 s"):
        send(serving(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "GET", b"GET / HTTP/1.1\r\nHost: a", b"", 0.3)


@pytest.mark.parametrize(
    "head",
    [b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"Content-Length: 9\r\n\r\nhello"],
    ids=["chunked", "length"],
)
def test_a_response_that_fails_within_its_content_is_cut(serving: Serving, head: bytes):
    """The status and the content so far count, as for a client, if the connection ends too early."""
    found = send(serving(b"HTTP/1.1 200 OK\r\n" + head, ends=True), "GET", b"GET / HTTP/1.1\r\nHost: a", b"", 10)
    assert (found.status, found.content, found.is_cut) == (200, b"hello", True)


def test_a_large_response_is_cut(serving: Serving):
    """No more than the limit is read."""
    place = serving(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (CONTENT_MAX + 9) + b"x" * (CONTENT_MAX + 9))
    found = send(place, "GET", b"GET / HTTP/1.1\r\nHost: a", b"", 20)
    assert (len(found.content), found.is_cut) == (CONTENT_MAX, True)


@pytest.mark.parametrize("answer", [b"", b"junk\r\n\r\n", b"HTTP/1.1 200 OK\r\n"], ids=["silence", "junk", "half"])
def test_no_response_is_an_error_with_its_reason(serving: Serving, answer: bytes):
    """The page says that there was none, and why."""
    with pytest.raises(ReplayError, match="There was no response"):
        send(serving(answer), "GET", b"GET / HTTP/1.1\r\nHost: a", b"", 0.3)


def test_a_refused_connection_is_an_error():
    """The reason is the system's own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = Place(*listener.getsockname())
    with pytest.raises(ReplayError, match="refused"):
        send(place, "GET", b"GET / HTTP/1.1\r\nHost: a", b"", 5)
