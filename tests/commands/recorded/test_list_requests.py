"""``appliance requests``: what a terminal shows."""

from __future__ import annotations

import pytest

from appliance.commands.recorded.list_requests import line_of, warning_of

REQUEST = {
    "id": 7, "at": 0.0, "status": 500, "event": "request.finished", "duration_s": 0.0123, "generation": 2,
    "method": "POST", "path": "/orders", "query": "a=1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, ["500", "12.3", "ms", "gen", "2", "POST", "/orders?a=1"]),
        (
            {"status": None, "event": "request.aborted", "query": None},
            ["aborted", "12.3", "ms", "gen", "2", "POST", "/orders"],
        ),
        ({"duration_s": 2.5, "generation": None}, ["500", "2.50", "s", "POST", "/orders?a=1"]),
        ({"replay_of": 3}, ["500", "12.3", "ms", "gen", "2", "POST", "/orders?a=1", "(sent", "again)"]),
        ({"path": "/\x1b[31m", "query": None}, ["500", "12.3", "ms", "gen", "2", "POST", "/\\x1b[31m"]),
    ],
)
def test_a_request_is_one_line(changed: dict[str, object], shown: list[str]):
    """Number, time, status, duration, generation, method and path; a client's control characters are escaped."""
    number, _, *rest = line_of({**REQUEST, **changed}).split()
    assert number == "7"
    assert rest == shown


def test_a_failure_to_record_is_one_line():
    """The reason is named; a database that is well, and a recorder that starts, say nothing."""
    shown = "appliance: new requests are not recorded now: disk full.\n"
    assert warning_of({"failure": "disk full."}) == shown
    assert warning_of({"failure": ""}) == warning_of({"error": "it starts"}) == ""
