"""Which responses say where their time went, and what they say."""

from __future__ import annotations

import re
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.worker.hooks import Hooks
from appliance.worker.instrumentation.details import Details
from appliance.worker.instrumentation.server_timing import ServerTiming

BROWSER = {"HTTP_HOST": "localhost:8000", "HTTP_SEC_FETCH_MODE": "cors"}
OWN = ("Server-Timing", "mine;dur=1")


def requested(values: dict[str, str], address: str = "127.0.0.1") -> tuple[Exchange, Details]:
    """A request that is recorded, whose application has made one query."""
    head: Any = SimpleNamespace(values=values)
    exchange = Exchange(head, address, 8000, monotonic(), "id")
    details = Details(b"")
    exchange.details = details
    details.add_query(("SELECT 1", "app.py:3", ""), (0.0, 0.002, 0, ""), -1, 0)
    return exchange, details


def answered(exchange: Exchange, hooks: Hooks | None = None) -> list[tuple[str, str]]:
    """The fields of a response, whose application has set the field itself."""
    headers = [OWN]
    fields = ServerTiming(hooks or Hooks()).added(exchange, headers)
    assert headers == [OWN]
    return fields


def test_a_browser_of_this_machine_gets_the_field():
    """Our field follows the application's own, with the time in the queue, the application and the database."""
    exchange, details = requested(BROWSER)
    own, added = answered(exchange)
    assert own == OWN
    assert added[0] == "Server-Timing"
    assert re.fullmatch(r'queue;dur=[\d.]+, app;dur=[\d.]+, db;dur=2\.0;desc="1 query"', added[1])
    details.add_query(("SELECT 1", "app.py:3", ""), (0.0, 0.002, 0, ""), -1, 0)
    details.effects.add_call({"url": "", "place": "", "took_us": 5_000})
    details.effects.add_call({"url": "", "place": ""})
    assert answered(exchange)[1][1].endswith('db;dur=4.0;desc="2 queries", outgoing;dur=5.0;desc="2 calls"')


def test_a_replaced_response_has_the_field_once():
    """An error page takes over the fields of the response that it replaces, but not the time of that one."""
    exchange, details = requested(BROWSER)
    timing = ServerTiming(Hooks())
    first = timing.added(exchange, [OWN])
    details.add_query(("SELECT 1", "app.py:3", ""), (0.0, 0.002, 0, ""), -1, 0)
    own, added = timing.added(exchange, first)
    assert own == OWN
    assert added[1].endswith('"2 queries"')


def test_a_navigation_of_an_old_browser_gets_it_too():
    """A browser without Sec-Fetch fields accepts HTML."""
    assert len(answered(requested({"HTTP_HOST": "[::1]:8000", "HTTP_ACCEPT": "text/html,*/*"}, "::1")[0])) == 2


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("127.0.0.1", {"HTTP_HOST": "localhost:8000"}),
        ("127.0.0.1", {"HTTP_HOST": "localhost:8000", "HTTP_ACCEPT": "application/json"}),
        ("127.0.0.1", {**BROWSER, "HTTP_HOST": "shop.example"}),
        ("127.0.0.1", {"HTTP_SEC_FETCH_MODE": "cors"}),
        ("192.168.1.20", BROWSER),
        ("", BROWSER),
    ],
)
def test_other_clients_do_not_get_the_field(address: str, values: dict[str, str]):
    """Neither a program, nor another name, nor another machine."""
    assert answered(requested(values, address)[0]) == [OWN]


def test_a_failure_of_ours_leaves_the_response():
    """The response is the application's own, and one event reports the failure."""
    hooks, events = Hooks(), list[str]()
    hooks.report_to(lambda _, event, __: events.append(event))
    exchange, _ = requested(BROWSER)
    setattr(exchange, "started", "no number")  # noqa: B010  as a defect of ours would have it
    for _ in range(2):
        assert answered(exchange, hooks) == [OWN]
    assert events == ["hook.dropped"]
