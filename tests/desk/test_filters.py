"""The filters of a list, as they stand in a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk import recorded_requests
from appliance.desk.filters import MOST, Filters
from appliance.desk.redaction import Redaction
from appliance.desk.store import Store
from appliance.desk.table_rows import Rows, detail_row
from appliance.protocol.request_details import RequestDetails
from tests.desk.log_lines import request

LINES = [
    request("/orders", **{"url.query": "page=2"}),
    request("/orders", status=404, **{"http.request.method": "POST"}),
    request("/users", status=500, duration_s=0.4),
    request("/users/7", generation=2, **{"http.route": "/users/<id>"}),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [4, 3, 2, 1]),
        ("q=PAGE=2", [1]),
        ("q=order", [2, 1]),
        ("method=post", [2]),
        ("status=5xx", [3]),
        ("status=404", [2]),
        ("slower_ms=100", [3]),
        ("generation=2", [4]),
        ("route=/users/<id>", [4]),
        ("before=3", [2, 1]),
        ("after=2", [4, 3]),
        ("limit=1", [4]),
        ("after=1&limit=2", [3, 2]),
        ("status=abc&generation=x&limit=-1&before=", [4, 3, 2, 1]),
        ("status=4xx&q=users", []),
        ("q=%25", []),
        ("&".join(["q=nothing"] * 60), [4, 3, 2, 1]),
    ],
)
def test_each_filter_lets_its_requests_through(recorded, query, found):
    """A filter lets through the requests that it names; what can't be read filters nothing."""
    connection = recorded(*LINES)
    assert [each["id"] for each in recorded_requests.find(connection, Filters.of_query(query))] == found


def test_the_route_of_a_long_path_is_found(recorded):
    """The page of routes links to the requests of each route, also where a path of any length stands for it."""
    path = "/" + "a" * 1_000
    connection = recorded(request(path), request(f"{path}b"))
    (route,) = {each["route"] for each in recorded_requests.routes(connection)} - {f"{path}b"}
    assert [each["id"] for each in recorded_requests.find(connection, Filters.of_query(f"route={route}"))] == [1]


def test_requests_that_were_sent_again_can_be_left_out(tmp_path, recorded):
    """A request that a person or a pin has sent again is marked, and is not in the list of ``replays=off``."""
    connection = recorded(request("/a", 10.0), request("/b", 11.0))
    details = RequestDetails({"request_id": "id-/b", "ended_us": 11_000_000}, b"GET /b HTTP/1.1\r\n\r\n", b"", b"")
    row = detail_row(details.pack(), "run", Redaction(), replay_of=1)
    assert row is not None
    store = Store(tmp_path / "desk.sqlite3")
    store.add(Rows([], [], [row]))
    store.close()
    assert [each["replay_of"] for each in recorded_requests.find(connection, Filters())] == [1, None]
    assert [each["id"] for each in recorded_requests.find(connection, Filters.of_query("replays=OFF"))] == [1]
    assert Filters.of_query("replays=off&q=a").query() == "q=a&replays=off"


@given(st.text(max_size=200))
def test_any_query_is_read(query):
    """Any text is read; the filters written as a query again are the same filters."""
    filters = Filters.of_query(query)
    assert 1 <= filters.limit <= MOST
    assert Filters.of_query(filters.query()) == filters
