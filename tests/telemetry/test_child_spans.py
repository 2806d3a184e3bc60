"""The spans of queries and outgoing calls, without secrets."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import StatusCode

from appliance.protocol.request_details import EXECUTE, INLINED
from appliance.protocol.traces import Trace
from appliance.telemetry.child_spans import ChildSpans

TRACE = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
CALL = {
    "method": "GET", "url": "http://api:81/a?token=abc&n=1", "place": "/w/a.py:7", "began_us": 10, "took_us": 20,
    "status": 200, "span_id": "c" * 16,
}  # fmt: skip


def query(text: int = 0, place: int = -1, began_us: int = 0, took_us: int = 0, **others: int) -> list[int]:
    """The numbers of a query, as a worker sends them."""
    numbers = {"fetched": -1, "error": -1, "kind": EXECUTE, **others}
    return [text, place, began_us, took_us, -1, numbers["fetched"], -1, numbers["error"], numbers["kind"]]


def steps(**info: Any) -> list[Any]:
    """The steps of a request that began at second 1."""
    children = ChildSpans(Resource({}), InstrumentationScope("test"), ["Ticket"])
    children.mask(["longsecret"])
    return children.of({"trace": list(TRACE), "started_us": 1_000_000, **info})


def test_a_query_is_a_span():
    """A query's span has its times, its text without values, its operation and table, and the line that caused it."""
    texts = ["SELECT * FROM \"books\" WHERE name = 'it''s' AND id IN (1, 2.5)", "/w/a.py:7"]
    (step,) = steps(queries=[query(0, 1, 500, 250)], texts=texts)
    span = step.span
    assert (span.start_time, span.end_time) == (1_000_500_000, 1_000_750_000)
    assert (span.context.trace_id, span.parent.span_id) == (int(TRACE.trace_id, 16), int(TRACE.span_id, 16))
    assert span.name == "SELECT books"
    assert span.attributes == {
        "db.system.name": "other_sql", "db.operation.name": "SELECT", "db.collection.name": "books",
        "db.query.summary": "SELECT books", "code.file.path": "/w/a.py", "code.line.number": 7,
        "db.query.text": 'SELECT * FROM "books" WHERE name = ? AND id IN (?, ?)',
    }  # fmt: skip
    assert (step.metric, step.seconds) == ("db.client.operation.duration", 0.00025)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("BEGIN", "BEGIN"),
        ("insert into a.b values (1)", "INSERT a.b"),
        ("", "other_sql"),
        ("-- odd", "other_sql"),
        ("UPDATE [t] SET x=1", "UPDATE t"),
    ],
)
def test_names_of_queries_are_few(sql: str, name: str):
    """The name is the operation and its table, or less."""
    (step,) = steps(queries=[query()], texts=[sql])
    assert step.span.name == name


def test_values_of_a_driver_are_in_no_span():
    """Parameters that a driver has put into the text, in the quotes of its database, are left out as on the desk."""
    sql = "SELECT * FROM t WHERE a = 'it\\'s mine' AND b = \"also mine\" AND c IN (1, 2)"
    (step,) = steps(queries=[query(kind=EXECUTE | INLINED)], texts=[sql])
    assert step.span.attributes["db.query.text"] == "SELECT * FROM t WHERE a = ? AND b = ? AND c IN (?)"


def test_a_failed_query_is_an_error_of_its_span():
    """A failed query's exception is the error of its span; the number of fetched rows is an attribute."""
    (failed, read) = steps(queries=[query(error=1), query(fetched=7)], texts=["SELECT 1", "OperationalError"])
    assert failed.span.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "OperationalError"
    assert "db.response.returned_rows" not in failed.span.attributes
    assert read.span.attributes["db.response.returned_rows"] == 7


def test_a_call_is_a_span():
    """A call's span has the id that was handed on, the server, and the URL without secrets."""
    (step,) = steps(effects={"calls": [CALL]})
    span = step.span
    assert (f"{span.context.span_id:016x}", span.parent.span_id) == ("c" * 16, int(TRACE.span_id, 16))
    assert (span.start_time, span.end_time, span.name) == (1_000_010_000, 1_000_030_000, "GET")
    assert span.attributes == {
        "http.request.method": "GET", "url.full": "http://api:81/a?token=********&n=1", "server.address": "api",
        "server.port": 81, "http.response.status_code": 200, "code.file.path": "/w/a.py", "code.line.number": 7,
    }  # fmt: skip
    assert "url.full" not in step.attributes


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"status": 404}, "404"), ({"status": None, "error": "ConnectionError: longsecret refused"}, "ConnectionError")],
)
def test_a_failed_call_is_an_error_with_its_secrets_masked(changes: dict[str, Any], error: str):
    """A status of 400 or more, or an exception, is an error of the caller; the secrets of its text are masked."""
    (step,) = steps(effects={"calls": [{**CALL, **changes}]})
    assert step.span.attributes["error.type"] == error
    assert step.span.status.status_code is StatusCode.ERROR
    assert "longsecret" not in str(step.span.status.description)


def test_secrets_are_masked_in_spans():
    """By the name of a parameter, by APPLIANCE_REDACT, and by their text."""
    url = "https://u/a?ticket=1&X-Amz-Signature=2&q=longsecret&ok=3#longsecret"
    (step,) = steps(effects={"calls": [{**CALL, "url": url}]})
    shown = step.span.attributes["url.full"]
    assert shown == "https://u/a?ticket=********&X-Amz-Signature=********&q=********&ok=3#********"
    (ran,) = steps(queries=[query()], texts=["SELECT longsecret"])
    assert "longsecret" not in ran.span.attributes["db.query.text"]


def test_calls_without_a_span_are_left_out():
    """A call that was not handed on, and one that has not ended, cause no failure."""
    without = {name: value for name, value in CALL.items() if name != "span_id"}
    running = {name: value for name, value in CALL.items() if name not in {"took_us", "status"}}
    assert [step.seconds for step in steps(effects={"calls": [without, running]})] == [0.0]
