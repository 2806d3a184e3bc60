"""A body that is received without a thread: what each step does with its bytes, its time and its end."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from appliance.server.http.body import BODY_TIMEOUT, CLIENT_LEFT
from appliance.server.http.body_end import ChunkedEnd, LengthEnd
from appliance.server.http.limits import Limits
from appliance.server.io.background import background_sender, transfer
from appliance.server.io.background.byte_queue import Storage
from appliance.server.io.background.transfer import CONTINUES, IDLE, IS_OVER, Incoming
from tests.server.transfers import LARGE, PATIENCE_S, Clock, Server, follow, never


def incoming_of(wire: Any, storage: Storage, length: int | None = None, *, most: int = 100) -> Any:
    """A body of a length, or a chunked one."""
    end = ChunkedEnd(Limits()) if length is None else LengthEnd(length)
    return Incoming(wire, storage, end, most=most, seconds=5.0, chunked=length is None)


@pytest.mark.parametrize(
    ("length", "pieces"), [(6, [b"abc", b"def"]), (None, [b"6\r\nabc", b"def\r\n0\r\n\r\n"]), (6, [b"abcdefnext"])]
)
def test_a_body_is_received_to_its_end(wire: Any, storage: Storage, length: int | None, pieces: list[bytes]):
    """Received bytes are kept unchanged, with those of the next request; the body ends with its last byte."""
    incoming = incoming_of(wire, storage, length)
    assert (incoming.sending, incoming.descriptor, incoming.wire) == (False, wire.sock.fileno(), wire)
    wire.gives = [None, *pieces]
    assert incoming.advance(never) == CONTINUES
    for _ in pieces[:-1]:
        assert incoming.advance(never) == CONTINUES
    assert incoming.advance(never) == IS_OVER
    assert (incoming.outcome, incoming.needs_thread) == (None, False)
    ended: list[Incoming] = []
    incoming.end()  # nobody has asked to be called
    incoming.afterwards = ended.append
    incoming.end()
    assert ended == [incoming]
    assert incoming.advance(never) == IS_OVER
    assert incoming.queue.take(1000) == b"".join(pieces)
    incoming.queue.close()


@pytest.mark.parametrize("last", [b"", ConnectionResetError()])
def test_a_client_that_leaves_is_refused(wire: Any, storage: Storage, last: bytes | OSError):
    """A client that leaves before the end of its body is 400 (RFC 9112, 8)."""
    incoming = incoming_of(wire, storage, 6)
    wire.gives = [b"abc", last]
    assert incoming.advance(never) == CONTINUES
    assert incoming.advance(never) == IS_OVER
    assert incoming.outcome is not None
    assert (incoming.outcome.status, incoming.outcome.reason) == (400, CLIENT_LEFT)
    incoming.queue.close()


def test_a_body_as_large_as_may_be_needs_a_thread(wire: Any, storage: Storage, clock: Clock):
    """With the bound on its bytes the body pauses and asks for a thread to read the rest; its time stands still."""
    incoming = incoming_of(wire, storage, 1000, most=6)
    wire.gives = [b"abcde", b"f"]
    assert incoming.advance(never) == CONTINUES
    assert not incoming.needs_thread
    paused: list[int] = []
    assert incoming.advance(paused.append) == IDLE
    assert (incoming.needs_thread, paused) == (True, [incoming.descriptor])
    clock.now += 1000.0
    assert incoming.check_time(clock.now) == CONTINUES
    assert incoming.recall(100) is None
    assert incoming.queue.take(100) == b"abcdef"
    incoming.queue.close()


def test_bytes_that_have_no_room_are_kept(wire: Any, monkeypatch: pytest.MonkeyPatch):
    """Received bytes are kept although there is no room for them; the body asks for a thread unless it has ended."""
    monkeypatch.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space")))
    storage = Storage(3)
    incoming, ending = incoming_of(wire, storage, 1000), incoming_of(wire, storage, 3)
    wire.gives = [b"abc", b"def", b"ghi"]
    assert incoming.advance(never) == CONTINUES
    paused: list[int] = []
    assert incoming.advance(paused.append) == IDLE
    assert (incoming.needs_thread, paused) == (True, [incoming.descriptor])
    assert ending.advance(never) == IS_OVER
    assert (incoming.queue.take(100), ending.queue.take(100)) == (b"abcdef", b"ghi")
    for each in (incoming, ending):
        each.queue.close()
    assert (storage.memory_left, storage.files) == (3, 0)


def test_a_body_that_is_received_in_the_background_must_come_in_time(wire: Any, storage: Storage, clock: Clock):
    """Time passes for a client that sends nothing, and comes back with its bytes; none left is 408."""
    incoming = incoming_of(wire, storage, 10_000, most=100_000)
    clock.now += 3.0
    assert incoming.check_time(clock.now) == CONTINUES
    wire.gives = [b"x" * 2048]
    assert incoming.advance(never) == CONTINUES
    clock.now += 3.75
    assert incoming.check_time(clock.now) == CONTINUES
    assert not incoming.outcome
    clock.now += 0.25
    assert incoming.check_time(clock.now) == IS_OVER
    assert incoming.outcome is not None
    assert (incoming.outcome.status, incoming.outcome.reason) == (408, BODY_TIMEOUT)
    incoming.queue.close()


@pytest.mark.parametrize("length", [None, 1000])
def test_a_silent_sender_of_chunks_may_wait_for_an_answer(
    wire: Any, storage: Storage, clock: Clock, length: int | None
):
    """A chunked body that stops for more than a second asks for a thread; one with a length has more to send."""
    incoming = incoming_of(wire, storage, length)
    clock.now += 1.0
    assert not incoming.needs_thread
    wire.gives = [b"5\r\n"]
    assert incoming.advance(never) == CONTINUES
    clock.now += 1.0
    assert not incoming.needs_thread
    clock.now += 0.25
    assert incoming.needs_thread is (length is None)
    incoming.queue.close()


def test_a_body_is_recalled_while_it_is_small(wire: Any, storage: Storage):
    """Another server can go on with a body of which little has come, the buffer included; here it is over then."""
    incoming = incoming_of(wire, storage, 100)
    wire.gives = [b"abc"]
    assert incoming.advance(never) == CONTINUES
    wire.buffer = b"de"
    assert incoming.recall(4) is None
    assert incoming.recall(5) == b"abc"
    assert incoming.recall(5) is None
    assert incoming.advance(never) == IS_OVER
    incoming.fail(OSError())
    assert (incoming.outcome, incoming.queue.size) == (None, 0)


def test_a_body_is_received_without_a_thread(server: Server, monkeypatch: pytest.MonkeyPatch):
    """A body is received to its end, then its request may run; more than the bound, it asks for a thread."""
    monkeypatch.setattr(background_sender, "CHECK_INTERVAL_S", 0.001)
    sender = server.start(Limits(spool_bytes=6))
    small, client = server.connect(sender)
    large, other = server.connect(sender)
    client.sendall(b"abcde")
    other.sendall(b"abcdef")
    bodies = [sender.receive(wire, LengthEnd(length), chunked=False) for wire, length in ((small, 5), (large, 10))]
    waits = []
    for body in bodies:
        assert body is not None
        server.may_run = True
        waits.append(follow(sender, body))
    assert [wait() for wait in waits] == ["transfers"] * 2
    for body, content in zip(bodies, (b"abcde", b"abcdef"), strict=True):
        assert body is not None
        assert body.outcome is None
        assert body.queue.take(100) == content
        body.queue.close()


def test_a_silent_body_may_run_if_a_thread_is_free(server: Server, monkeypatch: pytest.MonkeyPatch):
    """A chunked body that stops may wait for its answer: its request runs once a thread may wait with it."""
    monkeypatch.setattr(transfer, "_SILENT_S", -1.0)
    monkeypatch.setattr(background_sender, "CHECK_INTERVAL_S", 0.001)
    checked = threading.Semaphore(0)
    check_time = transfer.Incoming.check_time

    def noted(self: transfer.Incoming, now: float) -> int:
        checked.release()
        return check_time(self, now)

    monkeypatch.setattr(transfer.Incoming, "check_time", noted)
    sender = server.start()
    wire, _ = server.connect(sender)
    body = sender.receive(wire, ChunkedEnd(Limits()), chunked=True)
    assert body is not None
    wait = follow(sender, body)
    for _ in range(3):
        assert checked.acquire(timeout=PATIENCE_S)
    assert sender.busy
    server.may_run = True
    assert wait() == "transfers"
    assert body.outcome is None
    body.queue.close()


def test_bodies_are_recalled_for_another_server(server: Server):
    """Small bodies on connections that can move are given up to another server; the rest goes on here."""
    sender = server.start()
    wires = [server.connect(sender)[0] for _ in range(3)]
    clients = server.sockets[1::2]
    bodies = []
    come = threading.Semaphore(0)
    for wire, client, size in zip(wires, clients, (3, 20, 0), strict=True):
        body = sender.receive(wire, LengthEnd(100), chunked=False)
        assert body is not None
        append = body.queue.append
        body.queue = Noted(body.queue, append, come)  # type: ignore[assignment]
        assert sender.follow(body, lambda _: None)
        client.sendall(b"x" * size)
        bodies.append(body)
    for _ in range(2):
        assert come.acquire(timeout=PATIENCE_S)
    assert sender.send(server.connect(sender)[0], memoryview(LARGE))
    given = sender.recall(10)
    assert given == [(bodies[0], b"xxx"), (bodies[2], b"")]
    assert sender.busy
    assert sender.recall(10) == []
    assert sender.recall(20) == [(bodies[1], b"x" * 20)]


class Noted:
    """A queue that tells when bytes have come."""

    def __init__(self, queue: Any, append: Callable[[bytes], None], come: threading.Semaphore) -> None:
        self._queue, self._append, self._come = queue, append, come

    def append(self, data: bytes) -> None:
        """Append, and tell."""
        self._append(data)
        self._come.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)
