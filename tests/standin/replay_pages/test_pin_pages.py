"""The pin on the page of a request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from appliance.desk.store import Store
from appliance.desk.table_rows import rows
from appliance.protocol.page_messages import RecorderAnswers
from appliance.standin.desk_pages.desk import Desk
from appliance.standin.desk_pages.page_frame import PageAnswers
from appliance.standin.event_stream import EventStream
from appliance.standin.replay_pages.pin_pages import PinPages, pins_html
from appliance.standin.replay_pages.recorder_link import RecorderLink
from appliance.standin.replay_pages.replay_routes import ReplayPages
from tests.desk.log_lines import request

HOSTILE = "<script>alert(1)</script>\"'&"
PIN: dict[str, Any] = {
    "pin": 3, "request": 1, "method": "GET", "target": "/a", "state": "changed", "reason": "", "generation": 2,
    "differences": [{"what": "status", "before": "200", "after": "500"}], "at": 1.0, "left_out": [], "volatile": [],
    "status": 500, "queries": 1, "duration_s": 0.01,
}  # fmt: skip


def shown(path: Path, answer: dict[str, Any]) -> str:
    """The page of a request for ``/a``, where the recorder answers this when it is asked for the pins."""
    store = Store(path / "desk.sqlite3")
    store.add(rows([request("/a")], "run"))
    store.close()

    def send(asked: Any) -> None:
        link.answered(RecorderAnswers(number=asked.number, answer=answer))

    link = RecorderLink(send)
    answers = PageAnswers(lambda: "state", records=True)
    pins = PinPages(link, "value", answers, EventStream())
    desk = Desk(str(path / "desk.sqlite3"), answers, "", ReplayPages(link, "value", answers), pins)
    route = desk.find("GET", "/__appliance__/requests/1")
    assert route is not None
    return b"".join(route({"HTTP_ACCEPT": "text/html"}, lambda *_: None)).decode()


def test_the_page_of_a_request_shows_its_pin(tmp_path: Path):
    """The last run is shown, with a link to the difference, and the button unpins."""
    page = shown(tmp_path, {"pins": [{**PIN, "pin": 2, "request": 7}, PIN]})
    assert re.search(r'Pinned. <span class="state">It has changed.</span>', page)
    assert re.search(r"Generation 2, <time.*</time>, status 500, 1 query, 10.0 ms", page)
    assert '<a href="/__appliance__/pins#pin-3">The difference</a>' in page
    assert '/pins/3/unpin"' in page
    assert "<button>Pin</button>" not in page


@pytest.mark.parametrize(
    "answer", [{"pins": []}, {"error": "no recorder"}, {"pins": [{**PIN, "target": "/b"}, {**PIN, "request": 2}]}]
)
def test_a_request_that_is_not_pinned_can_be(tmp_path: Path, answer: dict[str, Any]):
    """Without a pin, without an answer, and where a pin of an earlier database has its number, it can be pinned."""
    page = shown(tmp_path, answer)
    assert "Pinned." not in page
    assert "<button>Pin</button>" in page


def test_no_text_of_a_pin_becomes_an_element(tmp_path: Path):
    """A reason is text on the page of a request; each text is on the page of pins."""
    pin = {**PIN, "state": "not run", "reason": HOSTILE, "left_out": [HOSTILE], "volatile": [HOSTILE]}
    for page in (shown(tmp_path, {"pins": [pin]}), pins_html([{**pin, "target": HOSTILE}], "value")):
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
