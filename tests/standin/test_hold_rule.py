"""When the stand-in answers a connection."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.protocol.channel import Channel
from appliance.protocol.page_messages import SetStandInPage, StopAccepting
from appliance.standin.hold_rule import HoldRule, seconds_without_data

WAIT_S = 1.0
OPENED = 1000.0  # when the stand-in began, by the test's clock
LONG_AGO_S = 60.0


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = OPENED

    def monotonic(self) -> float:
        """As ``time``'s."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock that the rule reads."""
    return Clock()


@pytest.fixture
def unix() -> Iterator[socket.socket]:
    """A socket of which the kernel does not tell when bytes came."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def rule_of(standin: Channel, handling: threading.Event, since: float, clock: Clock, **options: Any) -> HoldRule:
    """A rule for a wait that began at ``since``."""
    message = SetStandInPage(page={}, wait_s=WAIT_S, since=since)
    return HoldRule(message, standin, handling, clock=clock.monotonic, **options)


def test_no_old_page_once_a_message_is_on_its_way(channels, clock: Clock, unix: socket.socket):
    """A connection waits while a message is unread, and while it is read and not handled; then it is answered."""
    supervisor, standin = channels
    handling = threading.Event()
    rule = rule_of(standin, handling, OPENED - LONG_AGO_S, clock)

    def is_held() -> bool:
        return rule.answer_at(OPENED, unix) > clock.now

    assert not is_held()
    supervisor.send(StopAccepting())
    assert is_held()
    handling.set()
    assert list(standin.receive())
    assert is_held()
    handling.clear()
    assert not is_held()


def test_a_connection_waits_one_second_for_the_worker(channels, clock: Clock, unix: socket.socket):
    """One that comes while the stand-in runs is held for its whole second, however long the others have waited."""
    rule = rule_of(channels[1], threading.Event(), OPENED - LONG_AGO_S, clock)
    accepted_at = clock.now = OPENED + 10
    clock.now = accepted_at + WAIT_S - 0.001
    assert rule.answer_at(accepted_at, unix) > clock.now
    clock.now = accepted_at + WAIT_S
    assert rule.answer_at(accepted_at, unix) <= clock.now


def test_a_connection_that_queued_waits_from_the_beginning(channels, clock: Clock, unix: socket.socket):
    """If the kernel does not tell the time of a queued connection, its second counts from the start of the wait."""
    since = OPENED - WAIT_S / 2
    rule = rule_of(channels[1], threading.Event(), since, clock)
    accepted_at = clock.now = OPENED + 0.001
    assert rule.answer_at(accepted_at, unix) > clock.now
    clock.now = since + WAIT_S
    assert rule.answer_at(accepted_at, unix) <= clock.now


@pytest.mark.parametrize(("idle_s", "waits_from"), [(0.0, OPENED), (0.3, OPENED - 0.3), (50.0, OPENED - 0.5)])
def test_a_connection_that_queued_waits_for_its_own_second(
    channels, clock: Clock, unix: socket.socket, idle_s: float, waits_from: float
):
    """One that queued has its second counted from its last bytes on, and never from before the wait began."""
    idle = lambda _: idle_s + clock.now - OPENED  # noqa: E731  one line
    rule = rule_of(channels[1], threading.Event(), OPENED - 0.5, clock, idle_s=idle)
    for clock.now in (OPENED, OPENED + 0.4):  # each time that it is looked at
        assert rule.answer_at(OPENED, unix) == pytest.approx(waits_from + WAIT_S)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not run: only Linux tells when bytes came")
def test_the_kernel_tells_when_the_last_bytes_came():
    """The kernel tells how long ago the last bytes came, and nothing of a socket that is not TCP's."""
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        accepted, _ = listener.accept()
        with accepted:
            while (idle_s := seconds_without_data(accepted)) == 0.0:  # until the kernel's clock has ticked
                continue
            assert idle_s is not None
            assert 0.0 < idle_s <= time.monotonic() - began + 0.02
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert seconds_without_data(ours) is None
