"""``appliance requests``: what a terminal shows."""

from __future__ import annotations

import pytest

from appliance.commands.recorded.list_requests import line_of, whole

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
        ({"path": "/\x1b[31m", "query": None}, ["500", "12.3", "ms", "gen", "2", "POST", "/\\x1b[31m"]),
    ],
)
def test_a_request_is_one_line(changed: dict[str, object], shown: list[str]):
    """Number, time, status, duration, generation, method and path; a client's control characters are escaped."""
    number, _, *rest = line_of({**REQUEST, **changed}).split()
    assert number == "7"
    assert rest == shown


def test_a_whole_request_is_as_on_the_wire():
    """Fields and content of both messages, then what was printed and raised; without details the lines alone."""
    lines = [
        {"level": "info", "event": "output", "text": "printed"},
        {"level": "error", "event": "x", "traceback": "T"},
    ]
    details = {
        "fields": [["Host", "a"]], "body": "x=1", "body_note": "", "response_fields": [["Server", "b"]],
        "content": None, "content_note": "3 bytes of image/png",
    }  # fmt: skip
    shown = whole({**REQUEST, "details": details, "lines": lines}).split("\n")[1:]
    assert shown[:9] == ["", "Host: a", "", "x=1", "", "500", "Server: b", "", "3 bytes of image/png"]
    assert shown[10:] == ["info     printed", "error    T"]
    assert whole({**REQUEST, "details": None, "lines": []}) == line_of(REQUEST)
