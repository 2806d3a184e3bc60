"""Request bodies that come slowly: received without a thread once enough threads wait for others."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from appliance.server.http.body_end import ChunkedEnd, LengthEnd
from appliance.server.http.limits import Limits
from tests.server.served import PATIENCE_S, Client, Echo, Served, chunked, get, post
from tests.server.slow import until, until_in_background, waiting

Serve = Callable[..., Served]
PART = bytes(range(256)) * 400  # 100 KB, more than the kernel hands over at once
KINDS = ["length", "chunked"]


def begin(served: Served, kind: str, *fields: str, path: str = "/") -> Client:
    """A request of which the end of the body is missing."""
    if kind == "length":
        return served.client().send(post(PART, *fields, path=path)[:-3])
    return served.client().send(chunked(PART, path=path, fields=fields)[:-3])


def end(client: Client, kind: str) -> Client:
    """The rest of it."""
    return client.send(post(PART)[-3:] if kind == "length" else chunked(PART)[-3:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_slow_bodies_hold_no_more_threads_than_there_are(serve: Serve, kind: str, threads: int):
    """Many more slow bodies than threads: others are answered beside them, and each is served in the end."""
    served = serve(echo := Echo(), threads=threads)
    slow = [begin(served, kind, path=f"/{number}") for number in range(20)]
    waiting = 20 - (threads if threads > 1 else 0)
    until(served, lambda: len(served.transfers()) == waiting)
    assert served.ask().status == 200
    assert len(served.threads()) <= 2 * threads + 2
    assert len(echo.seen) == 1
    for client in reversed(slow):
        assert end(client, kind).response().body == PART
    assert sorted(each["PATH_INFO"] for each in echo.seen[1:]) == sorted(f"/{number}" for number in range(20))
    assert all(each["body"] == PART for each in echo.seen[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_after_a_slow_body_are_the_next_request(serve: Serve, kind: str):
    """A request that came in one piece with the end of a slow body is served after it, in order."""
    served = serve(threads=1)
    client = begin(served, kind)
    until_in_background(served)
    client.send((post(PART)[-3:] if kind == "length" else chunked(PART)[-3:]) + get("/behind") + get("/last"))
    assert [client.response().body for _ in range(3)] == [PART, b"/behind", b"/last"]
    assert client.ask(get("/again")).body == b"/again"


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_comes_byte_by_byte_is_the_same(serve: Serve, kind: str):
    """A body that comes in single bytes is the same body."""
    served = serve(threads=1)
    request = post(b"abcdef") if kind == "length" else chunked(b"abc", b"def", fields=["TE: trailers"])
    client = served.client()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(len(request)):
        client.send(request[at : at + 1])
    assert client.response().body == b"abcdef"


@pytest.mark.parametrize("kind", KINDS)
def test_the_line_has_the_whole_time(serve: Serve, kind: str):
    """A request that waited for its body has one line, and its duration begins with its head."""
    served = serve(threads=1)
    client = begin(served, kind, "X-Request-ID: mine")
    until_in_background(served)
    began = monotonic()
    assert [served.ask().status for _ in range(30)] == [200] * 30  # meanwhile
    waited_us = int((monotonic() - began) * 1_000_000)
    assert end(client, kind).response()["X-Request-ID"] == "mine"
    assert served.ask().status == 200
    records = served.sink.wait(lambda: [each for each in served.sink.records if each["request_id"] == "mine"])
    assert [record["event"] for record in records] == ["request.finished"]
    assert records[0]["duration_us"] >= waited_us


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_client_that_expects_it_is_told_to_go_on(serve: Serve, kind: str):
    """100 (Continue) is sent once to a client whose body is waited for without a thread (RFC 9110, 10.1.1)."""
    served = serve(threads=1)
    request = post(PART, "Expect: 100-continue") if kind == "length" else chunked(PART, fields=["Expect: 100-continue"])
    head, _, body = request.partition(b"\r\n\r\n")
    client = served.client().send(head + b"\r\n\r\n")
    assert client.response().status == 100
    assert client.send(body).response().body == PART


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_stops_is_refused_in_time(serve: Serve, kind: str):
    """A body that does not go on is refused when its time is up, and the application never sees it."""
    served = serve(echo := Echo(), threads=1, limits=Limits(body_timeout_s=0.1))
    client = begin(served, kind)
    response = client.response()
    assert (response.status, response["Connection"]) == (408, "close")
    record = served.sink.record()
    assert (record["event"], record["method"], record["path"]) == ("request.refused", "POST", "/")
    assert echo.seen == []
    assert served.ask().status == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reset", [True, False])
def test_a_request_whose_client_leaves_in_its_body_is_not_run(serve: Serve, kind: str, reset: bool):
    """A request whose client leaves while its body is waited for is not run, and has one line."""
    served = serve(echo := Echo(), threads=1)
    client = begin(served, kind)
    until_in_background(served)
    if reset:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    record = served.sink.record()
    assert (record["event"], record["path"]) == ("request.aborted", "/")
    assert served.ask().status == 200
    assert len(echo.seen) == 1


def test_large_bodies_wait_on_the_disk(serve: Serve):
    """Bytes of unfinished bodies beyond the limit of memory are kept in files, and are complete afterwards."""
    served = serve(threads=1, limits=Limits(held_bytes=50_000))
    clients = [served.client() for _ in range(3)]
    for client in clients:
        client.send(post(PART * 20)[:-1])
    storage = served.server.server_context.storage
    until(served, lambda: storage.files == 3)
    assert served.ask().status == 200
    for client in clients:
        assert client.send(PART[-1:]).response().body == PART * 20
    until(served, lambda: (storage.files, storage.memory_left) == (0, 50_000))


def test_the_number_of_slow_bodies_is_bounded(serve: Serve):
    """Beyond the bound a slow body is refused with 503, with one event; others are served."""
    served = serve(threads=1, limits=Limits(max_transfers=2))
    clients = [begin(served, "length") for _ in range(2)]
    until_in_background(served, 2)
    for _ in range(3):
        response = begin(served, "length").response()
        assert (response.status, response["Retry-After"]) == (503, "1")
    assert served.ask().status == 200
    assert served.sink.wait_for("transfer.limit")["limit"] == 2
    for client in clients:
        assert end(client, "length").response().body == PART


def test_a_body_too_long_for_the_spool_gets_a_thread(serve: Serve):
    """A body that outgrows its bound waits until a thread may wait for it, and is whole then."""
    served = serve(threads=1, limits=Limits(spool_bytes=50_000, body_timeout_s=0.4))
    client = served.client().send(post(PART * 3)[: -len(PART)])
    assert client.send(PART).response().body == PART * 3


@pytest.mark.parametrize("threads", [1, 2])
def test_conversations_do_not_stop(serve: Serve, threads: int):
    """An application that answers while it reads is run though others wait for their bodies, after a second."""

    def converse(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        source = environ["wsgi.input"]
        while piece := source.read(3):
            yield piece.upper()

    served = serve(converse, threads=threads)
    stuck = []
    for number in range(1, 4):  # one after another: a thread that does not wait yet is not counted
        stuck.append(begin(served, "length"))
        until(served, lambda: len(served.transfers()) + waiting(served) == number)  # noqa: B023  called at once
    ports = {transfer.wire.sock.getpeername()[1] for transfer in served.transfers()}
    for client in stuck:
        if client.sock.getsockname()[1] not in ports:
            client.close()  # it had a thread: there is room again
    talking = served.client().send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
    file = talking.file
    assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    while file.readline() != b"\r\n":
        pass
    assert (file.readline(), file.read(5)) == (b"3\r\n", b"ABC\r\n")
    talking.send(b"3\r\ndef\r\n")
    assert (file.readline(), file.read(5)) == (b"3\r\n", b"DEF\r\n")
    talking.send(b"0\r\n\r\n")
    assert file.readline() == b"0\r\n"


def test_a_drain_passes_them_on(serve: Serve):
    """A request that waits for its body has not begun: the next server gets what came, and serves it."""
    first, second = serve(echo := Echo(), threads=1, limits=Limits(held_bytes=0)), serve()
    clients = [first.client().send(post(b"abcdef", path=f"/{number}")[:-4]) for number in range(3)]
    until_in_background(first, 3)
    for client in clients:
        client.send(b"c")
    until(first, lambda: first.server.server_context.storage.files == 3)
    first.server.drain(second.server.take)
    first.thread.join(PATIENCE_S)
    assert not first.thread.is_alive()
    for client in clients:
        assert client.send(b"def").response().body == b"abcdef"
    assert echo.seen == []
    assert first.server.server_context.storage.files == 0


def test_a_drain_waits_for_large_bodies(serve: Serve):
    """A body that is too large to be passed on is received to its end, and served by the old server."""
    first, second = serve(echo := Echo(), threads=1), serve()
    client = begin(first, "length")
    until_in_background(first)
    first.server.drain(second.server.take)
    assert end(client, "length").response().body == PART
    first.thread.join(PATIENCE_S)
    assert not first.thread.is_alive()
    assert len(echo.seen) == 1
    assert client.ask(get("/moved")).body == b"/moved"


def test_a_stop_closes_them(serve: Serve):
    """A server that stops does not wait for bodies, and keeps none of their files."""
    served = serve(threads=1, limits=Limits(held_bytes=0))
    client = begin(served, "length")
    until_in_background(served)
    client.send(b"x")
    storage = served.server.server_context.storage
    until(served, lambda: storage.files)
    served.server.stop()
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()
    assert storage.files == 0
    try:
        assert client.rest() == b""
    except ConnectionResetError:
        return


def test_how_many_wait_is_reported(serve: Serve):
    """The count of connections that wait for a thread holds those whose bodies are waited for."""
    reported: list[int] = []
    served = serve(threads=1)
    served.server.parts.connections._on_waiting = reported.append
    clients = [begin(served, "length") for _ in range(3)]
    until_in_background(served, 3)
    assert served.ask().status == 200
    assert max(reported) >= 3
    for client in clients:
        assert end(client, "length").response().body == PART
    assert served.ask().status == 200
    assert reported[-1] == 0


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        (b"0\r\n\r\n", True),
        (b"0\r\nA: b\r\n\r\n", True),
        (b"3;a=b\r\nabc\r\n0\r\n\r\n", True),
        (b"003\r\nabc\r\n000\r\n\r\n", True),
        (b"3\r\nabc\r\n0\r\n", False),
        (b"3\r\nabc\r\n0\r\nA: b\r\n", False),
        (b"3\r\nab", False),
        (b"3", False),
        (b"x\r\n", True),  # for the decoder to refuse
        (b"\r\n", True),
        (b"-3\r\n", True),
        (b"1" * 5000, True),
        (b"9\r\n123456789\r\n", True),  # more than is accepted
        (b"0\r\nA: " + b"b" * 5000, False),  # a trailer may be longer than a size line
        (b"0\r\n" + b"A: b\r\n" * 3000, True),  # a longer trailer than the decoder accepts
    ],
)
def test_the_end_of_a_chunked_body_is_found_in_any_pieces(body: bytes, ends: bool):
    """The end of a chunked body is found however its bytes come; a malformed one ends where that shows."""
    whole = ChunkedEnd(Limits(max_body_bytes=8))
    assert whole.feed(body) is ends
    piecewise = ChunkedEnd(Limits(max_body_bytes=8))
    assert any(piecewise.feed(body[at : at + 1]) for at in range(len(body))) is ends


def test_a_body_of_known_length_ends_with_its_last_byte():
    """A body of known length ends with its last byte, whatever follows it."""
    end = LengthEnd(5)
    assert [end.feed(part) for part in (b"ab", b"", b"cd", b"ef")] == [False, False, False, True]
