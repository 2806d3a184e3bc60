"""A page as JSON: problem details for HTTP APIs (RFC 9457)."""

from __future__ import annotations

import json
from pathlib import Path

from appliance.server.pages.error_page import render, report
from tests.server.pages.test_error_page import raised


def test_an_exception_has_a_type_and_a_detail(tmp_path: Path):
    """The type and its title are those of the problem; the detail is the occurrence's, and extensions have the rest."""
    error = raised("1 / 0\n", tmp_path / "app.py")
    page = {"status": 500, "request_id": "abc", **report(error, root=str(tmp_path), kind="request")}
    kind, body = render(page, "application/json")
    problem = json.loads(body)
    assert kind == "application/problem+json"
    assert problem["type"] == "urn:problem-type:appliance:application-failed"
    assert problem["title"] == "The application raised an exception"
    assert problem["status"] == 500
    assert problem["detail"] == "ZeroDivisionError: division by zero"
    assert problem["instance"] == "urn:request:abc"
    assert problem["exception_type"] == "ZeroDivisionError"
    assert problem["exception"]["frames"][-1]["line"] == 1
    assert problem["text"].endswith("ZeroDivisionError: division by zero\n")


def test_an_unknown_type_has_the_phrase_of_its_status():
    """A page of no known type of problem has the status' own phrase (RFC 9457, 4.2.1)."""
    problem = json.loads(
        render({"status": 503, "title": "Starting", "refresh": True, "version": 3}, "application/json")[1]
    )
    assert problem == {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "Starting"}
