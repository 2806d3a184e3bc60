"""``appliance requests NUMBER``: what a terminal shows of one request."""

from __future__ import annotations

from typing import Any

from appliance.commands.recorded.request_text import text_of

DETAILS: dict[str, Any] = {
    "fields": [["Host", "a"]], "body": "x=1", "body_note": "", "response_fields": [["Server", "b"]],
    "content": None, "content_note": "3 bytes of image/png", "queries": [], "repeated": [],
}  # fmt: skip
LINES = [
    {"level": "info", "event": "output", "text": "printed"},
    {"level": "error", "event": "application.failed", "error": "KeyError: 'a'"},
]


def shown(details: dict[str, Any] | None, **more: Any) -> list[str]:
    """The lines of a request that was answered by a 500."""
    return text_of({"status": 500, "details": details, "lines": [], "error": None, **more}, "first").split("\n")


def test_a_request_is_shown_as_on_the_wire():
    """Fields and content of both messages, then what was printed and raised; without details the lines alone."""
    found = shown(DETAILS, lines=LINES)
    assert found[:10] == ["first", "", "Host: a", "", "x=1", "", "500", "Server: b", "", "3 bytes of image/png"]
    assert found[11:] == ["info     printed", "error    KeyError: 'a'"]
    assert shown(None) == ["first"]


def test_the_parts_of_the_duration_are_named():
    """The parts of the duration are named below the first line, if they are known."""
    parts = {"queue_s": 0.0005, "application_s": 0.02, "send_s": 1.5}
    assert shown(None, timing=parts)[1] == "Time: queue 500 µs, application 20.0 ms, sending 1.50 s"


def test_the_exception_comes_first():
    """A person who asks for a request that failed sees why before anything else."""
    error = {"event": "application.failed", "error": "KeyError: 'a'", "file": "app.py", "line": 3, "action": "Do this."}
    found = shown(DETAILS, error={**error, "traceback": "Traceback\n  frames\n"})
    assert found[1:6] == ["", "KeyError: 'a' (app.py:3)", "Do this.", "", "Traceback"]
    assert shown(None, error={"event": "output"})[1:] == ["", "output"]


def test_a_long_body_is_cut():
    """The first forty lines of a long body are shown, and the way to the rest is named."""
    found = shown({**DETAILS, "content": "line\n" * 60, "content_note": "9 more bytes"})
    assert found.count("line") == 40
    assert found[-2:] == ["101 more characters: see --json", "9 more bytes"]
    assert len("\n".join(shown({**DETAILS, "content": "x" * 50_000}))) < 5000


def test_the_line_that_repeats_a_query_is_named_first():
    """The line that repeats a query is named first; of very many queries only the first are shown."""
    query = {"sql": "SELECT \n1", "place": "app.py:3", "duration_s": 0.002}
    again = {**query, "sql": "SELECT 1", "count": 60, "duration_s": 0.12}
    found = shown({**DETAILS, "queries": [query] * 60, "repeated": [again]})
    at = found.index("Queries: 60")
    assert found[at + 1] == "  60 times from app.py:3, 120 ms in all: SELECT 1"
    assert found[at + 2] == "     2.0 ms  SELECT 1  app.py:3"
    assert found[-1] == "  10 more: see --json"
    found = shown({**DETAILS, "queries": [], "queries_left_out": 1200})
    assert found[-2:] == ["Queries: 1200", "  1200 more are not kept"]
