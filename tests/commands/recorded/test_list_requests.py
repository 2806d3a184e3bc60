"""``appliance requests``: what a terminal shows."""

from __future__ import annotations

import pytest

from appliance.commands.recorded.list_requests import command, line_of, warning_of
from appliance.errors import SettingsError

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


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"status": "banana"}, "a class: 4xx"),
        ({"status": "40"}, "a status"),
        ({"slower_ms": "1.5s"}, "milliseconds"),
        ({"limit": "all"}, "from 1 to 500"),
        ({"limit": "0"}, "from 1 to 500"),
        ({"limit": "501"}, "from 1 to 500"),
    ],
)
def test_a_filter_that_would_filter_nothing_is_refused(given: dict[str, str], words: str):
    """A filter of the command line that can't be read is an error: else the list would look like its answer."""
    with pytest.raises(SettingsError, match=f"--{next(iter(given)).replace('_', '-')} is") as caught:
        command({}, {}, {"limit": "20", **given}, number=None, follow=False, as_json=False)
    assert words in caught.value.expected
