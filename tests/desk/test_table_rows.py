"""Lines of the log become rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.desk.database import open_for_reading
from appliance.desk.redaction import Redaction
from appliance.desk.store import Store
from appliance.desk.table_rows import LINE_COLUMNS, REQUEST_COLUMNS, Rows, detail_row, rows
from appliance.protocol.request_details import RequestDetails
from tests.desk.log_lines import START, line, request


def test_a_request_has_its_own_table():
    """A request's line becomes a row of requests, every other line one of lines."""
    found = rows([request("/x", **{"url.query": "a=1", "http.route": "/<x>"}), line("output", text="hi")], "run")
    row = dict(zip(REQUEST_COLUMNS, found.requests[0], strict=True))
    assert (row["path"], row["query"], row["route"], row["status"]) == ("/x", "a=1", "/<x>", 200)
    assert (row["at"], row["run"], row["generation"]) == (START, "run", 1)
    (other,) = found.lines
    assert dict(zip(LINE_COLUMNS, other, strict=True))["event"] == "output"


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"1", b"null", b'{"event": "output"}', b'{"timestamp": "x", "event": "output"}', b"\xff"]
)
def test_what_is_not_an_event_is_left_out(text: bytes):
    """Anything else leaves the lines around it as they are."""
    found = rows([request("/1"), text, request("/2")], "run")
    assert [row[7] for row in found.requests] == ["/1", "/2"]
    assert found.lines == []


def test_an_unknown_method_is_as_it_was_sent():
    """An unknown method, which OpenTelemetry calls _OTHER, is shown in the list as the client sent it."""
    unknown = {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}
    (row,) = rows([request("/", **unknown)], "run").requests
    assert "BREW" in row


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"no message",
        RequestDetails({}, b"", b"", b"").pack(),
        RequestDetails({"request_id": 1, "ended_us": "x"}, b"", b"", b"").pack(),
        RequestDetails({"request_id": "x", "ended_us": 1, "body_cut": "x"}, b"", b"", b"").pack(),
        RequestDetails({"request_id": "\ud800", "ended_us": 10**30}, b"\xff\r\n:\r\n\0: \0\r\n", b"x", b"y").pack(),
        RequestDetails(
            {"request_id": "x", "ended_us": 1}, b"GET\r\nContent-Type: text/x; charset=utf-7", b"+2AA-", b""
        ).pack(),
    ],
)
def test_what_a_project_writes_into_the_socket_is_harmless(tmp_path: Path, message: bytes):
    """Any line becomes a row that can be stored, or none."""
    row = detail_row(message, "run", Redaction())
    store = Store(tmp_path / "desk.sqlite3")
    store.add(Rows([], [], [] if row is None else [row]))
    store.close()
    connection = open_for_reading(tmp_path / "desk.sqlite3")
    assert connection.execute("SELECT count(*) FROM details").fetchone()[0] == (row is not None)
    connection.close()
