"""A message about a request fits into the socket, whatever the request has done."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.desk.queries.recorded_queries import query_count
from appliance.protocol.request_details import (
    BODY_MAX,
    CALLS_MAX,
    MAILS_MAX,
    QUERIES_MAX,
    RESPONSE_MAX,
    TEMPLATES_MAX,
    TRANSACTION,
    unpack,
)
from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.worker.instrumentation.details import Details
from appliance.worker.instrumentation.effects.mail_note import bounded, envelope
from appliance.worker.instrumentation.fitted_details import MESSAGE_MAX, fitted


def busy(character: str) -> Details:
    """A request that has done as much of everything as is noted, in texts of this character."""
    details = Details(b"x" * 65_536)
    details.received(b"x" * BODY_MAX)
    details.sent([b"x" * RESPONSE_MAX])
    for number in range(QUERIES_MAX - 1):
        details.add_query((f"{number}{character * 500}", f"{character}.py:{number}", ""), (0.001, 0.001, 0, ""), -1, 0)
    details.add_query(("COMMIT", "", ""), (0.001, 0.001, TRANSACTION, ""), -1, 0)
    for _ in range(CALLS_MAX):
        call: dict[str, Any] = {"method": "GET", "url": character * 500, "place": character * 200, "began_us": 1}
        details.effects.add_call({**call, "error": character * 200})
    for _ in range(MAILS_MAX):
        note = envelope(character * 200, [character * 200] * 20) | {"subject": character * 200}
        details.effects.add_mail(note | bounded({"text": character * 20_000, "html": character * 20_000}, []))
    for number in range(TEMPLATES_MAX):
        details.effects.add_template("Jinja", f"{number}{character * 100}", 0.001)
        details.effects.add_cache_use(f"{number}{character * 100}", (1, 1, 1), 0.001)
    return details


@pytest.mark.parametrize("character", ["x", "\n", "ä", "\U0001f600"])
def test_the_busiest_request_fits(character: str):
    """The head and the response of a request are sent, whatever its texts are made of."""
    exchange = Exchange(None, "127.0.0.1", 8000, 0.0, "id")
    message = fitted(busy(character).of(exchange))
    assert len(message) <= MESSAGE_MAX
    found = unpack(message)
    assert (len(found.head), len(found.response)) == (65_536, RESPONSE_MAX)


def test_what_is_left_out_is_counted():
    """The largest lists go first, one after the other, then the body."""
    exchange = Exchange(None, "127.0.0.1", 8000, 0.0, "id")
    whole = busy("x").of(exchange)
    least = len(whole.pack())
    mails = len(whole.info["effects"]["mails"])
    found = unpack(fitted(busy("x").of(exchange), least - 1))
    assert found.info["effects"]["mails_left_out"] == MAILS_MAX
    assert mails > 0
    assert len(found.info["effects"]["calls"]) > 0
    smallest = unpack(fitted(busy("x").of(exchange), 100_000))
    assert (smallest.body, smallest.info["body_cut"]) == (b"", BODY_MAX)
    assert "queries" not in smallest.info
    assert query_count(smallest.info) == smallest.info["queries_left_out"] == QUERIES_MAX - 1  # without the commit
