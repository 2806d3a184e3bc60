"""The channel: what goes in at one end comes out at the other, descriptors included, whatever the sizes."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.protocol.channel import MAX_DESCRIPTORS, Channel, ChannelClosedError, ChannelError
from appliance.protocol.messages import HandOverConnections, Records, TakeConnections
from appliance.protocol.page_messages import SetStandInPage, StopAccepting
from appliance.protocol.record import Message
from tests.faults.injections import FewDescriptors

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


def until_the_end(channel: Channel) -> Iterator[tuple[Message, list[int]]]:
    """Yield the messages that are left, once the other end has gone."""
    with contextlib.suppress(ChannelClosedError):
        while True:
            yield from channel.receive()


def test_messages_arrive_in_order(ends: Ends):
    """Messages arrive whole and in order, several in one read."""
    one, other = ends
    one.send(StopAccepting())
    one.send(TakeConnections(early=["a", "b"]))
    received = list(other.receive())
    assert [message for message, _ in received] == [StopAccepting(), TakeConnections(early=["a", "b"])]


def test_descriptors_arrive_with_their_message(ends: Ends):
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


def test_one_descriptor_too_many_is_refused(ends: Ends):
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


@pytest.mark.parametrize("free", [0, 1, 2])
def test_a_lost_descriptor_is_an_error_at_once(ends: Ends, few_descriptors: FewDescriptors, free: int):
    """At the limit of descriptors the kernel drops some of a message's: an error at once, and none stays open.

    Otherwise the next message's would count as the rest of this one's.
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


def test_a_large_message_arrives_whole(ends: Ends):
    """A record larger than any socket buffer arrives whole."""
    one, other = ends
    record = ["event", 0.0, "info", "output", {"text": "x" * 3_000_000}]
    sender = threading.Thread(target=one.send, args=(Records(batch=[record]),))
    sender.start()
    message, _ = next_message(other)
    sender.join()
    assert message == Records(batch=[record])


def test_a_message_that_does_not_fit_waits_for_the_next_flush():
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


def test_the_end_of_a_channel_is_an_error(ends: Ends):
    """When the other end has gone, both sending and receiving say so."""
    one, other = ends
    one.close()
    with pytest.raises(ChannelError):
        list(other.receive())
    with pytest.raises(ChannelError):
        other.send(StopAccepting())


def test_nonsense_is_an_error_of_the_channel(bad_frame: bytes):
    """A frame that is not a message is an error of the channel, whatever it holds, and never another exception."""
    near, far = socket.socketpair()
    sending = threading.Thread(target=near.sendall, args=(bad_frame,))
    sending.start()
    channel = Channel(far)
    with pytest.raises(ChannelError):
        next_message(channel)
    sending.join(10)
    channel.close()
    near.close()


@settings(max_examples=50)
@given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=20), st.integers(1, 40))
def test_messages_survive_any_cut_of_the_bytes(batches: list[list[str]], size: int):
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


def test_descriptors_are_given_away_at_the_limit(ends: Ends, few_descriptors: FewDescriptors):
    """A send that the kernel takes at once needs no duplicate: at the limit, a descriptor can be given away."""
    one, other = ends
    read, write = os.pipe()
    with few_descriptors(0):
        assert one.send(HandOverConnections(early=[""]), [write])
    os.close(write)
    _, (given,) = next_message(other)
    os.write(given, b"x")
    assert os.read(read, 1) == b"x"
    os.close(given)
    os.close(read)


def test_descriptors_that_must_wait_at_the_limit(ends: Ends, few_descriptors: FewDescriptors):
    """A send that must wait needs a duplicate: without a free descriptor that is an error, and nothing is sent."""
    one, other = ends
    one._socket.setblocking(False)
    while one.send(StopAccepting()):
        pass
    read, write = os.pipe()
    with few_descriptors(1), pytest.raises(OSError, match="Too many open files"):
        one.send(HandOverConnections(early=["", ""]), [write, write])
    with few_descriptors(1):
        spare = os.dup(write)  # the one duplicate that could be made is closed
    while not one.flush():
        assert all(message == StopAccepting() for message, _ in other.receive())
    one.close()
    received = [message for message, _ in until_the_end(other)]
    assert received == [StopAccepting()] * len(received)
    for number in (read, write, spare):
        os.close(number)


class ShortSocket(socket.socket):
    """A socket for whose messages the kernel lacks something, for the first few times."""

    shortages: list[int]

    def sendmsg(self, *arguments: Any) -> int:
        """Send, or fail."""
        self._fail()
        return super().sendmsg(*arguments)

    def send(self, *arguments: Any) -> int:
        """Send, or fail."""
        self._fail()
        return super().send(*arguments)

    def _fail(self) -> None:
        if self.shortages:
            raise OSError(self.shortages.pop(), "a shortage")


@pytest.fixture
def short() -> Iterator[tuple[ShortSocket, Channel]]:
    """The socket of one end, and the other end."""
    ours, theirs = Channel.pair()
    sock = ShortSocket(fileno=ours.detach())
    other = Channel(theirs)
    yield sock, other
    sock.close()
    other.close()


SHORTAGES = [errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS]


def test_a_shortage_of_the_kernel_only_delays_messages(short: tuple[ShortSocket, Channel]):
    """A blocking end sends its message, and its descriptors, when a shortage of the kernel has passed."""
    sock, other = short
    sock.shortages = list(SHORTAGES)
    one = Channel(sock)
    assert one.send(StopAccepting())
    assert [message for message, _ in other.receive()] == [StopAccepting()]
    sock.shortages = list(SHORTAGES)
    read, write = os.pipe()
    assert one.send(HandOverConnections(early=[""]), [write])
    ((message, received),) = other.receive()
    assert message == HandOverConnections(early=[""])
    for number in (read, write, *received):
        os.close(number)


def test_a_message_waits_for_the_end_of_a_shortage(short: tuple[ShortSocket, Channel]):
    """A non-blocking end keeps what it could not send, and the other end gets it whole, after the messages before."""
    sock, other = short
    sock.setblocking(False)
    sock.shortages = [errno.ENOBUFS] * 5
    one = Channel(sock)
    read, write = os.pipe()
    assert not one.send(HandOverConnections(early=[""]), [write])
    assert not one.send(StopAccepting())
    os.close(write)
    assert not one.flush()
    while not one.flush():
        assert sock.shortages
    (first, (received,)), (second, _) = [*other.receive(), *other.receive()]
    assert (first, second) == (HandOverConnections(early=[""]), StopAccepting())
    os.write(received, b"x")
    assert os.read(read, 1) == b"x"
    for number in (read, received):
        os.close(number)


def test_other_errors_of_a_socket_end_its_channel(short: tuple[ShortSocket, Channel]):
    """An error that does not pass means that the other end has gone."""
    sock, _ = short
    sock.shortages = [errno.EPIPE]
    with pytest.raises(ChannelClosedError):
        Channel(sock).send(StopAccepting())
