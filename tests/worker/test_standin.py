"""When the stand-in answers a connection."""

from __future__ import annotations

import threading
import time

import pytest

from appliance.protocol.channel import Channel, SetStandInPage, StopAccepting
from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser
from appliance.server.http.limits import Limits
from appliance.server.wsgi.recording.exchange import Exchange
from appliance.worker.standin import WAIT_PATH, HoldRule, QuietSink

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


def exchange(path: str, *, agent: str = "Firefox", referer: str = "", method: str = "GET") -> Exchange:
    """A request that has ended."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"User-Agent: {agent}", f"Referer: {referer}"]
    head = HeadParser(FieldReader(Limits())).parse("\r\n".join(lines).encode())
    return Exchange(head, "127.0.0.1", 8000, 0.0, "id")


def logged(sink: QuietSink, *exchanges: Exchange) -> int:
    """How many of these requests are logged."""
    before = len(sink._records)
    for each in exchanges:
        sink.exchange(each)
    return len(sink._records) - before


@pytest.fixture
def sink(channels):
    """A stand-in's sink."""
    return QuietSink(channels[1])


WAITED = exchange(f"{WAIT_PATH}?version=1", referer="http://localhost:8000/notes?page=2")


def test_a_page_left_open_logs_nothing(sink):
    """Neither the requests that wait for a change, nor the refresh that follows one, nor how long they take."""
    assert logged(sink, exchange("/notes?page=2")) == 1
    assert logged(sink, WAITED, exchange("/notes?page=2"), WAITED, exchange("/notes?page=2")) == 0
    sink.event("warning", "request.slow", {"url.path": WAIT_PATH, "running_s": 11.0})
    assert len(sink._records) == 1


def test_what_a_person_asks_for_is_logged(sink):
    """Other pages, other browsers, a form, and the same page once more have their lines."""
    logged(sink, WAITED)
    assert logged(sink, exchange("/other"), exchange("/notes", agent="curl"), exchange("/notes", method="POST")) == 3
    assert logged(sink, exchange("/notes"), exchange("/notes")) == 1


def test_many_open_pages_are_not_kept_for_ever(sink):
    """What is kept of open pages is bounded."""
    for number in range(1000):
        sink.exchange(exchange(WAIT_PATH, referer=f"http://localhost/{number}"))
    assert len(sink._waited) < 500
