"""One line for a page and its assets, where ACCESS_LOG is ``pages``."""

from __future__ import annotations

import re
from typing import Any

import pytest

from appliance.logs.log import make_log
from appliance.logs.render.console import Console
from appliance.logs.render.page_loads import QUIET_S, PageLoads
from appliance.protocol.access_record import AccessRecord


def record(path, status=200, method="GET", **more):
    """An access record as it comes from a worker."""
    return AccessRecord(
        event=more.pop("event", "request.finished"),
        ended_us=1_500_000,
        duration_us=2_000,
        method=method,
        path=path,
        query="",
        status=status,
        **more,
    ).to_wire()


class Shown:
    """A log for people, and the calls that it has planned."""

    def __init__(self, access="pages", form="console"):
        self.writes: list[bytes] = []
        self.planned: list[tuple[float, Any]] = []
        console = Console(colour=False, width=lambda: 0, pages=access == "pages") if form == "console" else None
        self.log: Any = make_log(self.writes.append, level="info", access=access, console=console)
        self.log.attach(lambda after_s, call: self.planned.append((after_s, call)))

    def records(self, *batch):
        """Log these records, one after the other."""
        for each in batch:
            self.log.records([each], role="worker", generation=1)

    @property
    def lines(self):
        """The rest of each line so far, without the time and the level."""
        return [re.sub(r"^\S+ ", "", line) for line in b"".join(self.writes).decode().splitlines()]


def test_thirty_loads_are_thirty_lines():
    """A page with three assets, loaded thirty times, has one line for each load."""
    shown = Shown()
    for number in range(30):
        assets = [record(f"/static/{name}", 304 if number else 200) for name in ("a.css", "b.js", "c.png")]
        shown.records(record(f"/page/{number}"), *assets)
    shown.log.event("info", "appliance.stopped", uptime_s=1.0)
    assert len(shown.lines) == 31
    assert shown.lines[0] == "info  200    2.0 ms GET    /page/0 + 3 assets"
    assert shown.lines[29] == "info  200    2.0 ms GET    /page/29 + 3 assets, 3 not modified"


def test_the_line_of_a_page_comes_by_itself():
    """Once no request has come for a moment, the line is written, though nothing else happens."""
    shown = Shown()
    shown.records(record("/"), record("/a.css"))
    assert shown.lines == []
    (after_s, call) = shown.planned.pop()
    assert 0 < after_s <= QUIET_S
    shown.log._console._pages._last -= 1  # time has passed
    call()
    assert shown.lines == ["info  200    2.0 ms GET    / + 1 asset"]
    assert shown.planned == []


def test_a_page_whose_assets_still_come_waits_on():
    """The call that comes before the page has been quiet for long enough is planned again, and writes nothing."""
    shown = Shown()
    shown.records(record("/"))
    shown.planned.pop()[1]()
    assert shown.lines == []
    assert len(shown.planned) == 1


@pytest.mark.parametrize(
    "other",
    [
        record("/b.css", 404),
        record("/b.css", 200, "POST"),
        record("/b.css", 200, reason="the application failed after 2 bytes of the response"),
        record("/b.css", None, event="request.aborted", reason="the client left"),
        record("/other"),
    ],
)
def test_what_is_not_a_quiet_asset_has_its_line(other):
    """A request that failed, changed something or is another page is never folded; the page comes before it."""
    shown = Shown()
    shown.records(record("/"), record("/a.css"), other)
    shown.log.event("info", "appliance.stopped", uptime_s=1.0)
    assert len(shown.lines) == 3
    assert shown.lines[0].endswith("GET    / + 1 asset")


@pytest.mark.parametrize(("access", "form"), [("on", "console"), ("pages", "json")])
def test_elsewhere_each_request_has_its_line(access, form):
    """With ``on``, and for programs, nothing is held back."""
    shown = Shown(access, form)
    shown.records(record("/"), record("/a.css"), record("/b.js", 304))
    assert len(shown.lines) == 3
    assert shown.planned == []


def test_no_line_is_held_without_a_page():
    """Without a page, nothing is due, and nothing is released."""
    assert not PageLoads().holding
    assert PageLoads().release() == []
