"""Responses whose clients read slowly: sent without a thread, whole, in order, with one line at their true end."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from appliance.server.http.limits import Limits
from appliance.server.io import outbound
from tests.server.answers import Answer
from tests.server.served import PATIENCE_S, Client, Served, get, post, read_response
from tests.server.slow import CONTENT, SIZE, WAYS, Every, body_of, slow, until, until_in_background

Serve = Callable[..., Served]


@pytest.mark.parametrize("way", WAYS)
def test_slow_readers_hold_no_thread(serve: Serve, every: Every, way: str):
    """More slow readers than threads: others are answered beside them, and each gets all of it."""
    served = serve(every, threads=2)
    readers = [slow(served, get(f"/{way}")) for _ in range(6)]
    until_in_background(served, 6)
    assert served.ask(get("/plain")).body == b"plain"
    assert served.sink.record()["path"] == "/plain"  # none of the others has ended
    for reader in readers:
        assert body_of(reader) == CONTENT
    served.sink.wait(lambda: len(served.sink.records) == 7)
    records = [record for record in served.sink.records if record["path"] == f"/{way}"]
    assert [(record["event"], record["status"], record["body_size"], record["reason"]) for record in records] == [
        ("request.finished", 200, SIZE, None)
    ] * 6


@pytest.mark.parametrize("way", WAYS)
def test_one_thread_is_enough(serve: Serve, every: Every, way: str):
    """With one thread, which may not be doubled, a slow reader holds up nobody."""
    served = serve(every, threads=1)
    reader = slow(served, get(f"/{way}"))
    until_in_background(served)
    assert served.ask(get("/plain")).body == b"plain"
    assert body_of(reader) == CONTENT


@pytest.mark.parametrize("way", ["chunks", "sized", "mapped"])
def test_the_iterable_is_closed_before_the_client_has_it(serve: Serve, every: Every, way: str):
    """The application's part is over once its last block is taken: close() is called, the record waits."""
    served = serve(every)
    reader = slow(served, get(f"/{way}"))
    assert every.closed.acquire(timeout=PATIENCE_S)
    until_in_background(served)
    assert served.sink.records == []
    assert body_of(reader) == CONTENT
    assert served.sink.record()["body_size"] == SIZE


@pytest.mark.parametrize("way", WAYS)
def test_the_connection_goes_on(serve: Serve, every: Every, way: str):
    """Requests that were sent after a large response are answered after it, in their order."""
    served = serve(every)
    requests = [get(f"/{way}"), post(b"body", path="/plain"), get("/list"), get("/plain")]
    reader = slow(served, b"".join(requests))
    until_in_background(served)
    assert body_of(reader) == CONTENT
    assert body_of(reader) == b"body"
    assert body_of(reader) == CONTENT
    assert body_of(reader) == b"plain"
    assert reader.ask(get("/plain")).body == b"plain"
    paths = [served.sink.record(number)["path"] for number in range(5)]
    assert paths == [f"/{way}", "/plain", "/list", "/plain", "/plain"]


@pytest.mark.parametrize("way", WAYS)
def test_a_response_to_http_1_0_ends_as_its_head_says(serve: Serve, every: Every, way: str):
    """A response to HTTP/1.0 ends as its head says: by its length, or with the connection."""
    served = serve(every)
    reader = slow(served, get(f"/{way}", version="HTTP/1.0"))
    until_in_background(served)
    response = read_response(reader.file)
    assert response.body == CONTENT
    assert response["Transfer-Encoding"] is None
    assert reader.rest() == b""


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_closes_after_the_last_byte(serve: Serve, every: Every, way: str):
    """A connection that is to close closes after the last byte."""
    served = serve(every)
    reader = slow(served, get(f"/{way}", "Connection: close"))
    until_in_background(served)
    assert body_of(reader) == CONTENT
    assert reader.rest() == b""


def test_head_has_nothing_to_send(serve: Serve, every: Every):
    """A HEAD request's content is never held."""
    served = serve(every)
    response = served.ask(get("/list", method="HEAD"))
    assert (response["Content-Length"], response.body) == (str(SIZE), b"")
    assert not served.sends_in_background()


def test_fast_clients_are_sent_to_at_once(serve: Serve, every: Every, monkeypatch: pytest.MonkeyPatch):
    """A client that reads as fast as it is sent to costs no thread, file or copy more."""
    monkeypatch.setattr(outbound, "BRIEF_S", PATIENCE_S)  # on a busy machine this client is late too
    served = serve(every)
    monkeypatch.setattr(served.server.background, "send", None)
    monkeypatch.setattr(served.server.background, "send_file", None)
    for way in WAYS:
        assert served.ask(get(f"/{way}")).body == CONTENT


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reset", [True, False])
def test_a_slow_reader_that_leaves_is_one_line(serve: Serve, every: Every, way: str, reset: bool):
    """A client that leaves in the midst is one line, which says how far it was."""
    served = serve(every)
    reader = slow(served, get(f"/{way}"))
    until_in_background(served)
    reader.sock.recv(1000)
    if reset:
        reader.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    reader.close()
    record = served.sink.record()
    assert (record["event"], record["status"]) == ("request.aborted", 200)
    assert 0 < record["body_size"] < SIZE
    assert record["reason"] == f"the client left after {record['body_size']} bytes of the response"
    assert served.ask(get("/plain")).body == b"plain"
    assert served.sink.record(1)["path"] == "/plain"


def test_an_application_that_goes_on_hears_of_it(serve: Serve):
    """A generator whose client has left is ended with its next block, and closed."""
    left = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield CONTENT
        assert left.wait(PATIENCE_S)
        while True:
            yield b"more"

    served = serve(answer := Answer(pieces()))
    reader = slow(served, get())
    until(served, served.sends_in_background)
    reader.close()
    until(served, lambda: not served.sends_in_background())
    left.set()
    record = served.sink.record()
    assert answer.was_closed.wait(PATIENCE_S)
    assert (record["event"], record["status"]) == ("request.aborted", 200)
    assert 0 < record["body_size"] < SIZE


@pytest.mark.parametrize("way", WAYS)
def test_progress_has_a_bound(serve: Serve, every: Every, way: str):
    """A client that reads nothing is cut off when its time is up, with a reset: what it got is not the whole."""
    served = serve(every, limits=Limits(send_timeout_s=0.2))
    reader = slow(served, get(f"/{way}", version="HTTP/1.0"))
    record = served.sink.record()
    assert (record["event"], record["status"]) == ("request.aborted", 200)
    assert record["reason"] == f"the client does not read, {record['body_size']} bytes into the response"
    with pytest.raises(ConnectionResetError):
        reader.rest()
    assert served.ask(get("/plain")).body == b"plain"


def read_on(served: Served, reader: Client) -> None:
    """Read little by little, until the server has compared once more what was sent with the time."""
    (transfer,) = served.transfers()
    looked_at = transfer._checked_at

    def looks() -> bool:
        assert reader.sock.recv(1024)
        return transfer._checked_at != looked_at

    until(served, looks)


@pytest.mark.whole
def test_some_progress_is_enough(serve: Serve, every: Every):
    """A client that reads on is waited for, longer than one that does not."""
    served = serve(every, limits=Limits(send_timeout_s=2.5))  # a busy machine may stop the client for a second
    reader = slow(served, get("/list"))
    until_in_background(served)
    for _ in range(4):  # two for each time that a silent client has
        read_on(served, reader)
    while not served.sink.records:  # the record comes after the last byte
        if select.select([reader.sock], [], [], 0.01)[0]:
            reader.sock.recv(1_000_000)
    assert (served.sink.record()["event"], served.sink.record()["body_size"]) == ("request.finished", SIZE)
