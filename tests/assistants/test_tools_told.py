"""The tools' reports about a supervisor, and about recorded requests."""

from __future__ import annotations

import pytest

from appliance.assistants.request_parts import part_of
from tests.assistants.conftest import PROJECT, Site
from tests.desk.log_lines import START, line, request

TRACEBACK = f"""Traceback (most recent call last):
  File "{PROJECT}/.venv/lib/python3.13/site-packages/flask/app.py", line 9, in run
    view()
  File "{PROJECT}/shop/views.py", line 12, in order
    return total(order)
  File "{PROJECT}/shop/prices.py", line 3, in total
    return 1 / 0
ZeroDivisionError: division by zero
"""
FAILED = {
    "error": "ZeroDivisionError: division by zero", "file": f"{PROJECT}/shop/prices.py", "line": 3,
    "traceback": TRACEBACK, "generation": 1,
}  # fmt: skip


@pytest.fixture
def shop(site: Site) -> Site:
    """A day with some requests, one of which has failed twice."""
    site.record(
        line("worker.ready", START - 10, generation=1, total_s=0.5),
        *(request(f"/{number}", START + number) for number in range(5)),
        line("output", START + 9, request_id="id-/order", text="looking up 7", stream="stdout", generation=1),
        line("application.failed", START + 9, request_id="id-/order", **FAILED),
        request("/order", START + 9.01, status=500, **{"url.query": "id=7", "http.route": "/order"}),
        line("application.failed", START + 19, request_id="id-/order", **FAILED),
        line("output", START + 20, text="outside of a request", stream="stderr", level="error"),
    )
    return site


def test_errors_have_the_projects_own_frames(shop: Site):
    """An error is one row with its count, its place, its request, and the frames of the project alone."""
    (error,) = shop.call("last_errors")["errors"]
    assert (error["place"], error["times"], error["request"]) == ("shop/prices.py:3", 2, "GET /order")
    assert [f"{each['file']}:{each['line']}" for each in error["own_frames"]] == [
        "shop/views.py:12",
        "shop/prices.py:3",
    ]
    assert error["own_frames"][-1]["code"] == "return 1 / 0"
    whole = shop.call("get_request", number=error["request_number"])
    assert whole["error"]["own_frames"] == error["own_frames"]
    assert whole["log"][0]["text"] == "looking up 7"


def test_an_error_before_its_request_is_recorded(site: Site):
    """The line of an error may be recorded before its request: its frames are listed already."""
    site.record(line("application.failed", START, request_id="id-/order", **FAILED))
    (error,) = site.call("last_errors")["errors"]
    assert [each["function"] for each in error["own_frames"]] == ["order", "total"]
    assert (error["request"], error["request_number"]) == ("", None)


def test_filters_leave_other_requests_out(shop: Site):
    """Filters leave the others out, and a page names the next one."""
    listed = shop.call("list_requests", limit=2)
    assert [each["path"] for each in listed["requests"]] == ["/order?id=7", "/4"]
    assert "before=5" in listed["more"]
    assert [each["path"] for each in shop.call("list_requests", limit=2, before=5)["requests"]] == ["/3", "/2"]
    assert [each["status"] for each in shop.call("list_requests", status="5xx")["requests"]] == [500]
    assert shop.call("list_requests", q="nowhere")["note"] == "No request matches."


def test_each_part_of_a_request_can_be_asked_for(shop: Site):
    """Each part of a request can be asked for; a note names a part that was not recorded."""
    number = shop.call("list_requests", status="500")["requests"][0]["number"]
    assert shop.call("get_request", number=number, part="traceback")["traceback"] == TRACEBACK
    assert shop.call("get_request", number=number, part="log")["log"][0]["text"] == "looking up 7"
    assert "not recorded" in shop.call("get_request", number=number, part="response")["note"]
    assert shop.call("get_request", number=number, part="queries")["count"] == 0
    assert "not recorded" in shop.call("get_request", number=number, part="effects")["note"]
    assert "Call list_requests" in shop.error("get_request", number=99)


def test_lines_are_found_by_level_event_and_text(shop: Site):
    """Lines are found by level, event and text, also those outside of requests; a request has its own."""
    assert [each["text"] for each in shop.call("get_log", level="error", event="output")["lines"]] == [
        "outside of a request"
    ]
    assert [each["text"] for each in shop.call("get_log", text="LOOKING")["lines"]] == ["looking up 7"]
    assert shop.call("get_log", request=6)["log"][0]["text"] == "looking up 7"
    newest = shop.call("get_log", limit=1)
    assert f"before={newest['lines'][0]['number']}" in newest["more"]
    assert "Call list_requests" in shop.error("get_log", request=99)


def test_a_route_that_became_slower_is_listed_with_the_save(site: Site):
    """A route is listed with its durations before and after the last save, and when the save made it slower."""
    site.record(
        *(request("/slow", START + number, duration_s=0.01) for number in range(5)),
        line("reload.finished", START + 50, generation=2),
        *(request("/slow", START + 60 + number, duration_s=0.5, generation=2) for number in range(5)),
        *(request("/same", START + 60 + number, duration_s=0.01, generation=2) for number in range(5)),
    )
    slow, same = sorted(site.call("list_routes")["routes"], key=lambda each: -len(each["slower"]))
    assert (slow["route"], slow["slower"]) == ("/slow", "50.0 times slower than before the last save")
    assert same["slower"] == ""
    assert len(site.call("list_routes", text="same")["routes"]) == 1


def test_a_failure_has_its_title_place_and_project_frames(site: Site):
    """A failure has its title, its place and the project's frames, in the status and among the errors."""
    details = f'  File "{PROJECT}/app.py", line 4\n    def (\n        ^\nSyntaxError: invalid syntax\n'
    error = {
        "title": "SyntaxError",
        "lead": "",
        "file": f"{PROJECT}/app.py",
        "line": 4,
        "action": "",
        "details": details,
    }
    site.status |= {"state": "broken", "health": "unhealthy", "error": error, "last_error": {"at": "now", **error}}
    site.record()
    for found in (site.call("status")["error"], site.call("last_errors")["broken_now"]):
        assert (found["title"], found["place"]) == ("SyntaxError", "app.py:4")
    site.status |= {"state": "serving", "error": None}
    assert site.call("status")["last_error_fixed_since"]["place"] == "app.py:4"


def test_the_thread_that_runs_the_projects_code_is_listed(site: Site):
    """The thread that runs the project's code is listed, with the requests that have not ended."""
    site.stacks = (
        f'Thread 0x1 (most recent call first):\n  File "/usr/lib/python3.13/ssl.py", line 1 in read\n'
        f'  File "{PROJECT}/shop/pay.py", line 7 in charge\n\nThread 0x2 (most recent call first):\n'
        '  File "/opt/appliance/server/pool.py", line 3 in wait\n'
    )
    slow = {"http.request.method": "POST", "running_s": 10.0, "traceback": TRACEBACK}
    site.record(
        line("request.slow", START, request_id="a", **slow, **{"url.path": "/pay"}),
        line("request.slow", START, request_id="id-/ended", **slow, **{"url.path": "/ended"}),
        request("/ended", START + 20),
    )
    found = site.call("worker_stacks", whole=True)
    (thread,) = found["threads_in_the_project"]
    assert thread["own_frames"] == [{"file": "shop/pay.py", "line": 7, "function": "charge"}]
    assert "ssl.py" in thread["stands_at"]
    assert found["other_threads"] == 1
    assert [each["path"] for each in found["requests_that_still_run"]] == ["/pay"]
    site.stacks = ""
    assert "did not answer" in site.call("worker_stacks")["note"]


def test_each_reload_is_listed_with_its_saves_and_error(site: Site):
    """A reload is listed with the saved files, and a failed one also with its error and place."""
    site.record(
        line("worker.ready", START, generation=1, total_s=0.5),
        line("reload.started", START + 5, files=["app.py"]),
        line("worker.failed", START + 6, generation=2, error="SyntaxError: x", file="app.py", line=3),
    )
    failed, started = site.call("reload_history")["reloads"]
    assert (failed["good"], failed["error"], failed["place"], failed["saved"]) == (
        False, "SyntaxError: x", "app.py:3", ["app.py"],
    )  # fmt: skip
    assert started["good"] is True
    assert len(site.call("reload_history", limit=1)["reloads"]) == 1


@pytest.mark.parametrize("state", ["serving", "broken"])
def test_a_reload_that_ended_before_the_call_is_reported(site: Site, state: str):
    """With the attempt before the save, a reload that has ended already is reported, with its warnings."""
    error = {"title": "NameError: x", "file": f"{PROJECT}/app.py", "line": 2, "details": ""}
    site.status |= {"state": state, "attempt": 5, "generation": 3, "error": error if state == "broken" else None}
    site.record(line("migrations.found", generation=3, level="warning", action="Run migrate."))
    found = site.call("wait_for_reload", after_attempt=4)
    assert found["good"] is (state == "serving")
    assert (found["error"] or {}).get("place") == (None if state == "serving" else "app.py:2")
    assert found["warnings"] == ["migrations.found: Run migrate."]


def test_a_save_without_a_reload_is_reported_in_time(site: Site):
    """If a save reloads nothing, the tool says so after its time, and names templates that are read again."""
    site.record()
    found = site.call("wait_for_reload", timeout_s=1)
    assert found["good"] is None
    assert "after attempt 2" in found["outcome"]


def test_saved_templates_need_no_reload(site: Site):
    """A template that the worker reads again is good without a new generation, and is not waited for to the end."""
    site.record(line("templates.reread", START * 2, files=["base.html"]))
    found = site.call("wait_for_reload", timeout_s=300)
    assert (found["good"], found["saved"]) == (True, ["base.html"])
    assert "Send the requests" in found["next"]


def test_calls_mail_templates_and_caches_are_listed():
    """Outgoing calls, mail, templates and caches are listed with their lines, durations and results."""
    call = {"method": "GET", "url": "http://pay/1", "place": f"{PROJECT}/pay.py:3", "began_s": 0.1, "duration_s": None,
            "status": None, "error": "timed out"}  # fmt: skip
    mail = {"subject": "Hello", "to": ["a@b.test"], "html": "<p>", "place": "", "began_s": 0.2, "duration_s": 0.01}
    details = {"outgoing": [call], "mail": [mail], "templates": [], "memory": {"before_bytes": 1}}
    told = part_of({"details": details}, "effects", PROJECT, 0)
    assert told["outgoing_calls"] == [
        {"method": "GET", "url": "http://pay/1", "status": None, "error": "timed out", "line": "pay.py:3"}
    ]
    assert told["mails"] == [{"subject": "Hello", "to": ["a@b.test"], "ms": 10.0}]
    assert (told["caches"], told["memory"], told["note"]) == ([], {"before_bytes": 1}, "")


def test_a_query_has_its_rows_and_its_error():
    """A query is listed with its line, and with the rows, the types of parameters and the error, if these are known."""
    usual = {"sql": "SELECT ?", "place": f"{PROJECT}/shop.py:3", "began_s": 0.001, "duration_s": 0.5}
    failed = {**usual, "rows": 0, "parameters": "int", "error": "no such table: books"}
    details = {"queries": [{**usual, "rows": None, "parameters": "", "error": ""}, failed], "repeated": []}
    plain, broken = part_of({"details": details}, "queries", PROJECT, 0)["queries"]
    assert plain == {"sql": "SELECT ?", "line": "shop.py:3", "ms": 500.0, "at_ms": 1.0}
    assert (broken["rows"], broken["parameters"], broken["error"]) == (0, "int", "no such table: books")


def test_an_assistant_is_told_how_many_queries_there_were():
    """An assistant learns how many there were, also where the record of the request was too large for them."""
    told = part_of({"details": {"queries": [], "queries_left_out": 1200}}, "queries", PROJECT, 0)
    assert (told["count"], told["not_kept"], told["queries"]) == (1200, 1200, [])
