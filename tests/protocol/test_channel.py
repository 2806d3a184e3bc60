"""The channel: what goes in at one end comes out at the other, descriptors included, whatever the sizes."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.protocol.channel import (
    MAX_DESCRIPTORS,
    Channel,
    ChannelError,
    HandOverConnections,
    Message,
    Records,
    SetStandInPage,
    StopAccepting,
    TakeConnections,
)

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    one, other = (Channel(end) for end in Channel.pair())
    yield one, other
    one.close()
    other.close()


def next_message(channel: Channel) -> tuple[Message, list[int]]:
    while True:
        for received in channel.receive():
            return received


def test_order(ends: Ends):
    """Messages arrive whole and in order, several in one read."""
    one, other = ends
    one.send(StopAccepting())
    one.send(TakeConnections(early=["a", "b"]))
    received = list(other.receive())
    assert [message for message, _ in received] == [StopAccepting(), TakeConnections(early=["a", "b"])]


def test_descriptors(ends: Ends):
    """A descriptor arrives as another of the same open file, with its own message and not an earlier one."""
    one, other = ends
    read, write = os.pipe()
    one.send(StopAccepting())
    one.send(HandOverConnections(early=[""]), [write])
    os.close(write)
    received = list(other.receive())
    while len(received) < 2:
        received += other.receive()
    assert received[0] == (StopAccepting(), [])
    (message, [descriptor]) = received[1]
    assert message == HandOverConnections(early=[""])
    os.write(descriptor, b"through")
    os.close(descriptor)
    assert os.read(read, 100) == b"through"
    os.close(read)


def test_many_descriptors(ends: Ends):
    """As many descriptors as a message may hold arrive with it; one more is refused before anything is sent."""
    one, other = ends
    read, write = os.pipe()
    one.send(TakeConnections(early=[""] * MAX_DESCRIPTORS), [write] * MAX_DESCRIPTORS)
    _, descriptors = next_message(other)
    assert len(descriptors) == MAX_DESCRIPTORS
    for descriptor in (*descriptors, read, write):
        os.close(descriptor)
    with pytest.raises(ValueError, match="at most"):
        one.send(TakeConnections(), [0] * (MAX_DESCRIPTORS + 1))


@pytest.fixture
def few_descriptors(ends: Ends) -> Iterator[Callable[[int], AbstractContextManager[None]]]:
    """Within the context that it makes, this process may open so many descriptors more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    @contextlib.contextmanager
    def only(more: int) -> Iterator[None]:
        lowest = [os.dup(ends[0].fileno()) for _ in range(more + 1)]
        for number in lowest:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest[-1], hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    yield only
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("free", [0, 1, 2])
def test_descriptors_that_are_lost(ends: Ends, few_descriptors: Callable[[int], AbstractContextManager[None]], free: int):
    """At the limit of descriptors the kernel drops some of a message's: an error at once, and none that came stays open.

    The next message's would else be taken for the rest of this one's.
    """
    one, other = ends
    read, write = os.pipe()
    one._socket.setblocking(False)
    assert not one.send(TakeConnections(early=["x" * 1_000_000] * 3), [write] * 3)  # its end is still to come
    with few_descriptors(free), pytest.raises(ChannelError, match="too many open"):
        list(other.receive())
    other.close()
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)


def test_large(ends: Ends):
    """A record larger than any socket buffer arrives whole."""
    one, other = ends
    record = ["event", 0.0, "info", "output", {"text": "x" * 3_000_000}]
    sender = threading.Thread(target=one.send, args=(Records(batch=[record]),))
    sender.start()
    message, _ = next_message(other)
    sender.join()
    assert message == Records(batch=[record])


def test_waits_without_blocking():
    """In non-blocking mode what does not fit waits, and flush sends the rest."""
    near, far = Channel.pair()
    near.setblocking(False)
    one, other = Channel(near), Channel(far)
    page = {"details": "y" * 2_000_000}
    assert one.send(SetStandInPage(page=page, wait_s=1.0, since=0.0)) is False
    received: list[Message] = []
    while not received:
        received += [message for message, _ in other.receive()]
        one.flush()
    assert received == [SetStandInPage(page=page, wait_s=1.0, since=0.0)]
    assert one.flush() is True
    one.close()
    other.close()


def test_end(ends: Ends):
    """When the other end has gone, both sending and receiving say so."""
    one, other = ends
    one.close()
    with pytest.raises(ChannelError):
        list(other.receive())
    with pytest.raises(ChannelError):
        other.send(StopAccepting())


@pytest.mark.parametrize("payload", [b"[]", b"{}", b'{"kind":"none"}', b'{"kind":"rest","more":1}', b"\xff", b"null"])
def test_nonsense(payload: bytes):
    """A frame that is no message is an error of the channel, whatever it holds, and never another exception."""
    near, far = socket.socketpair()
    near.sendall(len(payload).to_bytes(4, "big") + b"\0" + payload)
    channel = Channel(far)
    with pytest.raises(ChannelError):
        list(channel.receive())
    channel.close()
    near.close()


@settings(max_examples=50)
@given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=20), st.integers(1, 40))
def test_any_cut(batches: list[list[str]], size: int):
    """However the bytes are cut on their way, the messages are the same."""
    near, far = Channel.pair()
    middle, end = socket.socketpair()
    sender, receiver = Channel(near), Channel(end)
    sent = [TakeConnections(early=batch) for batch in batches]
    for message in sent:
        sender.send(message)
    sender.close()
    received: list[Message] = []
    while data := far.recv(size):
        middle.sendall(data)
        received += [message for message, _ in receiver.receive()]
    assert received == sent
    for each in (far, middle):
        each.close()
    receiver.close()


def test_descriptors_are_given_away_at_the_limit(ends: Ends, monkeypatch: pytest.MonkeyPatch):
    """What the kernel takes at once needs no duplicate: a process without a free descriptor can give its own away."""

    def full(number: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    one, other = ends
    read, write = os.pipe()
    with monkeypatch.context() as patch:
        patch.setattr(os, "dup", full)
        assert one.send(HandOverConnections(early=[""]), [write])
    os.close(write)
    _, (given,) = next_message(other)
    os.write(given, b"x")
    assert os.read(read, 1) == b"x"
    os.close(given)
    os.close(read)
