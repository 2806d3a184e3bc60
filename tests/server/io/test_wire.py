"""One connection's bytes: heads, however they arrive and however large, what comes early, and each way to end."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.server.http.limits import RECEIVE, Limits
from appliance.server.http.refusal import LONG_METHOD, TLS_REASON, RequestRefused, long_fields
from appliance.server.http.transfer_budget import TransferBudget
from appliance.server.io import wire as wire_module
from appliance.server.io.background.byte_queue import ByteQueue, Storage
from appliance.server.io.wire import Wire
from tests.server.served import get
from tests.server.slow import until

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
def test_a_head_of_the_largest_size_is_taken(cut: int):
    """A head that is as large as may be is taken, wherever its bytes are cut."""
    data = get()
    pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
    assert read_head(Limits(max_line_bytes=LINE), *pieces) == HEAD
    assert read_head(Limits(max_header_bytes=FIELDS), *pieces) == HEAD


@pytest.mark.parametrize("cut", range(1, len(get()) + 1))
def test_a_head_with_a_byte_too_much_is_refused(cut: int):
    """A byte more is refused, however small the limit (RFC 9110, 15.5.15; RFC 6585, 5)."""
    data = get()
    pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
    for limits, status in (
        (Limits(max_line_bytes=LINE - 1), 414),
        (Limits(max_header_bytes=FIELDS - 1), 431),
    ):
        with pytest.raises(RequestRefused) as caught:
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
        theirs.sendall(b"\r\n" * 8 + get())
        assert wire.receive_head() is None
        assert wire.pop_head() == HEAD


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


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    """A wire, and its client."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        yield Wire(ours, Limits()), theirs


Pair = tuple[Wire, socket.socket]


class Waits:
    """The waits of a wire, by a clock that moves only then: each lasts two seconds."""

    def __init__(self) -> None:
        self.now = 100.0
        self.seen: list[tuple[int, float]] = []
        self.during_second: Callable[[], None] = lambda: None

    def wait(self, events: int, seconds: float) -> None:
        self.seen.append((events, seconds))
        self.now += 2.0
        if len(self.seen) == 2:
            self.during_second()
        if seconds <= 0:
            raise TimeoutError


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """The events that each wire waits for, and how long; no time passes."""
    waits = Waits()
    monkeypatch.setattr(wire_module, "monotonic", lambda: waits.now)
    monkeypatch.setattr(Wire, "wait", lambda _, events, seconds: waits.wait(events, seconds))
    return waits


def test_a_wire_begins_with_nothing(pair: Pair):
    """A new wire has a socket that never blocks, and knows nothing of its client but the bytes that came early."""
    wire, _ = pair
    assert (wire.sock.gettimeout(), wire.buffer, wire.ended, wire.lenient) == (0.0, b"", False, False)
    assert (wire.secure, wire.movable, wire.early, wire.is_broken) == (False, True, None, False)
    assert Wire(wire.sock, Limits(), b"early").buffer == b"early"
    assert wire.release_socket() is wire.sock
    assert wire.sock.gettimeout() is None


def test_received_bytes_are_buffered(pair: Pair):
    """Received bytes are appended to the buffered ones, and so is the end; no bytes yet differs from no bytes ever."""
    wire, client = pair
    assert (wire.receive_now(), wire.fill(), wire.buffer) == (None, False, b"")
    client.sendall(b"abc")
    assert wire.fill()
    client.sendall(b"def")
    assert wire.fill()
    assert (wire.buffer, wire.ended) == (b"abcdef", False)
    assert (wire.take_now(2), wire.buffer) == (b"ab", b"cdef")
    wire.push(b"AB")
    assert wire.buffer == b"ABcdef"
    budget = TransferBudget(5.0)
    assert [wire.take(4, budget), wire.take(2, budget), wire.buffer] == [b"ABcd", b"ef", b""]
    client.sendall(b"ghi")
    assert [wire.take(2, budget), wire.take(2, budget), wire.buffer] == [b"gh", b"i", b""]
    client.close()
    assert (wire.fill(), wire.buffer, wire.ended) == (True, b"", True)
    assert (wire.take(2, budget), budget.left) == (b"", 5.0)


def test_a_wait_takes_the_client_s_time(pair: Pair, waits: Waits):
    """A wait takes from the client's time what it lasted, and never lasts longer; what comes then gives time back."""
    wire, client = pair
    waits.during_second = lambda: client.sendall(b"x" * 1024)
    budget = TransferBudget(10.0)
    assert len(wire.receive(budget)) == 1024
    assert (waits.seen, budget.left) == ([(select.POLLIN, 10.0), (select.POLLIN, 8.0)], 7.0)


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (b"a\r\n\r\n", b"a"),
        (b"GET / HTTP/1.1\r\nA: b\r\n\r\n", b"GET / HTTP/1.1\r\nA: b"),
        (b"\r\n\r\n", None),
        (b"a\r\n\r", None),
        (b" a\r\n\r\n", None),
        (b"\x16a\r\n\r\n", None),
        (b"a\r\n\r\nb", None),
        (b"a\r\n\r\nb\r\n\r\n", None),
        (b"a" * 4096 + b"\r\n\r\n", None),
    ],
)
def test_a_head_that_came_alone_is_taken_at_once(pair: Pair, data: bytes, head: bytes | None):
    """One receive gives the head if it brought one and nothing else; whatever else it brought is buffered."""
    wire, client = pair
    assert wire.receive_head() is None
    client.sendall(data)
    assert wire.receive_head() == head
    assert (wire.buffer, wire.ended) == (b"" if head else data, False)


def test_a_client_that_ends_without_a_request_has_ended(pair: Pair):
    """A client that ends without a request has ended."""
    wire, client = pair
    client.close()
    assert (wire.receive_head(), wire.buffer, wire.ended) == (None, b"", True)
    assert wire.pop_head() is None


STREAM = b"\r\n\r\na / b\r\nA: b\r\n\r\nbody\r\n\r\n\r\nc\r\n\r\n" + b"\r\n" * 8 + b"d\r\nE: f\r\nG: h\r\n\r\nrest"


@pytest.mark.parametrize("step", [1, 2, 3, 5, len(STREAM)])
@pytest.mark.parametrize("loose", [False, True])
def test_heads_are_taken_one_by_one(pair: Pair, step: int, loose: bool):
    """Each head is taken without its blank line as soon as it is whole, in whatever pieces; the rest stays."""
    wire, client = pair
    if loose:
        wire.loosen()
    heads: list[bytes] = []
    for at in range(0, len(STREAM), step):
        client.sendall(STREAM[at : at + step])
        assert wire.fill()
        while (head := wire.pop_head()) is not None:
            heads.append(head)
    assert heads == [b"a / b\r\nA: b", b"body", b"c", b"d\r\nE: f\r\nG: h"]
    assert wire.buffer == b"rest"


def test_loose_heads_are_read_where_they_may_come(pair: Pair):
    """A loosened wire takes heads that are strict only in meaning, and measures them; no other wire does."""
    wire, client = pair
    wire.push(b"GET / HTTP/1.1\nA: b\n\n")
    with pytest.raises(RequestRefused):
        wire.pop_head()
    wire.loosen()
    assert (wire.lenient, wire.pop_head(), wire.buffer) == (True, b"GET / HTTP/1.1\r\nA: b", b"")
    client.sendall(b"GET  / HTTP/1.1\r\n\r\n")
    assert wire.receive_head() is None  # looked at leniently
    assert wire.pop_head() == b"GET / HTTP/1.1"
    wire.push(b"GET /" + b"a" * Limits().max_line_bytes + b" HTTP/1.1\n\nbehind")
    with pytest.raises(RequestRefused) as caught:
        wire.pop_head()
    assert caught.value.status == 414


@pytest.mark.parametrize(
    ("data", "ended", "status", "reason"),
    [
        (b"\r\n" * 9, False, 400, "more than 8 empty lines before a request (RFC 9112, 2.2)"),
        (b"GET / HTTP/1.1\r\n", True, 400, "the head is cut off (RFC 9112, 8)"),
        (b" ", True, 400, "the head is cut off (RFC 9112, 8)"),
        (b"X", True, 400, "the head is cut off (RFC 9112, 8)"),
        (b"GET / HTTP/1.1\n", False, 400, "an LF without its CR in the head (RFC 9112, 2.2; RFC 9110, 5.5)"),
        (b"\x16\x03\x01", False, 400, TLS_REASON),
        (b"\x16\x03\x01" + b"a" * 5000 + b"\r\n\r\n", False, 400, TLS_REASON),
        (b"G" * 101, False, 501, LONG_METHOD),
        (b"G" * 101 + b" / HTTP/1.1\r\n\r\n", False, 501, LONG_METHOD),
        (b"GET /" + b"X" * 96, False, 414, "the request line is longer than 100 bytes (RFC 9112, 3)"),
        (b"GET /" + b"a" * 96 + b"\r\nA: b", False, 414, "the request line is longer than 100 bytes (RFC 9112, 3)"),
        (b"a\r\nA: " + b"b" * 996, False, 431, long_fields(1000)),
        (b"\r\na\r\nA: " + b"b" * 996, False, 431, long_fields(1000)),
    ],
)
def test_each_refusal_says_what_was_found(pair: Pair, data: bytes, ended: bool, status: int, reason: str):
    """Bytes that can't become a head are refused as soon as that is known, with a status and a reason that says why."""
    wire = Wire(pair[0].sock, Limits(max_line_bytes=100, max_header_bytes=1000), data)
    wire.ended = ended
    with pytest.raises(RequestRefused) as caught:
        wire.pop_head()
    assert (caught.value.status, caught.value.reason) == (status, reason)


@pytest.mark.parametrize("end", [b"", b"\r", b"\r\n", b"\r\n\r"])
def test_a_part_is_measured_as_the_whole(pair: Pair, end: bytes):
    """The beginning of the blank line counts for no limit, and empty lines alone are not a head that is cut off."""
    limits = Limits(max_line_bytes=100, max_header_bytes=1000)
    fields = b"\r\nA: " + b"b" * 495 + b"\r\nC: " + b"d" * 495
    for data in (b"GET /" + b"a" * 95, b"GET /" + b"a" * 95 + fields, b"G" * 100):
        wire = Wire(pair[0].sock, limits, data + end)
        assert wire.pop_head() is None
        wire.buffer = data + b"\r\n\r\n"
        assert (wire.pop_head(), wire.buffer) == (data, b"")
    wire = Wire(pair[0].sock, limits, b"\r\n" * 7 + end)
    wire.ended = True
    assert wire.pop_head() is None


def test_bytes_received_early_come_first(pair: Pair):
    """Bytes received in the background come before those of the socket, in pieces of at most the size asked for."""
    wire, client = pair
    storage = Storage(1000)
    for _ in range(2):
        queue = ByteQueue(storage)
        queue.append(b"early, ")
        wire.receive_first(queue)
        client.sendall(b"late")
        assert wire.early is queue
        assert [wire._receive(3), wire._receive(RECEIVE), wire._receive(RECEIVE)] == [b"ear", b"ly, ", b"late"]
        assert wire.receive_now() is None
        queue.append(b"next")
        wire.buffer = b"the "
        wire.absorb()
        wire.absorb()
        left: object = wire.early
        assert (wire.buffer, left, storage.memory_left) == (b"the next", None, 1000)
        assert wire.receive_now() is None
    queue = ByteQueue(storage)
    queue.append(b"early")
    wire.receive_first(queue)
    wire.close()
    wire.close()
    assert storage.memory_left == 1000


def test_each_side_ends_by_itself(pair: Pair):
    """Our side can end while the client still sends; what it sends is thrown away until it has ended too."""
    wire, client = pair
    wire.buffer = b"unread"
    wire.end()
    assert client.recv(10) == b""
    client.sendall(b"x" * 100_000)
    assert not wire.discard()
    assert (wire.buffer, wire.ended) == (b"", False)
    client.close()
    assert wire.discard()
    assert wire.ended


class Endless:
    """Bytes that never end, as from a client that sends faster than they are read."""

    size = 1

    def take(self, most: int) -> bytes:
        """Take the next ones."""
        return b"x" * most

    def close(self) -> None:
        """End nothing."""


def test_a_client_that_never_stops_is_left_soon(pair: Pair):
    """Bytes that come as fast as they are thrown away keep no caller: it holds the server's lock."""
    wire, client = pair
    endless: Any = Endless()
    wire.receive_first(endless)
    assert not wire.discard()
    client.close()
    wire.linger(0.05)
    assert not wire.ended


def test_a_client_that_has_gone_needs_no_end():
    """Ending, throwing away, aborting and closing never fail, however the connection has ended."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        wire = Wire(listener.accept()[0], Limits())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        poller = select.poll()
        poller.register(wire.sock, select.POLLHUP)
        poller.poll(10_000)
        assert wire.is_broken
        wire.end()
        assert wire.ended
        wire.ended = False
        assert wire.discard()
        wire.abort()
        os.close(wire.sock.fileno())  # as an application may
        wire.close()
        wire.abort()


def test_an_abort_wakes_a_waiting_thread(pair: Pair):
    """A thread that waits for the client goes on at once when another aborts the connection, and both sides end."""
    wire, client = pair
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(wire.receive(TransferBudget(60.0))))
    thread.start()
    until(thread, lambda: wire.waiting)
    wire.abort()
    thread.join(10)
    assert (found, client.recv(1)) == ([b""], b"")


@pytest.mark.parametrize("ends", [True, False])
def test_lingering_lasts_until_the_client_ends(pair: Pair, waits: Waits, ends: bool):
    """Lingering ends our side, and waits until the client has ended, no longer than it may."""
    wire, client = pair

    def end() -> None:
        assert client.recv(1) == b""
        client.close()

    if ends:
        waits.during_second = end
    client.sendall(b"x")
    wire.linger(3.0)
    assert waits.seen == [(select.POLLIN, 3.0), (select.POLLIN, 1.0)] + [(select.POLLIN, -1.0)] * (not ends)
    assert wire.ended is ends
