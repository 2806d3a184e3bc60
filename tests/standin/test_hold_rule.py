"""When the stand-in answers a connection."""

from __future__ import annotations

import threading
import time

import pytest

from appliance.protocol.channel import Channel, SetStandInPage, StopAccepting
from appliance.standin.hold_rule import HoldRule

WAIT_S = 0.0
LONG_AGO_S = 60.0


@pytest.fixture
def channels():
    """The supervisor's end and the stand-in's."""
    ours, theirs = Channel.pair()
    yield Channel(ours), Channel(theirs)
    for sock in (ours, theirs):
        sock.close()


def is_held(rule: HoldRule) -> bool:
    """Whether a connection that came just now has to wait."""
    return rule.answer_at(time.monotonic()) > time.monotonic()


def test_no_old_page_once_a_message_is_on_its_way(channels):
    """A connection waits while a message is unread, and while it is read and not handled; then it is answered."""
    supervisor, standin = channels
    handling = threading.Event()
    rule = HoldRule(SetStandInPage(page={}, wait_s=WAIT_S, since=time.monotonic() - LONG_AGO_S), standin, handling)
    assert not is_held(rule)
    supervisor.send(StopAccepting())
    assert is_held(rule)
    handling.set()
    assert list(standin.receive())
    assert is_held(rule)
    handling.clear()
    assert not is_held(rule)
