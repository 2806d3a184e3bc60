"""When the stand-in answers a connection."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from appliance.protocol.channel import Channel
from appliance.protocol.page_messages import SetStandInPage, StopAccepting
from appliance.standin import hold_rule as module
from appliance.standin.hold_rule import HoldRule

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
def clock(monkeypatch: pytest.MonkeyPatch):
    """The clock that the rule reads."""
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def rule_of(standin: Channel, handling: threading.Event, since: float) -> HoldRule:
    """A rule for a wait that began at ``since``."""
    return HoldRule(SetStandInPage(page={}, wait_s=WAIT_S, since=since), standin, handling)


def test_no_old_page_once_a_message_is_on_its_way(channels, clock: Clock):
    """A connection waits while a message is unread, and while it is read and not handled; then it is answered."""
    supervisor, standin = channels
    handling = threading.Event()
    rule = rule_of(standin, handling, OPENED - LONG_AGO_S)

    def is_held() -> bool:
        return rule.answer_at(OPENED) > clock.now

    assert not is_held()
    supervisor.send(StopAccepting())
    assert is_held()
    handling.set()
    assert list(standin.receive())
    assert is_held()
    handling.clear()
    assert not is_held()


def test_a_connection_waits_one_second_for_the_worker(channels, clock: Clock):
    """One that comes while the stand-in runs is held for its whole second, however long the others have waited."""
    rule = rule_of(channels[1], threading.Event(), OPENED - LONG_AGO_S)
    accepted_at = clock.now = OPENED + 10
    clock.now = accepted_at + WAIT_S - 0.001
    assert rule.answer_at(accepted_at) > clock.now
    clock.now = accepted_at + WAIT_S
    assert rule.answer_at(accepted_at) <= clock.now


def test_a_connection_that_queued_waits_from_the_beginning(channels, clock: Clock):
    """One that queued before the stand-in ran has its second counted from the beginning of the wait."""
    since = OPENED - WAIT_S / 2
    rule = rule_of(channels[1], threading.Event(), since)
    accepted_at = clock.now = OPENED + 0.001
    assert rule.answer_at(accepted_at) > clock.now
    clock.now = since + WAIT_S
    assert rule.answer_at(accepted_at) <= clock.now
