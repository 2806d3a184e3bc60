"""The answers of the desk."""

from __future__ import annotations

from appliance.desk import raised_errors, recorded_requests
from appliance.desk.reload_history import reloads
from tests.desk.log_lines import START, line, request


def test_a_request_has_its_own_lines_alone(recorded):
    """A client may send one id with every request: a request shows the lines of its time and generation."""
    same = {"request_id": "same"}
    connection = recorded(
        line("output", START, generation=1, text="first", **same),
        request("/1", START, **same),
        line("output", START + 60, generation=1, text="second", **same),
        line("application.failed", START + 60, generation=1, error="ValueError: x", traceback="...", **same),
        request("/2", START + 60, status=500, **same),
        line("output", START + 60, generation=2, text="of another generation", **same),
    )
    first, second = recorded_requests.read(connection, 1), recorded_requests.read(connection, 2)
    assert first is not None
    assert second is not None
    assert [each["text"] for each in first["lines"]] == ["first"]
    assert [each.get("text") for each in second["lines"]] == ["second", None]
    assert second["error"]["error"] == "ValueError: x"
    assert recorded_requests.read(connection, 3) is None


def test_routes_are_compared_before_and_after_the_save(recorded):
    """Count, median and 95th percentile are compared across the last save; a path replaces a missing route."""
    before = [request("/a", START + number, duration_s=number / 1000) for number in range(1, 101)]
    after = [request("/a", START + 300 + number, duration_s=0.5, generation=2) for number in range(3)]
    other = request("/users/7", START, status=500, **{"http.route": "/users/<id>"})
    connection = recorded(*before, other, line("reload.finished", START + 200, generation=2), *after)
    first, second = recorded_requests.routes(connection)
    assert (first["route"], first["count"], first["errors"]) == ("/a", 103, 0)
    assert first["before"] == {"count": 100, "p50_s": 0.05, "p95_s": 0.095}
    assert first["after"] == {"count": 3, "p50_s": 0.5, "p95_s": 0.5}
    assert first["samples"][-1] == [START + 302, 0.5]
    assert (second["route"], second["errors"], second["after"]) == ("/users/<id>", 1, None)


def test_equal_exceptions_are_one_group(recorded):
    """The same exception at the same line is one row, with its count and its last request."""
    place = {"file": "/app.py", "line": 5, "generation": 1}
    connection = recorded(
        line("application.failed", START, error="ValueError: 1", request_id="id-/1", **place),
        request("/1", START, status=500),
        line("application.failed", START + 9, error="ValueError: 2", request_id="id-/2", **place),
        request("/2", START + 9, status=500),
        line("application.failed", START + 10, error="KeyError: 'x'", file="/app.py", line=7, request_id=None),
    )
    key, value = raised_errors.errors(connection)
    assert (key["error"], key["count"], key["request"]) == ("KeyError: 'x'", 1, None)
    assert (value["error"], value["count"], value["request"]) == ("ValueError: 2", 2, 2)
    assert (value["first_at"], value["last_at"]) == (START, START + 9)


def test_a_clock_that_was_set_back_keeps_no_old_save(recorded):
    """The last save is the one that was recorded last, whatever its time."""
    connection = recorded(
        line("reload.finished", START + 3600, generation=2), line("reload.finished", START, generation=3)
    )
    assert recorded_requests.last_save(connection) == START


def test_an_empty_database_has_empty_answers(recorded):
    """Before the first request every question has an answer."""
    connection = recorded()
    assert recorded_requests.newest(connection) == 0
    assert recorded_requests.current_run(connection) == ""
    assert (recorded_requests.routes(connection), reloads(connection), raised_errors.errors(connection)) == ([], [], [])
