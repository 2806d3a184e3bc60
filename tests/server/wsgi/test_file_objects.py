"""``rfile``, ``wfile`` and plain file objects: the same methods, whether there is a connection or not."""

from __future__ import annotations

import io
from typing import Any

import pytest

from appliance.server.http.body import EMPTY
from appliance.server.http.limits import RECEIVE
from appliance.server.http.transfer_budget import TransferBudget
from appliance.server.io.wire import Wire
from appliance.server.wsgi.streams import FileWire, Reader, Writer, standalone_parts


class Pieces(FileWire):
    """A wire whose client sends these pieces, one for each call."""

    take = Wire.take

    def __init__(self, *pieces: bytes) -> None:
        super().__init__(None, None)
        self.pieces = list(pieces)
        self.times: list[float] = []

    def receive(self, budget: TransferBudget) -> bytes:
        """The next piece."""
        self.times.append(budget.left)
        return self.pieces.pop(0) if self.pieces else b""


class Unflushed:
    """A file object that can only be written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> int:
        """As a file's."""
        self.data += data
        return len(data)


@pytest.mark.parametrize("size", [-1, -7, None])
def test_a_line_without_a_bound_ends_with_its_line_end(size: int | None):
    """Each call gives one line, however the bytes arrive, and at the end the bytes that have no line end."""
    wire = Pieces(b"on", b"e\ntwo\nthr", b"ee")
    reader = Reader(wire, 7.0)
    assert reader.body is None
    assert [reader.readline(size) for _ in range(4)] == [b"one\n", b"two\n", b"three", b""]
    assert set(wire.times) == {7.0}


def test_a_line_is_cut_at_its_bound():
    """A bound cuts a line, and no more is awaited than the bound asks for; a bound of 0 reads nothing."""
    wire = Pieces(b"abcd\nef\n", b"more")
    reader = Reader(wire, 7.0)
    assert reader.readline(0) == b""
    assert wire.pieces == [b"abcd\nef\n", b"more"]
    assert [reader.readline(size) for size in (1, 2, 0, 9, 2)] == [b"a", b"bc", b"", b"d\n", b"ef"]
    assert reader.readline(1) == b"\n"
    assert wire.pieces == [b"more"]
    assert (reader.readline(4), reader.readline(4)) == (b"more", b"")


def test_a_reader_reads_as_much_as_it_is_asked_for():
    """``read`` waits for all bytes, ``read1`` for the first, and ``readinto`` fills its buffer, up to the end."""
    wire = Pieces(b"ab", b"cd", b"efg", b"h", b"ij")
    reader = Reader(wire, 7.0)
    assert reader.readable()
    assert (reader.read(3), reader.read(0), reader.read1(0)) == (b"abc", b"", b"")
    assert (reader.read1(9), reader.read1(1), reader.read1(), reader.read1(None)) == (b"d", b"e", b"fg", b"h")
    buffer = bytearray(b"----")
    assert (reader.readinto(buffer), bytes(buffer)) == (2, b"ij--")
    assert set(wire.times) == {7.0}
    assert Reader(Pieces(b"abcdef"), 7.0).readinto(bytearray(4)) == 4
    for size in (-1, -2, None):
        assert Reader(Pieces(b"ab", b"c"), 7.0).read(size) == b"abc"
    assert Reader(Pieces(b"x" * (RECEIVE + 1)), 7.0).read1(-2) == b"x" * RECEIVE
    assert Reader(Pieces(b"ab"), 7.0).read(5) == b"ab"
    assert Reader(Pieces(b"ab"), 7.0).read1(1) == b"a"


def test_file_objects_stand_for_a_connection():
    """A wire of file objects reads as much as is asked for, and writes and flushes at once; none of them is needed."""
    out = io.BytesIO()
    wire = FileWire(io.BytesIO(b"x" * (RECEIVE + 1)), out)
    assert (wire.buffer, wire.ended, wire.lenient, wire.background) == (b"", False, False, None)
    budget = TransferBudget(1.0)
    assert (wire.take(3, budget), len(wire.receive(budget)), wire.receive(budget)) == (b"xxx", RECEIVE - 2, b"")
    buffered = io.BufferedWriter(raw := io.BytesIO())
    FileWire(None, buffered).send_parts([b"a", b"b"])
    assert raw.getvalue() == b"ab"
    unflushed: Any = Unflushed()
    FileWire(None, unflushed).send(b"c")
    assert unflushed.data == b"c"
    nothing = FileWire(None, None)
    nothing.send(b"d")
    assert (nothing.take(1, budget), nothing.receive(budget)) == (b"", b"")


@pytest.mark.parametrize(
    ("length", "body"),
    [("3", b"abc"), (3, b"abc"), ("", b""), (None, b""), ("x", b""), ("-3", b""), ("\u00b2", b""), ("\u0663", b"")],
)
def test_a_plain_file_has_as_many_bytes_as_the_environ_says(length: Any, body: bytes):
    """CONTENT_LENGTH bounds the file; one that is not a number in ASCII stands for a request without a body."""
    made, _, _ = standalone_parts(io.BytesIO(b"abcdef"), io.BytesIO(), {"CONTENT_LENGTH": length})
    assert made.read() == body


def test_parts_that_the_server_has_made_are_kept():
    """A body or a wire of the server is used as it is; the record has the client's address, and no port or id."""
    wire = FileWire(None, io.BytesIO())
    body, same, exchange = standalone_parts(EMPTY, wire, {"REMOTE_ADDR": "192.0.2.7"})
    assert (body, same) == (EMPTY, wire)
    assert (exchange.address, exchange.port, exchange.request_id) == ("192.0.2.7", 0, "")
    assert exchange.started > 0
    assert standalone_parts(None, None, {})[2].address == ""


def test_a_writer_sends_at_once():
    """``wfile`` takes any bytes, and returns how many they were."""
    out = io.BytesIO()
    assert Writer(FileWire(None, out)).writable()
    assert Writer(FileWire(None, out)).write(memoryview(b"abc")) == 3
    assert out.getvalue() == b"abc"
