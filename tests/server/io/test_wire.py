"""One connection's bytes: how large a head may be, however its bytes arrive."""

from __future__ import annotations

import socket

import pytest

from appliance.server.http.limits import Limits
from appliance.server.http.refusal import Refused
from appliance.server.io.wire import Wire
from tests.server.served import get

HEAD = get()[:-4]
LINE, FIELDS = len(b"GET / HTTP/1.1"), len(b"\r\nHost: localhost")


def read_head(limits: Limits, *pieces: bytes) -> bytes | None:
    """The head that is read from these pieces."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Wire(ours, limits)
        theirs.sendall(pieces[0])
        raw = wire.receive_head()
        if raw is None:
            raw = wire.pop_head()
        for piece in pieces[1:]:
            assert raw is None
            theirs.sendall(piece)
            assert wire.fill()
            raw = wire.pop_head()
        return raw


@pytest.mark.parametrize("cut", range(1, len(get()) + 1))
def test_head_as_large_as_may_be(cut: int):
    """A head that is as large as may be is taken, wherever its bytes are cut."""
    data = get()
    pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
    assert read_head(Limits(max_line_bytes=LINE), *pieces) == HEAD
    assert read_head(Limits(max_header_bytes=FIELDS), *pieces) == HEAD


@pytest.mark.parametrize("cut", range(1, len(get()) + 1))
def test_head_too_large(cut: int):
    """A byte more is refused, however small the limit (RFC 9110, 15.5.15; RFC 6585, 5)."""
    data = get()
    pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
    for limits, status in (
        (Limits(max_line_bytes=LINE - 1), 414),
        (Limits(max_header_bytes=FIELDS - 1), 431),
    ):
        with pytest.raises(Refused) as caught:
            read_head(limits, *pieces)
        assert caught.value.status == status


def test_empty_lines_are_counted_for_each_request():
    """A few empty lines before each request are skipped, for as many requests as come (RFC 9112, 2.2)."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Wire(ours, Limits())
        for _ in range(20):
            theirs.sendall(b"\r\n")
            assert wire.receive_head() is None
            assert wire.pop_head() is None
            theirs.sendall(get())
            assert wire.receive_head() == HEAD


def test_a_response_that_is_cut_off_never_ends_properly():
    """Between the decision and the close the client may read what was sent: it must not find an end behind that."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        wire = Wire(listener.accept()[0], Limits())
        wire.send(b"a part of the response")
        wire.reset()
        wire.end()
        assert client.recv(100) == b"a part of the response"
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)
        client.setblocking(True)
        wire.close()
        with pytest.raises(ConnectionResetError):
            client.recv(100)
