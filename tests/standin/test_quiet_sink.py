"""The requests that the stand-in leaves out of the log."""

from __future__ import annotations

import pytest

from appliance.server.browser.own_paths import WAIT
from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser
from appliance.server.http.limits import Limits
from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.standin.quiet_sink import QuietSink


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


WAITED = exchange(f"{WAIT}?version=1", referer="http://localhost:8000/notes?page=2")


def test_a_page_left_open_logs_nothing(sink):
    """Neither the requests that wait for a change, nor the refresh that follows one, nor the appliance's own pages."""
    assert logged(sink, exchange("/notes?page=2")) == 1
    assert logged(sink, WAITED, exchange("/notes?page=2"), WAITED, exchange("/notes?page=2")) == 0
    assert (
        logged(sink, exchange("/__appliance__/client.js"), exchange("/__appliance__/browser-error", method="POST")) == 0
    )


def test_what_a_person_asks_for_is_logged(sink):
    """Other pages, other browsers, a form, and the same page once more have their lines."""
    logged(sink, WAITED)
    assert logged(sink, exchange("/other"), exchange("/notes", agent="curl"), exchange("/notes", method="POST")) == 3
    assert logged(sink, exchange("/notes"), exchange("/notes")) == 1


def test_many_open_pages_are_not_kept_forever(sink):
    """The number of open pages that are kept is bounded."""
    for number in range(1000):
        sink.exchange(exchange(WAIT, referer=f"http://localhost/{number}"))
    assert len(sink._waited) < 500
