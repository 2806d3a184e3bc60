"""``wsgi.input``: bodies of known length and chunked ones, against a slow reference and by hand."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.server.http.body import BODY_TIMEOUT, CLIENT_LEFT, EMPTY, Body, BodyError, Empty, LengthBody
from appliance.server.http.chunked import ChunkedBody
from appliance.server.http.limits import RECEIVE, Limits
from appliance.server.http.refusal import too_large
from appliance.server.http.transfer_budget import TransferBudget
from appliance.server.io.wire import Wire
from tests.fuzz.reference import read_chunked

LIMITS = Limits(body_timeout_s=5, max_trailer_bytes=256, max_extension_bytes=256)


@contextmanager
def sent(*pieces: bytes, early: bytes = b"", limits: Limits = LIMITS) -> Iterator[Wire]:
    """A wire whose client sent these bytes and its end; ``early`` was received with the head."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"".join(pieces))
        theirs.shutdown(socket.SHUT_WR)
        yield Wire(ours, limits, early)


EXTENSIONS = st.sampled_from([b"", b"", b";a", b" ; a=b", b';a="b;\\"c"', b";a=b;c=d", b"\t;\ta\t=\tb"])
TRAILERS = st.sampled_from([b"", b"", b"A: b\r\n", b"A: b\r\nContent-Length: 5\r\n", b"A:\r\n"])
DAMAGE = st.sampled_from([b"\r", b"\n", b"\0", b" ", b";", b'"', b"0", b"-", b"x", b"\r\n", b"\xff"])


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    """Bytes that are a chunked body, or nearly one, and some bytes after it."""
    data = b""
    for chunk in draw(st.lists(st.binary(min_size=1, max_size=40), max_size=6)):
        size = draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % len(chunk)
        data += size + draw(EXTENSIONS) + b"\r\n" + chunk + b"\r\n"
    data += b"0" + draw(EXTENSIONS) + b"\r\n" + draw(TRAILERS) + b"\r\n" + draw(st.binary(max_size=10))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(DAMAGE) + data[at + draw(st.integers(0, 2)) :]
    return data


@given(chunked_bodies(), st.integers(0, 400))
def test_chunked_bodies_are_read_as_the_grammar_has_them(data: bytes, early: int):
    """The decoder gives what a slow reading of RFC 9112, 7.1 gives, and leaves what is behind; else it refuses."""
    content, behind = read_chunked(data, 0, LIMITS)
    with sent(data[early:], early=data[:early]) as wire:
        body = ChunkedBody(wire, LIMITS)
        if content is None:
            with pytest.raises(BodyError) as caught:
                body.read()
            assert caught.value.status == 400
            assert not body.ended
        else:
            assert body.read() == content
            assert body.ended
            rest = wire.buffer
            while piece := wire.receive_now():
                rest += piece
            assert rest == data[behind:]


class Source:
    """A source of these bytes, in pieces of a size, and then of the end or an error; it notes what it was asked for."""

    def __init__(self, data: bytes = b"", error: OSError | None = None, step: int = RECEIVE) -> None:
        self.buffer = data
        self.step = step
        self.asked: list[tuple[int, float]] = []
        self.error = error

    def take(self, most: int, budget: TransferBudget) -> bytes:
        """Give at most so many bytes, and take a second of the client's time."""
        self.asked.append((most, budget.left))
        if self.error is not None:
            raise self.error
        budget.left -= 1.0
        most = min(most, self.step)
        data, self.buffer = self.buffer[:most], self.buffer[most:]
        return data


READS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 60)),
        st.tuples(st.just("readline"), st.integers(-1, 60)),
        st.tuples(st.just("readlines"), st.integers(-1, 60)),
    ),
    max_size=12,
)


@given(
    st.lists(st.sampled_from([b"\n", b"a", b"bcd", b"e" * 30])).map(b"".join), READS, st.integers(1, 60), st.booleans()
)
@example(b"ab\ncd\n", [("readline", 0), ("readline", 1), ("readline", 3), ("readline", -1)], 1, False)
@example(b"abcdef\ng", [("readline", 4), ("readline", 2), ("readline", 2)], 3, False)
@example(b"abcdefgh", [("read", 1), ("read", 2), ("read", 1), ("readline", 3)], 60, False)
@example(b"abcdefgh", [("read", 1), ("read", 4), ("readline", 2)], 2, False)
@example(b"abcdefgh", [("read", 1), ("readline", 4)], 3, False)
@example(b"abcdefgh", [("read", 1), ("read", 3), ("read", 0), ("read", 3)], 3, False)
def test_a_body_reads_as_a_file_does(content: bytes, reads: list[tuple[str, int]], step: int, in_chunks: bool):
    """read, readline and readlines give what a file of the same content gives, in any pieces (PEP 3333)."""
    if in_chunks:
        data = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in re.findall(rb"(?s).{1,7}", content))
        data += b"0\r\n\r\n"
    else:
        data = content
    file = io.BytesIO(content)
    source = Source(data, step=step)
    body: Body | Empty = ChunkedBody(source, LIMITS) if in_chunks else LengthBody(source, LIMITS, len(content))
    if not in_chunks and not content:
        body = Empty()
    for name, size in reads:
        assert getattr(body, name)(size) == getattr(file, name)(size)
    assert list(body) == list(file)
    assert body.read() == body.readline() == b""
    assert body.ended


def test_a_size_of_none_reads_everything():
    """A size of None is none at all, as files have it."""
    with sent(b"a\nb") as wire:
        body = LengthBody(wire, LIMITS, 3)
        assert body.readline(None) == b"a\n"
        assert body.read(None) == b"b"
    with sent(b"a\nb") as wire:
        assert LengthBody(wire, LIMITS, 3).readlines(None) == [b"a\n", b"b"]
    empty = Empty()
    assert (empty.read(), empty.readline(), empty.readlines(), list(empty)) == (b"", b"", [], [])


@pytest.mark.parametrize("data", [b"", b"abc"])
def test_a_client_that_leaves_is_an_error(data: bytes):
    """A body that ends early is not a shorter body: each read of it fails (RFC 9112, 8)."""
    with sent(data) as wire:
        body = LengthBody(wire, LIMITS, 5)
        for _ in range(2):
            with pytest.raises(BodyError, match="left"):
                body.read()
    with sent(b"5\r\n" + data) as wire, pytest.raises(OSError, match="left"):
        ChunkedBody(wire, LIMITS).read()


def test_a_body_must_come_in_time():
    """Silence is waited for within bounds, then it is 408 (RFC 9110, 15.5.9)."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        body = LengthBody(Wire(ours, LIMITS), Limits(body_timeout_s=0.02), 5)
        with pytest.raises(BodyError) as caught:
            body.read()
        assert caught.value.status == 408


def test_a_trickling_body_times_out():
    """A byte now and then extends the time-out by little, and never by a whole time-out."""
    budget = TransferBudget(10.0)
    budget.left -= 8.0
    budget.extend_by(1)
    assert 2.0 < budget.left < 2.01
    budget.extend_by(1024)
    assert 3.0 < budget.left < 3.01
    budget.extend_by(10**9)
    assert budget.left == 10.0


def test_more_than_the_limit_is_413():
    """A chunked body that grows over the limit is 413 (RFC 9110, 15.5.14), whatever is read of it."""
    with sent(b"5\r\nabcde\r\n5\r\nfghij\r\n0\r\n\r\n") as wire:
        body = ChunkedBody(wire, Limits(max_body_bytes=8))
        assert body.read(5) == b"abcde"
        with pytest.raises(BodyError) as caught:
            body.read(1)
        assert caught.value.status == 413


def test_a_chunk_that_is_too_large_is_413_at_once():
    """The size of a chunk is refused before its bytes come, as a Content-Length is (RFC 9110, 15.5.14)."""
    with sent(b"5\r\nabcde\r\n4\r\n") as wire:
        body = ChunkedBody(wire, Limits(max_body_bytes=8))
        assert body.read(5) == b"abcde"
        with pytest.raises(BodyError) as caught:
            body.read(1)
        assert caught.value.status == 413


def test_memory_does_not_grow_with_a_claim():
    """A claimed size costs nothing until the bytes come."""
    with sent(b"abc") as wire, pytest.raises(BodyError):
        LengthBody(wire, LIMITS, 2**62).read()
    with sent(b"7fffffffffffff\r\nabc") as wire, pytest.raises(BodyError):
        ChunkedBody(wire, LIMITS).read()


@pytest.mark.parametrize(
    "data",
    [
        b"1" + b";a" * 200 + b"\r\nx\r\n0\r\n\r\n",
        b"1;" + b"a" * 5000 + b"\r\nx\r\n0\r\n\r\n",
        b"1;a\r\nx\r\n" * 200 + b"0\r\n\r\n",
        b"0\r\n" + b"A: b\r\n" * 100 + b"\r\n",
        b"0\r\nA: " + b"b" * 300 + b"\r\n\r\n",
    ],
    ids=["extensions", "extension", "extensions of all chunks", "trailers", "trailer"],
)
def test_each_part_of_the_coding_is_bounded(data: bytes):
    """Extensions and trailer fields are bounded, each and together."""
    with sent(data) as wire, pytest.raises(BodyError):
        ChunkedBody(wire, LIMITS).read()


def test_the_client_is_greeted_once():
    """The action before the first wait (100 Continue) runs once, and only if the body is read."""
    greetings: list[str] = []
    with sent(b"abc") as wire:
        body = LengthBody(wire, LIMITS, 3, lambda: greetings.append("go on"))
        assert greetings == []
        assert body.read(1) + body.read() == b"abc"
        assert greetings == ["go on"]
    with sent(b"1\r\na\r\n0\r\n\r\n") as wire:
        assert ChunkedBody(wire, LIMITS, lambda: greetings.append("in chunks")).read() == b"a"
        assert greetings == ["go on", "in chunks"]


def test_draining_is_bounded():
    """The rest of a body is drained within a limit of bytes, and not at all if the client still waits."""
    with sent(b"x" * 100, b"next") as wire:
        body = LengthBody(wire, LIMITS, 100)
        assert body.drainable(LIMITS)
        assert body.drain(LIMITS)
        assert wire.take(10, body._budget) == b"next"
    with sent() as wire:
        assert not LengthBody(wire, LIMITS, 10**9).drainable(LIMITS)
        assert not LengthBody(wire, LIMITS, 10, lambda: None).drainable(LIMITS)
    with sent(b"4000\r\n" + b"x" * 0x4000 + b"\r\n0\r\n\r\n") as wire:
        assert not ChunkedBody(wire, LIMITS).drain(Limits(drain_bytes=1000))
    with sent(b"zz\r\n") as wire:
        assert not ChunkedBody(wire, LIMITS).drain(LIMITS)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (TimeoutError(), 408, BODY_TIMEOUT),
        (ConnectionResetError(), 400, CLIENT_LEFT),
        (None, 400, CLIENT_LEFT),
    ],
)
def test_an_error_is_the_same_at_each_read(error: OSError | None, status: int, reason: str):
    """Each way to read meets the same error with its status and reason, and the source is not asked again."""
    source = Source(error=error)
    body = LengthBody(source, LIMITS, 5)
    for read in (body.read, body.read1, body.readline, body.readlines, body.read):
        with pytest.raises(BodyError) as caught:
            read()
        assert (caught.value.status, caught.value.reason, str(caught.value)) == (status, reason, reason)
        assert caught.value.__cause__ is None
    assert (len(source.asked), body.error, body.ended) == (1, caught.value, False)
    assert not body.drainable(LIMITS)
    assert not body.drain(LIMITS)


def test_reads_ask_for_what_is_left():
    """A source is asked for no byte after the body, for 64 KiB at most, and within the body's time."""
    source = Source(b"x" * (2 * RECEIVE + 10) + b"next")
    body = LengthBody(source, LIMITS, 2 * RECEIVE + 10)
    assert body.read(1) == b"x"
    assert source.asked == [(RECEIVE, 5.0)]
    assert body.read() == b"x" * (2 * RECEIVE + 9)
    assert source.asked == [(RECEIVE, 5.0), (RECEIVE, 4.0), (10, 3.0)]
    assert (source.buffer, body.size, body.ended, body.error) == (b"next", 2 * RECEIVE + 10, True, None)
    assert body.read() == body.read1() == body.readline() == b""
    assert len(source.asked) == 3


def test_read1_gives_what_has_come():
    """``read1`` gives what has come, waits only where nothing has, and takes a size as files do."""
    source = Source(b"abcdef")
    body = LengthBody(source, LIMITS, 6)
    assert [body.read1(2), body.read1(0), body.read1(None)] == [b"ab", b"", b"cdef"]
    assert [body.read1(), body.read1(3)] == [b"", b""]
    assert len(source.asked) == 1
    other = LengthBody(Source(b"abcdef"), LIMITS, 6)
    assert [other.read(1), other.read1(-1), other.read1(-1)] == [b"a", b"bcdef", b""]


def test_an_empty_body_is_an_empty_file():
    """The body of a request without content is at its end, in every way to read it; there is nothing to drain."""
    for read in (EMPTY.read, EMPTY.read1, EMPTY.readline):
        assert read() == read(None) == read(3) == read(-1) == b""
    assert EMPTY.readlines() == EMPTY.readlines(3) == list(EMPTY) == []
    assert (EMPTY.ended, EMPTY.error) == (True, None)
    assert EMPTY.drainable(LIMITS) is EMPTY.drain(LIMITS) is True


@pytest.mark.parametrize(("size", "most", "ends"), [(10, 10, True), (11, 10, False), (2, 1, False), (11, 0, True)])
def test_a_body_is_as_large_as_its_limit_allows(size: int, most: int, ends: bool):
    """A body of exactly the limit is read; one byte more is 413 and does not reach the application; 0 is unlimited."""
    limits = Limits(max_body_bytes=most)
    in_chunks = ChunkedBody(Source(b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)), limits)
    for body in (LengthBody(Source(b"x" * size), limits, size), in_chunks):
        if ends:
            assert body.read() == b"x" * size
            continue
        with pytest.raises(BodyError) as caught:
            body.read1()
        assert body is not in_chunks or in_chunks.size == 0  # refused before the chunk has come
        reason = too_large(most)
        assert (caught.value.status, caught.value.reason) == (413, reason)


def test_draining_has_a_time_and_a_size_of_its_own():
    """Draining takes the time for draining, sends no 100 (Continue), and ends after its limit of bytes."""
    greetings: list[str] = []
    source = Source(b"x" * 30)
    body = LengthBody(source, LIMITS, 30, lambda: greetings.append("go on"))
    limits = Limits(drain_s=3.0, drain_bytes=30)
    assert body.drainable(limits)  # its bytes have come, though the client was not asked for them
    assert body.drain(limits)
    assert (source.asked, greetings) == ([(30, 3.0)], [])
    assert LengthBody(source, LIMITS, 30).drainable(limits)
    assert not LengthBody(source, LIMITS, 31).drainable(limits)
    for drain_bytes, pieces in ((RECEIVE - 1, 1), (RECEIVE, 2), (2 * RECEIVE, 3)):
        source = Source(b"x" * 5 * RECEIVE)
        body = LengthBody(source, LIMITS, 5 * RECEIVE)
        assert body.read1() == b"x" * RECEIVE  # the limit counts from here
        assert not body.drain(Limits(drain_bytes=drain_bytes))
        assert len(source.asked) == 1 + pieces


@pytest.mark.parametrize(
    ("hint", "lines"), [(None, 3), (-1, 3), (0, 3), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (9, 3)]
)
def test_readlines_takes_a_hint(hint: int | None, lines: int):
    """``readlines`` stops after the line that reaches the number of bytes in the hint (PEP 3333)."""
    assert len(LengthBody(Source(b"a\nb\nc\n"), LIMITS, 6).readlines(hint)) == lines
