"""The chunked coding: what is refused and why, how large each part may be, and how much is received at once."""

from __future__ import annotations

import socket

import pytest

from appliance.server.http.body import CLIENT_LEFT, BodyError
from appliance.server.http.chunked import ChunkedBody
from appliance.server.http.limits import RECEIVE, SIZE_LINE_MAX, Limits
from appliance.server.http.transfer_budget import TransferBudget
from appliance.server.io.wire import Wire

LIMITS = Limits(max_trailer_bytes=100, max_extension_bytes=100, max_body_bytes=100)
SIZE = "a chunk's size is not a hexadecimal number (RFC 9112, 7.1)"
EXTENSION = "a chunk's size or extension is malformed (RFC 9112, 7.1.1)"
LINE_END = "a line of the chunked coding does not end in CRLF (RFC 9112, 7.1)"
LONG_CHUNK = "a chunk is longer than its size says (RFC 9112, 7.1)"
TRAILER = "a trailer field is malformed (RFC 9112, 7.1.2)"
LONG_TRAILER = "the trailer fields are longer than 100 bytes (RFC 9112, 7.1.2)"
NO_TRAILER = "{} can't be a trailer field (RFC 9110, 6.5.1)"


class Pieces:
    """A source that gives these pieces, one a call, and then the end; it notes how much it was asked for."""

    def __init__(self, *pieces: bytes) -> None:
        self.buffer = b""
        self.asked: set[int] = set()
        self._pieces = list(pieces)

    def take(self, most: int, budget: TransferBudget) -> bytes:
        """Give the next piece."""
        assert budget.left > 0
        self.asked.add(most)
        piece = self._pieces.pop(0) if self._pieces else b""
        assert len(piece) <= most
        return piece


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"", 400, CLIENT_LEFT),
        (b"1\r\n", 400, CLIENT_LEFT),
        (b"0\r\nA: b\r\n", 400, CLIENT_LEFT),
        (b"\r\n", 400, SIZE),
        (b"x\r\n", 400, SIZE),
        (b" 1\r\n", 400, SIZE),
        (b"1 \r\n", 400, EXTENSION),
        (b"1;\r\n", 400, EXTENSION),
        (b'1;a="\r\n', 400, EXTENSION),
        (b"1" * 16 + b"\r\n", 400, EXTENSION),
        (b"1\na\r\n", 400, LINE_END),
        (b"1\r\r\n", 400, LINE_END),
        (b"\r1\r\n", 400, LINE_END),
        (b"\n" + b"a" * 2 * SIZE_LINE_MAX, 400, LINE_END),
        (b"1\r\na\n0\r\n\r\n", 400, LINE_END),
        (b"1\r\nab\r\n", 400, LONG_CHUNK),
        (b"1\r\nabc", 400, LONG_CHUNK),
        (b"0;" + b"a" * SIZE_LINE_MAX, 400, "a chunk's size and extensions are longer than 4096 bytes (RFC 9112, 7.1)"),
        (b"0;" + b"a" * 100 + b"\r\n", 400, "chunk extensions of more than 100 bytes"),
        (
            b"65\r\n",
            413,
            "the body is larger than 100 bytes (RFC 9110, 15.5.14); APPLIANCE_MAX_BODY_BYTES sets the limit",
        ),
        (b"0\r\nA\r\n", 400, TRAILER),
        (b"0\r\n: b\r\n", 400, TRAILER),
        (b"0\r\nA : b\r\n", 400, TRAILER),
        (b"0\r\nA: \x00\r\n", 400, TRAILER),
        (b"0\r\nA: \x7f\r\n", 400, TRAILER),
        (b"0\r\n\xe9: b\r\n", 400, TRAILER),
        (b"0\r\nA: b\n", 400, LINE_END),
        (b"0\r\nA: " + b"b" * 98 + b"\r\n", 400, LONG_TRAILER),
        (b"0\r\n" + b"A: bc\r\n" * 15, 400, LONG_TRAILER),
        (b"0\r\nA: " + b"b" * 97 + b"\r\nA:\r\n", 400, LONG_TRAILER),
        *(
            (b"0\r\n%b: b\r\n" % name, 400, NO_TRAILER.format(name.decode()))
            for name in (b"Host", b"COOKIE", b"If-Match", b"x-forwarded-for", b"Transfer-Encoding")
        ),
        (b"0\r\nX-Forwarded-" + b"a" * 60 + b": b\r\n", 400, NO_TRAILER.format("X-Forwarded-" + "a" * 28)),
    ],
)
def test_each_refused_chunk_says_what_was_found(data: bytes, status: int, reason: str):
    """A malformed chunked body is refused with a status, and a reason that names what is bad, however it is cut."""
    whole, cut = (data,) if data else (), [data[at : at + 1] for at in range(len(data))]
    for pieces in (whole, cut):
        with pytest.raises(BodyError) as caught:
            ChunkedBody(Pieces(*pieces), LIMITS).read()
        assert (caught.value.status, caught.value.reason, str(caught.value)) == (status, reason, reason)


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"1;" + b"a" * (SIZE_LINE_MAX - 2) + b"\r\nx\r\n0\r\n\r\n", Limits(max_extension_bytes=SIZE_LINE_MAX - 1)),
        (b"0" * (SIZE_LINE_MAX - 1) + b"1\r\nx\r\n0\r\n\r\n", LIMITS),
        (b"1;" + b"a" * 49 + b"\r\nx\r\n0;" + b"a" * 49 + b"\r\n\r\n", LIMITS),
        (b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n", LIMITS),
        (b"32\r\n" + b"x" * 50 + b"\r\n32\r\n" + b"x" * 50 + b"\r\n0\r\n\r\n", LIMITS),
        (b"0\r\nA: " + b"b" * 97 + b"\r\n\r\n", LIMITS),
        (b"0\r\n" + b"A: bcd\r\n" * 12 + b"A:bc\r\n\r\n", LIMITS),
        (b"0\r\nA: \t\xff:b\r\nHosts: b\r\nx-forwarded: c\r\n\r\n", LIMITS),
    ],
)
def test_each_part_may_be_as_large_as_its_limit(data: bytes, limits: Limits):
    """Size lines, extensions, content and trailer fields that are as large as their limits are read, in any pieces."""
    for pieces in ((data + b"behind",), [data[at : at + 1] for at in range(len(data))]):
        source = Pieces(*pieces)
        body = ChunkedBody(source, limits)
        assert set(body.read()) <= {ord("x")}
        assert body.ended
        assert source.buffer == (b"behind" if len(pieces) == 1 else b"")


def test_a_chunk_is_received_in_pieces():
    """No receive asks for more than 64 KiB, and no piece of the content is larger, whatever a chunk's size is."""
    content = bytes(range(256)) * 1024
    data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    source = Pieces(*(data[at : at + RECEIVE] for at in range(0, len(data), RECEIVE)))
    body = ChunkedBody(source, Limits())
    parts = []
    while part := body.read1():
        assert len(part) <= RECEIVE
        parts.append(part)
    assert b"".join(parts) == content
    assert (source.asked, body.size, body.ended) == ({RECEIVE}, len(content), True)


def test_what_has_come_of_a_chunk_can_be_read():
    """A chunk's bytes are there as they come, not only once the chunk is whole."""
    body = ChunkedBody(Pieces(b"5\r\nab", b"c", b"de\r\n0\r\n\r\n"), LIMITS)
    assert [body.read1() for _ in range(4)] == [b"ab", b"c", b"de", b""]


@pytest.mark.parametrize("size", [0, 1, RECEIVE - 20, RECEIVE, 3 * RECEIVE])
def test_what_follows_a_chunked_body_stays_in_the_buffer(size: int):
    """The requests that a client has sent ahead are all kept, in their order, however many bytes have come."""
    ahead = bytes(number % 251 for number in range(size))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Wire(ours, Limits(), b"5\r\nhello\r\n0\r\n\r\n" + ahead)
        assert ChunkedBody(wire, Limits()).read() == b"hello"
        assert wire.buffer == ahead
