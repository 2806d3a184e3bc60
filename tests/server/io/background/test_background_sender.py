"""The transfers of a server: which begin, how each ends, and what becomes of the others."""

from __future__ import annotations

import itertools
import os
import threading
from typing import Any

import pytest

from appliance.server.http.body_end import LengthEnd
from appliance.server.http.limits import Limits
from appliance.server.io.background import background_sender
from appliance.server.io.background.byte_queue import ByteQueue
from appliance.server.io.background.completion import ServerEnded
from appliance.server.io.poller import Poller
from appliance.server.io.wire import Wire
from tests.server.transfers import LARGE, PATIENCE_S, Server, follow, read


def test_a_response_is_sent_while_the_thread_goes_on(server: Server, tmp_path: Any):
    """One thread sends the rest, the bytes added later and a file, in order; the end is reported once."""
    sender = server.start()
    assert sender.is_pressed == server.is_pressed
    assert (sender.busy, sender.is_full, sender.is_able, sender.thread) == (False, False, True, None)
    wire, client = server.connect(sender)
    file = tmp_path / "file"
    file.write_bytes(b"in a file")
    assert sender.send(wire, memoryview(LARGE)[100:])
    outgoing: Any = wire.outgoing
    assert sender.busy
    assert sender.put(outgoing, b"put")
    with file.open("rb") as source:
        assert sender.put_file(outgoing, source.fileno(), 3, 6)
    wait = follow(sender, outgoing)
    assert read(client, len(LARGE) - 100 + 9) == LARGE[100:] + b"puta file"
    assert wait() == "transfers"
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert (sender.busy, outgoing.failure, outgoing.is_over) == (False, None, True)
    assert set(server.asked) == {wire}
    assert not sender.follow(outgoing, lambda _: None)
    assert not sender.put(outgoing, b"x")  # sent directly, then
    assert not sender.put_file(outgoing, 0, 0, 1)
    assert sender.thread is not None
    assert sender.thread.daemon


def test_a_part_of_a_file_begins_a_transfer(server: Server, tmp_path: Any):
    """A part of a file begins a transfer as bytes do."""
    sender = server.start()
    wire, client = server.connect(sender)
    file = tmp_path / "file"
    file.write_bytes(LARGE)
    with file.open("rb") as source:
        assert sender.send_file(wire, source.fileno(), 10, 100_000)
    assert read(client, 100_000) == LARGE[10:100_010]


def test_a_thread_waits_itself_where_it_must(server: Server, monkeypatch: pytest.MonkeyPatch):
    """Nothing begins for a wire that may not be ahead, nor in a forked process: its thread sends by itself."""
    sender = server.start()
    wire, _ = server.connect(sender)
    server.ahead = 0
    assert not sender.send(wire, memoryview(LARGE))
    server.ahead = 1
    other = os.getpid() + 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: other)
        assert not sender.send(wire, memoryview(LARGE))
    assert (sender.busy, sender.thread, wire.outgoing) == (False, None, None)
    assert sender.send(wire, memoryview(LARGE))
    outgoing: Any = wire.outgoing
    monkeypatch.setattr(os, "getpid", lambda: other)
    message = "the response is being sent by the process that this one was forked from"
    for put in (lambda: sender.put(outgoing, b"x"), lambda: sender.put_file(outgoing, 0, 0, 1)):
        with pytest.raises(ConnectionAbortedError) as caught:
            put()
        assert str(caught.value) == message


def test_the_number_of_slow_responses_is_bounded(server: Server):
    """Beyond the bound a thread waits by itself, or may not, and bodies are not received; an end makes room again."""
    sender = server.start(Limits(max_transfers=1))
    wire, client = server.connect(sender)
    other, _ = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    assert not sender.is_full
    assert not sender.send(other, memoryview(LARGE))
    assert (sender.is_full, other.outgoing) == (True, None)
    server.may_hold = False
    with pytest.raises(TimeoutError) as caught:
        sender.send(other, memoryview(LARGE))
    assert str(caught.value) == "there is no room for what a slow client has not read"
    assert server.asked == [wire, other, other, other, other]
    wait = follow(sender, wire.outgoing)
    assert len(read(client, len(LARGE))) == len(LARGE)
    wait()
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert not sender.is_full
    assert sender.send(other, memoryview(LARGE))
    assert sender.receive(wire, LengthEnd(1), chunked=False) is None
    assert sender.is_full


def test_bytes_without_room_are_not_sent_in_the_background(server: Server, monkeypatch: pytest.MonkeyPatch):
    """Bytes that have no room are not sent in the background; the thread waits, if it may hold them."""
    server.storage.memory_left = 0
    sender = server.start()
    wire, _ = server.connect(sender)
    monkeypatch.setattr(os, "fstatvfs", lambda _: os.statvfs_result([0] * 10))
    assert not sender.send(wire, memoryview(LARGE))
    server.may_hold = False
    with pytest.raises(TimeoutError):
        sender.send(wire, memoryview(LARGE))
    assert (sender.busy, sender.is_full) == (False, False)
    server.storage.memory_left = 4 * len(LARGE)


def test_an_application_that_is_too_far_ahead_waits(server: Server):
    """The thread waits until all was sent, marked as waiting meanwhile; it may be needed, which ends the response."""
    server.ahead = 10
    sender = server.start()
    wire, client = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    outgoing: Any = wire.outgoing
    server.may_wait = False
    with pytest.raises(TimeoutError) as caught:
        sender.put(outgoing, b"more")
    assert server.asked == [wire, wire]
    assert (str(caught.value), wire.waiting) == ("too many responses wait for their clients", 0.0)
    server.may_wait = True
    waits = threading.Event()
    answers: list[bool] = []
    wait = outgoing.wait

    def noted(seconds: float) -> None:
        assert wire.waiting > 0
        assert seconds == 1.0
        waits.set()
        wait(seconds)

    outgoing.wait = noted
    thread = threading.Thread(target=lambda: answers.append(sender.put(outgoing, b"more")))
    thread.start()
    assert waits.wait(PATIENCE_S)
    assert read(client, len(LARGE)) == LARGE
    thread.join(PATIENCE_S)
    assert (answers, wire.waiting, sender.busy) == ([False], 0.0, False)


@pytest.mark.parametrize("put", ["put", "put_file"])
def test_a_thread_waits_for_a_file_that_is_sent(server: Server, tmp_path: Any, put: str):
    """Nothing can be queued after a file: the thread waits until the file is sent, and gets its failure."""
    file = tmp_path / "file"
    file.write_bytes(LARGE)
    sender = server.start()
    wire, client = server.connect(sender)
    left, gone = server.connect(sender)
    with file.open("rb") as source:
        more: tuple[Any, ...] = (b"more",) if put == "put" else (source.fileno(), 0, 4)
        for each in (wire, left):
            assert sender.send_file(each, source.fileno(), 0, len(LARGE))
        outgoings: list[Any] = [wire.outgoing, left.outgoing]
        server.may_wait = False
        with pytest.raises(TimeoutError):
            getattr(sender, put)(outgoings[0], *more)
        server.may_wait = True
        gone.close()
        with pytest.raises(ConnectionError):
            getattr(sender, put)(outgoings[1], *more)
        with pytest.raises(ConnectionError):
            getattr(sender, put)(outgoings[1], *more)
        reader = threading.Thread(target=read, args=(client, len(LARGE)), daemon=True)
        reader.start()
        assert not getattr(sender, put)(outgoings[0], *more)
        assert (outgoings[0].is_over, outgoings[0].failure) == (True, None)
        reader.join(PATIENCE_S)


def test_clients_that_stand_still_are_given_up(server: Server):
    """A client that reads nothing, and one that sends nothing, are given up when their time is over."""
    sender = server.start(Limits(send_timeout_s=0.02, body_timeout_s=0.02))
    wire, _ = server.connect(sender)
    other, _ = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    body = sender.receive(other, LengthEnd(5), chunked=False)
    assert body is not None
    waits = [follow(sender, each) for each in (wire.outgoing, body)]
    for wait in waits:
        assert wait() == "transfers"
    outgoing: Any = wire.outgoing
    assert (type(outgoing.failure), str(outgoing.failure)) == (TimeoutError, "the client does not read")
    assert body.outcome is not None
    assert body.outcome.status == 408
    assert server.ended.acquire(timeout=PATIENCE_S)
    body.queue.close()


def test_a_failure_ends_one_transfer_alone(server: Server, monkeypatch: pytest.MonkeyPatch):
    """An exception in a step of one transfer ends that transfer alone, as an OSError that names it."""
    sender = server.start()
    wire, _ = server.connect(sender)
    other, client = server.connect(sender)

    def odd(_: object) -> int:
        raise ValueError("odd")

    monkeypatch.setattr(Wire, "send_now", lambda self, data: odd(data) if self is wire else self._usual_send(data))
    for each in (wire, other):
        assert sender.send(each, memoryview(LARGE))
    assert read(client, len(LARGE)) == LARGE
    outgoing: Any = wire.outgoing
    outgoing.wait(PATIENCE_S)
    assert (type(outgoing.failure), str(outgoing.failure)) == (OSError, "odd")
    assert outgoing.unsent == len(LARGE)


def test_the_end_of_the_server_ends_each(server: Server):
    """A server that goes ends what is under way with a failure that says so, and begins nothing more."""
    sender = server.start()
    wire, _ = server.connect(sender)
    other, _ = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    body = sender.receive(other, LengthEnd(5), chunked=False)
    assert body is not None
    wait = follow(sender, body)
    outgoing: Any = wire.outgoing
    sender.close()
    wait()
    assert (type(outgoing.failure), str(outgoing.failure)) == (ServerEnded, "the server goes")
    assert outgoing.unsent > 0
    assert not sender.send(other, memoryview(LARGE))
    assert sender.receive(other, LengthEnd(5), chunked=False) is None
    assert not sender.follow(body, lambda _: None)
    assert not sender.is_full
    server.start(Limits()).close()  # one that has sent nothing
    body.queue.close()


def test_without_a_thread_nothing_begins(server: Server, monkeypatch: pytest.MonkeyPatch):
    """If no thread can be started the request's own thread waits, and the next try may succeed."""
    sender = server.start()
    wire, client = server.connect(sender)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("can't start")))
        assert not sender.send(wire, memoryview(LARGE))
    assert (sender.busy, sender.thread) == (False, None)
    assert sender.send(wire, memoryview(LARGE))
    assert read(client, len(LARGE)) == LARGE
    assert server.ended.acquire(timeout=PATIENCE_S)
    with monkeypatch.context() as patch:
        patch.setattr(Poller, "register", lambda *_, **__: (_ for _ in ()).throw(OSError("no space")))
        assert not sender.send(server.connect(sender)[0], memoryview(LARGE))
    assert not sender.busy


def test_descriptors_that_the_project_closes_end_what_waits(server: Server):
    """If the project closes the thread's descriptors, each transfer fails with a reason, and the next can begin."""
    sender = server.start()
    wire, _ = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    outgoing: Any = wire.outgoing
    wait = follow(sender, outgoing)
    thread, poller = sender.thread, sender.poller
    assert poller is not None
    assert poller._epoll is not None
    poller._epoll.close()
    poller.wake()
    closed: Any = Closed()
    poller._epoll = closed
    wait()
    assert (type(outgoing.failure), str(outgoing.failure)) == (
        ConnectionAbortedError,
        "the server lost the descriptors that it waits with",
    )
    assert thread is not None
    thread.join(PATIENCE_S)
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(poller._wake_end)
    other, client = server.connect(sender)
    assert sender.send(other, memoryview(LARGE))
    assert sender.thread is not thread
    assert read(client, len(LARGE)) == LARGE


class Closed:
    """An epoll that was closed."""

    def close(self) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError("I/O operation on closed epoll object")


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [(Limits(), 1.0), (Limits(send_timeout_s=0.5), 0.25), (Limits(body_timeout_s=0.5), 0.25)],
)
def test_times_are_checked_twice_in_each(server: Server, limits: Limits, seconds: float):
    """Clients' times are checked once a second, and twice within the shortest of them."""
    assert server.start(limits)._check_interval_s == seconds


def test_a_transfer_waits_for_bytes_that_are_being_written(server: Server, monkeypatch: pytest.MonkeyPatch):
    """While bytes are written, and nothing else is left, the socket is not watched; written, they are sent."""
    sender = server.start()
    wire, client = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    outgoing: Any = wire.outgoing
    paused = threading.Event()
    unregister = Poller.unregister

    def noted(self: Poller, descriptor: int) -> None:
        unregister(self, descriptor)
        if descriptor == outgoing.descriptor:
            paused.set()

    monkeypatch.setattr(Poller, "unregister", noted)
    pwrite = os.pwrite

    def slowly(descriptor: int, data: Any, at: int) -> int:
        assert read(client, len(LARGE)) == LARGE
        assert paused.wait(PATIENCE_S)
        return pwrite(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", slowly)
    monkeypatch.setattr(ByteQueue, "remember", lambda *_: False)  # as where the memory is used up
    wait = follow(sender, outgoing)
    assert sender.put(outgoing, b"more")
    assert read(client, 4) == b"more"
    assert wait() == "transfers"
    assert outgoing.failure is None


def test_each_end_is_reported(server: Server, monkeypatch: pytest.MonkeyPatch):
    """The server hears of a transfer that ends in the same round in which the times of all are checked."""
    ticks = itertools.count(1.0)
    monkeypatch.setattr(background_sender, "monotonic", lambda: next(ticks))
    sender = server.start(Limits(send_timeout_s=1e9))
    wire, client = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    assert read(client, len(LARGE)) == LARGE
    assert server.ended.acquire(timeout=PATIENCE_S)


def test_a_descriptor_without_a_transfer_is_not_watched(server: Server, monkeypatch: pytest.MonkeyPatch):
    """A descriptor that is reported although its transfer has ended is watched no longer, and the others go on."""
    sender = server.start()
    wire, client = server.connect(sender)
    other, _ = server.connect(sender)
    assert sender.send(wire, memoryview(LARGE))
    gone = threading.Event()
    unregister = Poller.unregister

    def noted(self: Poller, descriptor: int) -> None:
        unregister(self, descriptor)
        if descriptor == other.sock.fileno():
            gone.set()

    monkeypatch.setattr(Poller, "unregister", noted)
    assert sender.poller is not None
    sender.poller.register(other.sock.fileno(), writable=True)
    assert gone.wait(PATIENCE_S)
    assert read(client, len(LARGE)) == LARGE
