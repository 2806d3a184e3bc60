"""The page of one request: its tabs, and their sections."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.desk import recorded_requests
from appliance.desk.filters import Filters
from appliance.desk.redaction import Redaction
from appliance.desk.store import Store
from appliance.desk.table_rows import Rows, detail_row
from appliance.protocol.request_details import RequestDetails
from appliance.standin.desk_pages.list_page import list_page
from appliance.standin.desk_pages.request_page import request_page, request_title
from appliance.standin.desk_pages.sections.section_table import SECTIONS
from tests.desk.conftest import recorded
from tests.desk.log_lines import START, line, request

__all__ = ["recorded"]
Recorded = Callable[..., sqlite3.Connection]
QUERY = {"sql": "SELECT 1", "place": "shop.py:7", "began_s": 0.001, "duration_s": 0.002}


def found(connection: sqlite3.Connection, number: int, **filters: Any) -> dict[str, Any]:
    """A request as the page gets it."""
    request = recorded_requests.read(connection, number, Filters(**filters))
    assert request is not None
    return request


def tabs(page: str) -> dict[str, str]:
    """The labels of the tabs, by their links."""
    ((shown,),) = [re.findall(r'<nav class="tabs".*?</nav>', page)]
    return {
        link: re.sub("<[^>]*>", "", label) for link, label in re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', shown)
    }


def test_a_section_without_content_has_no_tab(recorded: Recorded):
    """A request that raised and queried nothing has no tab for these; a link to one says so."""
    connection = recorded(line("output", START, text="one", request_id="id-/a", generation=1), request("/a"))
    plain = found(connection, 1)
    own = "/__appliance__/requests/1"
    expected = {own: "Overview", f"{own}/request": "Request", f"{own}/response": "Response", f"{own}/log": "Log 1"}
    assert tabs(request_page(plain, "", Filters())) == expected
    assert f"{own}/exception" in tabs(request_page(plain, "exception", Filters()))
    assert "No exception" in request_page(plain, "exception", Filters())


def test_neighbours_are_those_of_the_list(recorded: Recorded):
    """Older and newer lead along the list that the request was opened from, in the same section."""
    connection = recorded(*(request(f"/{number}", status=500 if number % 2 else 200) for number in range(1, 6)))
    page = request_page(found(connection, 3, status="500"), "log", Filters(status="500"))
    assert '<a href="/__appliance__/requests/1/log?status=500" data-key="j">Older</a>' in page
    assert '<a href="/__appliance__/requests/5/log?status=500" data-key="k">Newer</a>' in page
    assert 'href="/__appliance__/?status=500" data-key="u"' in page
    assert set(tabs(page)) >= {"/__appliance__/requests/3?status=500", "/__appliance__/requests/3/log?status=500"}
    assert "Newer" not in request_page(found(connection, 5), "", Filters())


def test_the_overview_names_what_is_wrong(recorded: Recorded):
    """The exception and a repeated query stand first, each with its line and a link to its section."""
    raised = line(
        "application.failed", START, error="ValueError: x", file="a.py", line=3, request_id="id-/a", generation=1
    )
    asked = found(recorded(raised, request("/a", status=500)), 1)
    repeated = [{"sql": "SELECT ?", "place": "shop.py:7", "count": 9, "duration_s": 0.018}]
    asked["details"] = {"queries": [QUERY] * 9, "repeated": repeated}
    page = request_page(asked, "", Filters())
    assert re.search(r'/requests/1/exception"[^>]*>ValueError: x</a> \(a.py:3\)', page)
    assert re.search(r'/requests/1/queries"[^>]*>9 times the same query</a> from shop.py:7', page)


def test_a_long_target_is_shown_once(recorded: Recorded):
    """A target of 8 KB is cut in the title and in the list; the overview has all of it."""
    connection = recorded(request(f"/{'a' * 8000}"))
    asked = found(connection, 1)
    assert len(request_title(asked)) < 250
    assert "a" * 8000 in request_page(asked, "", Filters())
    listed = list_page(recorded_requests.find(connection, Filters()), Filters(), 1)
    assert ("a" * 199 in listed, "a" * 201 in listed) == (True, False)


def test_queries_that_are_not_kept_are_counted(recorded: Recorded):
    """If no query of a request fitted into its record, the tab and its section still show their number."""
    asked = found(recorded(request("/a")), 1)
    asked["details"] = {"queries": [], "repeated": [], "queries_left_out": 1200}
    page = request_page(asked, "queries", Filters())
    assert "Queries 1200" in tabs(page).values()
    assert "1200 queries are not kept" in page


def test_every_section_is_made_of_a_bare_request(recorded: Recorded):
    """A request of which only its line of the log is known has every section."""
    bare = found(recorded(request("/a", **{"http.response.status_code": None, "duration_s": None})), 1)
    for name in SECTIONS:
        assert "<h2>" in request_page(bare, name, Filters())


def test_a_flood_says_how_few_requests_have_details(recorded: Recorded, tmp_path: Path):
    """A request whose details were left out under load, and the next one that has them, say how few have them."""
    connection = recorded(request("/left-out"), request("/recorded", START + 0.01), request("/died", START + 9))
    info = {"request_id": "id-/recorded", "ended_us": int((START + 0.01) * 1_000_000), "left_out": 1999}
    message = RequestDetails(info, b"GET / HTTP/1.1\r\n\r\n", b"", b"").pack()
    store = Store(tmp_path / "desk.sqlite3")
    store.add(Rows([], [], [row for row in [detail_row(message, "run", Redaction())] if row is not None]))
    store.close()
    said = "of one request in 2,000 at this rate"
    assert said in request_page(found(connection, 1), "", Filters())
    assert "at this rate, they are of one request in 2,000" in request_page(found(connection, 1), "request", Filters())
    assert said in request_page(found(connection, 2), "", Filters())
    assert "at this rate" not in request_page(found(connection, 3), "", Filters())
    assert "its worker has died" in request_page(found(connection, 3), "response", Filters())
