"""Exceptions in the log, in whatever form they were logged."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

import appliance
from appliance.desk.raised_errors import error_of, errors, raised_error
from tests.desk.log_lines import START, line, request

INSTALLED = "/cache/env/lib/python3.13/site-packages/flask/app.py"
LOGGED: dict[str, Any] = {
    "level": "error", "logger": "app", "message": "Exception on /pay [GET]", "file": INSTALLED, "line": 875,
    "exception": [
        {"type": "shop.PayError", "message": "no wallet", "of": "", "frames": [
            {"file": INSTALLED, "line": 1511, "function": "wsgi_app", "source": "self.full_dispatch_request()"},
            {"file": "/w/app.py", "line": 25, "function": "pay", "source": "raise PayError from error"},
            {"file": "<frozen os>", "line": 716, "function": "__getitem__", "source": ""},
        ]},
        {"type": "KeyError", "message": "'WALLET'", "of": "cause", "frames": []},
    ],
}  # fmt: skip
PRINTED = f"""[ERROR] GET /total => Traceback (most recent call last):
  File "{INSTALLED}", line 425, in __call__
    responder(req, resp, **params)
  File "/w/app.py", line 31, in on_get
    return sum(prices)
ValueError: not enough values
and a second line
"""


def entry(event: str, **fields: Any) -> dict[str, Any]:
    """A line of the log."""
    return {"event": event, "level": "error", **fields}


def test_what_a_framework_logs_is_an_exception():
    """A logged exception has the project's innermost place, and a traceback with its cause."""
    found = raised_error(entry("project.logged", **LOGGED))
    assert found is not None
    assert (found["error"], found["file"], found["line"]) == ("shop.PayError: no wallet", "/w/app.py", 25)
    assert found["traceback"].endswith(
        '    raise PayError from error\n  File "<frozen os>", line 716, in __getitem__\nshop.PayError: no wallet\n'
    )
    assert found["traceback"].startswith(
        "Traceback (most recent call last):\nKeyError: 'WALLET'\n\nThe above exception was"
    )


def test_an_error_of_a_library_has_the_servers_place():
    """If no line of the project has run, the place is the library's, and never where the appliance notes a query."""
    hook = f"{Path(appliance.__file__).parent}/worker/instrumentation/query_hooks/driver_methods.py"
    frames = [{"file": INSTALLED, "line": 354}, {"file": hook, "line": 67}]
    logged = {"exception": [{"type": "django.db.utils.OperationalError", "message": "no such table", "frames": frames}]}
    found = raised_error(entry("project.logged", **logged))
    assert found is not None
    assert (found["file"], found["line"]) == (INSTALLED, 354)


def test_what_a_framework_prints_is_an_exception():
    """A printed traceback has its place and its last line as the error."""
    found = raised_error(entry("output", text=PRINTED))
    assert found is not None
    assert (found["error"], found["file"], found["line"]) == ("ValueError: not enough values", "/w/app.py", 31)
    assert found["traceback"].startswith("Traceback")


def test_a_real_traceback_is_read():
    """Python's own traceback of a chain of exceptions is read: the last of them."""
    try:
        try:
            dict[str, str]()["x"]
        except KeyError as error:
            raise ValueError("wrong") from error
    except ValueError:
        text = traceback.format_exc()
    found = raised_error(entry("output", text=text))
    assert found is not None
    assert (found["error"], found["file"]) == ("ValueError: wrong", __file__)


@pytest.mark.parametrize(
    "line_of_the_log",
    [
        entry("output", text="an error"),
        {**entry("output", text=PRINTED), "level": "info"},
        entry("project.logged", message="wrong"),
        {**entry("project.logged", **LOGGED), "level": "warning"},
        entry("worker.failed", error="SyntaxError"),
    ],
    ids=["no traceback", "info", "no exception", "warning", "no request"],
)
def test_other_lines_are_not_exceptions(line_of_the_log: dict[str, Any]):
    """A line without an exception, or of a lower level, tells none."""
    assert raised_error(line_of_the_log) is None


@pytest.mark.parametrize("exception", [[], [None], ["text"], [{}], [{"frames": [{}]}], {"a": 1}])
def test_a_record_of_another_form_is_read_as_far_as_it_goes(exception: Any):
    """A record of another version is read as far as possible."""
    found = raised_error(entry("project.logged", message="wrong", exception=exception))
    assert (found is None) == (exception == [])
    assert found is None or (found["message"] == "wrong" and isinstance(found["error"], str))


def test_one_exception_of_the_server_and_a_framework_counts_once(recorded):
    """If both have logged it, a request has the server's advice and the framework's traceback; it counts once."""
    ours = {"error": "PayError: no wallet", "file": "/w/app.py", "line": 25, "action": "Set WALLET.", "generation": 1}
    failed = {"event": "application.failed", **ours}
    found = error_of([entry("project.logged", **LOGGED), failed])
    assert found is not None
    assert (found["action"], found["traceback"].splitlines()[-1]) == ("Set WALLET.", "shop.PayError: no wallet")
    assert error_of([failed]) == failed
    assert error_of([entry("output", text="x")]) is None
    connection = recorded(
        line("project.logged", START, request_id="id-/pay", **LOGGED),
        line("application.failed", START, request_id="id-/pay", **ours),
        request("/pay", START, status=500),
        line("output", START, level="error", text=PRINTED),
    )
    printed, pay = errors(connection)
    assert (pay["count"], pay["action"], pay["request"], pay["line"]) == (1, "Set WALLET.", 1, 25)
    assert (printed["error"], printed["request"]) == ("ValueError: not enough values", None)
