"""How much may wait for slow readers, what becomes of more, and of them when their server goes."""

from __future__ import annotations

import gc
import os
import select
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.server.http.limits import Limits
from appliance.server.pool.thread_pool import PoolThread
from tests.server.served import PATIENCE_S, Served, get, post
from tests.server.slow import CONTENT, PIECES, SIZE, WAYS, Every, body_of, slow, until, until_in_background

Serve = Callable[..., Served]


def is_waiting(pool_thread: PoolThread) -> bool:
    """Whether a thread waits for its client."""
    return pool_thread.waiting_since > 0


def test_equal_content_is_held_once(serve: Serve, every: Every):
    """Many readers of one content hold it once; what they do not share goes to files, which are gone afterwards."""
    served = serve(every, threads=4)
    storage = served.server.server_context.storage
    readers = [slow(served, get("/list")) for _ in range(20)]
    until_in_background(served, 20)
    assert (len(storage.held), storage.files) == (1, 0)
    for reader in readers:
        assert body_of(reader) == CONTENT
    served.sink.wait(lambda: len(served.sink.records) == 20)
    assert (len(storage.held), storage.memory_left) == (0, Limits().held_bytes)


def test_the_memory_of_slow_responses_is_bounded(serve: Serve):
    """Different contents beyond the bound of memory are in files, which are free again afterwards."""
    count = iter(range(1000))

    def different(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return [b"%d" % next(count) + CONTENT]

    served = serve(different, limits=Limits(held_bytes=SIZE + 1000))
    storage = served.server.server_context.storage
    readers = [slow(served, get()) for _ in range(8)]
    until_in_background(served, 8)
    assert storage.memory_left >= 0
    assert (len(storage.held), storage.files) == (1, 7)
    for reader in readers:
        assert body_of(reader)[1:] == CONTENT
    served.sink.wait(lambda: len(served.sink.records) == 8)
    assert (storage.memory_left, storage.files) == (SIZE + 1000, 0)


def test_responses_beyond_the_bound_keep_their_threads(serve: Serve, every: Every):
    """Beyond the bound on their number responses keep their threads, with one event, and all are sent."""
    served = serve(every, threads=2, limits=Limits(max_transfers=2))
    readers = [slow(served, get("/list")) for _ in range(4)]
    assert served.sink.wait_for("transfer.limit")["limit"] == 2
    assert served.ask(get("/plain")).body == b"plain"
    for reader in readers:
        assert body_of(reader) == CONTENT
    assert [event for _, event, _ in served.sink.events] == ["transfer.limit"]


def test_beyond_all_bounds_responses_end(serve: Serve, every: Every):
    """If neither the background nor another thread can wait, a response is cut off, and other clients are answered."""
    served = serve(every, threads=2, limits=Limits(max_transfers=0))
    readers = [slow(served, get("/list")) for _ in range(12)]
    served.sink.wait(lambda: len(served.sink.records) >= 12 - 2 * 2 - 1)
    assert served.ask(get("/plain")).body == b"plain"
    assert {record["event"] for record in served.sink.records if record["path"] == "/list"} == {"request.aborted"}
    assert "no room" in served.sink.record()["reason"]
    for reader in readers:
        reader.close()


def test_a_stream_may_be_ahead_for_so_long(serve: Serve):
    """A stream of unknown length waits in a thread of its own once it is too far ahead, and goes on then."""
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for piece in PIECES * 2:
            made.append(len(piece))
            yield piece

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/plain":
            return [b"plain"]
        return pieces()

    served = serve(application, threads=1 + 1, limits=Limits(ahead_bytes=1_000_000))
    readers = [slow(served, get()) for _ in range(4)]
    assert served.ask(get("/plain")).body == b"plain"
    assert sum(made) < 4 * SIZE
    for reader in readers:
        assert body_of(reader) == CONTENT * 2


def test_event_streams_keep_their_threads(serve: Serve):
    """An event stream is never ahead of its client: its thread waits, and the client's delay is the application's."""
    made: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for piece in PIECES:
            made.append(piece)
            yield piece

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return pieces()

    served = serve(application)
    reader = slow(served, get())
    until(served, lambda: any(map(is_waiting, served.threads())))
    assert not served.sends_in_background()
    assert len(made) < len(PIECES)
    assert body_of(reader) == CONTENT


def test_a_file_that_shrinks_ends_its_response(serve: Serve, every: Every):
    """A file that has become shorter while it was sent ends its response and its connection, with an event."""
    served = serve(every)
    reader = slow(served, get("/mapped"))
    until_in_background(served)
    assert every.file is not None
    with every.file.open("r+b") as file:
        file.truncate(SIZE - 100_000)
    assert len(reader.rest()) < SIZE
    assert served.sink.wait_for("response.short") == {
        "promised": SIZE,
        "sent": SIZE - 100_000,
        "request_id": served.sink.record()["request_id"],
    }
    assert served.sink.record()["body_size"] == SIZE - 100_000


def test_nothing_of_a_request_is_kept(serve: Serve):
    """While a response waits for its client, the environ and what the application made are free."""

    class Thing:
        """Something in an environ."""

    things: list[weakref.ref[Thing]] = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        environ["thing"] = thing = Thing()
        things.append(weakref.ref(thing))
        start_response("200 OK", [])
        return iter(PIECES)

    served = serve(application)
    reader = slow(served, get())
    until_in_background(served)
    gc.collect()
    assert things[0]() is None
    assert body_of(reader) == CONTENT


def test_the_bounds_are_documented():
    """docs/serving.md has the bounds that the server has."""
    page = (Path(__file__).parents[3] / "docs" / "serving.md").read_text(encoding="utf-8")
    limits = Limits()
    for bound in (limits.max_streams, limits.max_transfers):
        assert f"| {bound} |" in page
    sizes = {limits.held_bytes: "16 MiB", limits.ahead_bytes: "16 MiB", limits.spool_bytes: "1 GiB"}
    for size, text in sizes.items():
        number, unit = text.split()
        assert size == int(number) << {"MiB": 20, "GiB": 30}[unit]
        assert f"| {text} |" in page


# -- the server's own life


def test_a_drain_waits_for_them(serve: Serve, every: Every):
    """A server that drains sends to its end what waits for clients, and passes their connections on afterwards."""
    first, second = serve(every), serve()
    reader = slow(first, get("/chunks"))
    until_in_background(first)
    first.server.drain(second.server.take)
    first.goes_on()
    assert body_of(reader) == CONTENT
    first.thread.join(PATIENCE_S)
    assert not first.thread.is_alive()
    assert reader.ask(get("/moved")).body == b"/moved"


def test_a_stop_ends_them(serve: Serve, every: Every):
    """A server that stops cuts off what waits for clients, each with its line, and closes its files."""
    served = serve(every, limits=Limits(held_bytes=0))
    readers = [slow(served, get("/list")) for _ in range(3)]
    until_in_background(served, 3)
    served.server.stop()
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()
    for reader in readers:
        with pytest.raises(ConnectionResetError):
            reader.rest()
    assert [record["event"] for record in served.sink.records] == ["request.aborted"] * 3
    assert served.sink.record()["reason"].startswith("the server ended it, after ")
    assert served.server.server_context.storage.files == 0


def test_the_background_thread_ends_with_the_server(serve: Serve, every: Every):
    """The thread that sends and its descriptors are there from the first slow reader to the server's end."""
    served = serve(every)
    assert served.ask(get("/plain")).body == b"plain"
    assert not served.sends_in_background()
    reader = slow(served, get("/list"))
    until_in_background(served)
    poller, thread = served.server.background.poller, served.server.background.thread
    assert poller is not None
    assert thread is not None
    assert body_of(reader) == CONTENT
    served.server.stop()
    served.thread.join(PATIENCE_S)
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert poller.closed


def test_each_greenlet_waits_for_its_client_where_poll_is_missing(
    serve: Serve, every: Every, monkeypatch: pytest.MonkeyPatch
):
    """In a process that eventlet has patched, threads are greenlets, and each waits for its client itself."""
    monkeypatch.delattr(select, "poll")
    served = serve(every, threads=2, limits=Limits(stream_after_s=0.01))
    readers = [slow(served, get(f"/{way}")) for way in WAYS]
    sender = slow(served, post(b"abc", path="/plain")[:-1])
    assert served.ask(get("/plain")).body == b"plain"
    assert not served.sends_in_background()
    assert [body_of(reader) for reader in readers] == [CONTENT] * len(WAYS)
    assert sender.send(b"c").response().body == b"abc"


def test_the_background_survives_its_descriptor(serve: Serve, every: Every):
    """If the application closes the descriptor of the background's poller, the next slow reader is served."""
    served = serve(every)
    reader = slow(served, get("/list"))
    until_in_background(served)
    poller = served.server.background.poller
    assert poller is not None
    with Path(os.devnull).open("rb") as other:
        os.dup2(other.fileno(), poller.fileno())
    poller.wake()
    reader.sock.recv(1000)
    assert served.sink.record()["event"] == "request.aborted"
    again = slow(served, get("/list"))
    until_in_background(served)
    assert body_of(again) == CONTENT
