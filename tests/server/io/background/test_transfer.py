"""One transfer without a thread: what each step does with its bytes, its time and its end."""

from __future__ import annotations

import errno
import os
import threading
from typing import Any

import pytest

from appliance.server.io.background import transfer
from appliance.server.io.background.byte_queue import Storage, StorageFull
from appliance.server.io.background.transfer import CONTINUES, IDLE, IS_OVER, Outgoing
from tests.server.transfers import LARGE, Clock, never

AT_ONCE = 262_144


def outgoing_of(wire: Any, storage: Storage, *, most: int = 10, seconds: float = 5.0) -> Any:
    """A transfer to a client."""
    return Outgoing(wire, storage, most=most, seconds=seconds)


def test_a_response_is_sent_in_steps(wire: Any, storage: Storage):
    """A step sends until the kernel takes nothing or its share is used; the step after the last byte ends it."""
    outgoing = outgoing_of(wire, storage)
    assert (outgoing.sending, outgoing.descriptor, outgoing.wire) == (True, wire.sock.fileno(), wire)
    outgoing.begin(memoryview(LARGE)[10:])
    assert outgoing.put(b"behind", never)
    wire.takes = [7, 5, BlockingIOError()]
    assert outgoing.advance(never) == CONTINUES
    assert wire.sent == LARGE[10:22]
    wire.takes = [AT_ONCE - 1, 1]
    assert outgoing.advance(never) == CONTINUES
    assert wire.sent == LARGE[10 : 22 + AT_ONCE]
    wire.takes = [AT_ONCE - 1, 2]
    assert outgoing.advance(never) == CONTINUES
    assert wire.sent == LARGE[10 : 22 + 2 * AT_ONCE + 1]
    assert outgoing.advance(never) == CONTINUES
    assert not outgoing.is_over
    assert outgoing.advance(never) == IS_OVER
    assert wire.sent == LARGE[10:] + b"behind"
    assert (outgoing.is_over, outgoing.failure, outgoing.missing) == (True, None, 0)
    assert not outgoing.put(b"more", never)
    assert not outgoing.put_file(0, 0, 1)
    outgoing.end()


def test_a_part_of_a_file_is_sent(wire: Any, storage: Storage, tmp_path: Any):
    """A part of a file follows the queued bytes, or is sent alone; bytes that the file lacks are missing."""
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    with file.open("rb") as source:
        outgoing = outgoing_of(wire, storage)
        outgoing.begin(b"head ")
        assert outgoing.put_file(source.fileno(), 2, 20)
        with pytest.raises(StorageFull):
            outgoing.put_file(source.fileno(), 2, 3)
        alone = outgoing_of(wire, storage)
        alone.begin_file(source.fileno(), 3, 2)
    for each in (outgoing, alone):
        assert each.advance(never) == IS_OVER
        each.end()
    assert (outgoing.missing, alone.missing) == (12, 0)
    assert wire.sent == b"head 23456789" + b"34"


def test_a_transfer_is_full_at_its_bound(wire: Any, storage: Storage):
    """An application may be ahead of its client by the bound at most; a transfer that is over is never full."""
    outgoing = outgoing_of(wire, storage, most=10)
    outgoing.begin(b"x" * 9)
    assert not outgoing.is_full
    assert outgoing.put(b"x", never)
    assert outgoing.is_full
    outgoing.fail(ConnectionResetError())
    assert not outgoing.is_full
    outgoing.end()


def test_written_bytes_wake_a_paused_transfer(wire: Any, monkeypatch: pytest.MonkeyPatch):
    """While bytes are written to the file the transfer pauses once the rest is sent; written, they wake it, once."""
    storage = Storage(0)
    outgoing = outgoing_of(wire, storage, most=1000)
    outgoing.begin(b"first")
    paused: list[int] = []
    woken: list[Outgoing] = []
    states: list[int] = []
    pwrite = os.pwrite

    def slowly(descriptor: int, data: Any, at: int) -> int:
        states.append(outgoing.advance(paused.append))
        return pwrite(descriptor, data, at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", slowly)
        assert outgoing.put(b"second", woken.append)
    assert (states, paused, woken) == ([IDLE], [outgoing.descriptor], [outgoing])
    assert outgoing.put(b"third", woken.append)
    assert len(woken) == 1
    assert outgoing.advance(never) == IS_OVER
    assert wire.sent == b"firstsecondthird"
    outgoing.end()
    assert storage.files == 0


def test_a_failed_write_wakes_a_paused_transfer(wire: Any, monkeypatch: pytest.MonkeyPatch):
    """A full disk is an error for the application, and what was there before is sent to its end."""
    storage = Storage(0)
    outgoing = outgoing_of(wire, storage, most=1000)
    outgoing.begin(b"first")
    woken: list[Outgoing] = []

    def full(*_: object) -> int:
        assert outgoing.advance(lambda _: None) == IDLE
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            outgoing.put(b"second", woken.append)
    assert woken == [outgoing]
    assert outgoing.advance(never) == IS_OVER
    assert (wire.sent, outgoing.missing) == (b"first", 0)
    outgoing.end()
    assert storage.files == 0


def test_what_fails_while_bytes_are_written_is_released_then(wire: Any, monkeypatch: pytest.MonkeyPatch):
    """A transfer that fails during a write keeps its file until the write is done; the writer meets the failure."""
    storage = Storage(0)
    outgoing = outgoing_of(wire, storage, most=1000)
    outgoing.begin(b"first")
    pwrite = os.pwrite

    def meanwhile(descriptor: int, data: Any, at: int) -> int:
        outgoing.fail(ConnectionResetError("gone"))
        outgoing.end()
        assert storage.files == 1
        return pwrite(descriptor, data, at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", meanwhile)
        with pytest.raises(ConnectionResetError, match="gone"):
            outgoing.put(b"second", never)
    assert storage.files == 0


def test_a_failure_is_raised_for_each_caller(wire: Any, storage: Storage):
    """A failure counts what the client has not taken, resets the connection, and is raised as another of its kind."""
    outgoing = outgoing_of(wire, storage)
    outgoing.begin(b"0123456789")
    wire.takes = [4, BlockingIOError()]
    assert outgoing.advance(never) == CONTINUES
    outgoing.check()
    failure = BrokenPipeError(errno.EPIPE, "it has gone")
    outgoing.fail(failure)
    assert (outgoing.failure, outgoing.unsent, outgoing.is_over, wire.resets) == (failure, 6, True, 1)
    for ask in (outgoing.check, lambda: outgoing.put(b"x", never), lambda: outgoing.put_file(0, 0, 1)):
        wire.unsent = 0
        with pytest.raises(BrokenPipeError, match="it has gone") as caught:
            ask()
        assert caught.value is not failure
        assert caught.value.errno == errno.EPIPE
        assert wire.unsent == 6
    outgoing.end()


def test_the_end_calls_each_callback_once(wire: Any, storage: Storage):
    """Callbacks for the end run once, in order; one that comes after the end is refused."""
    outgoing = outgoing_of(wire, storage)
    outgoing.begin(b"x")
    calls: list[tuple[str, Outgoing]] = []
    assert outgoing.afterwards(lambda found: calls.append(("one", found)))
    assert outgoing.afterwards(lambda found: calls.append(("two", found)))
    outgoing.end()
    outgoing.end()
    assert calls == [("one", outgoing), ("two", outgoing)]
    assert not outgoing.afterwards(never)
    assert outgoing.is_over


def test_the_end_of_a_transfer_wakes_every_waiter(wire: Any, storage: Storage):
    """A thread that waits for the end goes on with it, however many wait; once it is over nobody waits."""
    outgoing = outgoing_of(wire, storage)
    outgoing.begin(b"x")
    outgoing.wait(0.0)
    threads = [threading.Thread(target=outgoing.wait, args=(60.0,), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    outgoing.end()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    outgoing.wait(60.0)


def test_a_client_must_take_its_bytes_in_time(
    wire: Any, storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """Time passes for a client that takes nothing, and comes back with what it takes; none left is a time-out."""
    monkeypatch.setattr(transfer, "Delivery", lambda _: Delivered())
    outgoing = outgoing_of(wire, storage, seconds=5.0)
    outgoing.begin(b"x" * 10_000)
    clock.now += 3.0
    assert outgoing.check_time(clock.now) == CONTINUES  # 2 s are left
    wire.takes = [1024, 1024, BlockingIOError()]
    assert outgoing.advance(never) == CONTINUES
    clock.now += 3.0
    assert outgoing.check_time(clock.now) == CONTINUES  # and 1 s, with what 2 KiB earned
    clock.now += 0.75
    assert outgoing.check_time(clock.now) == CONTINUES
    clock.now += 0.25
    with pytest.raises(TimeoutError) as caught:
        outgoing.check_time(clock.now)
    assert str(caught.value) == "the client does not read"
    outgoing.end()


class Delivered:
    """A delivery by a kernel that holds nothing: what was sent has left."""

    def since(self, sent: int) -> int:
        """Return the number of bytes that have left: all that were sent."""
        return sent
