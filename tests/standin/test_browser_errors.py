"""The errors of open pages, in the log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.standin.browser_errors import BrowserErrors


class Log:
    """Remembers the events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def report(self, level: str, event: str, fields: dict[str, object]) -> None:
        """As a sink's."""
        assert (level, event) == ("error", "browser.error")
        self.events.append(fields)


def report(**fields: Any) -> bytes:
    """A page's report."""
    return json.dumps({"kind": "error", "text": "TypeError: x", "place": "/app.js:1:2", "page": "/", **fields}).encode()


def test_a_report_is_logged():
    """The message, its place and its page; what is empty is left out."""
    log = Log()
    assert BrowserErrors(log.report).take(report(page=""))
    assert log.events == [{"type": "error", "message": "TypeError: x", "place": "/app.js:1:2"}]


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b"null", b"{}", b'{"kind": "other"}', b'{"kind": ["error"]}', b"[" * 10_000, b"\xff"],
)
def test_what_is_not_a_report_is_refused(body: bytes):
    """Any site can make a browser send bytes: they are checked, and logged by nobody."""
    log = Log()
    assert not BrowserErrors(log.report).take(body)
    assert log.events == []


def test_fields_are_bounded_and_of_their_types():
    """A long text is cut, and a value that is not text is left out."""
    log = Log()
    assert BrowserErrors(log.report).take(report(text="x" * 100_000, place={"a": 1}, page=7))
    (fields,) = log.events
    assert set(fields) == {"type", "message"}
    assert len(fields["message"]) < 5_000


def test_a_page_that_fails_in_a_loop_does_not_fill_the_log():
    """After a burst a few a second are logged; the next one that is says how many it stands for."""
    now = [100.0]
    log = Log()
    errors = BrowserErrors(log.report, lambda: now[0])
    for _ in range(1_000):
        assert errors.take(report())
    assert len(log.events) == 20
    now[0] += 1.0
    errors.take(report())
    assert log.events[-1]["count"] == 981
