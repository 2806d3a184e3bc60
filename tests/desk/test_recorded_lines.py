"""The searches of people and assistants in the recorded log."""

from __future__ import annotations

import pytest

from appliance.desk.filters import MOST
from appliance.desk.recorded_lines import LogFilters, left_out, log_lines, unfinished_requests
from appliance.logs.events import EVENTS
from tests.desk.conftest import Recorded
from tests.desk.log_lines import START, line, request

LINES = (
    line("output", START, text="First Ünit", generation=1, level="debug"),
    line("worker.ready", START + 1, generation=1),
    line("output", START + 2, text="100% of _ it", generation=2, level="warning"),
    line("application.failed", START + 3, error="first error", generation=2, level="error"),
    line("appliance.failed", START + 4, level="critical"),
)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"q": "first"}, [4, 1]),
        ({"q": "FIRST"}, [4, 1]),
        ({"q": "100%"}, [3]),
        ({"q": "%"}, [3]),
        ({"q": "nothing of it"}, []),
        ({"event": "output"}, [3, 1]),
        ({"event": "out"}, []),
        ({"level": "debug"}, [5, 4, 3, 2, 1]),
        ({"level": "info"}, [5, 4, 3, 2]),
        ({"level": "warning"}, [5, 4, 3]),
        ({"level": "critical"}, [5]),
        ({"level": "loud"}, [5, 4, 3, 2, 1]),
        ({"generation": 2}, [4, 3]),
        ({"generation": 0}, []),
        ({"run": "run"}, [5, 4, 3, 2, 1]),
        ({"run": "other"}, []),
        ({"before": 3}, [2, 1]),
        ({"after": 3}, [5, 4]),
        ({"after": 0, "limit": 2}, [2, 1]),
        ({"before": 5, "limit": 2}, [4, 3]),
        ({"limit": 1}, [5]),
        ({"since": START + 3}, [5, 4]),
        ({"since": 0.0}, [5, 4, 3, 2, 1]),
        ({"q": "first", "level": "error", "event": "application.failed", "generation": 2, "after": 1}, [4]),
    ],
)
def test_each_filter_lets_its_lines_through(recorded: Recorded, filters: dict[str, object], found: list[int]):
    """The newest line stands first; after a number, the next ones are returned, also newest first."""
    lines = log_lines(recorded(*LINES), LogFilters(**filters))  # type: ignore[arg-type]  # a row of the table above
    assert [each["id"] for each in lines] == found


def test_a_line_is_returned_with_its_fields(recorded: Recorded):
    """A line has all that was logged, and its number."""
    (told,) = log_lines(recorded(*LINES), LogFilters(limit=1, event="application.failed"))
    assert (told["id"], told["event"], told["error"], told["level"]) == (
        4,
        "application.failed",
        "first error",
        "error",
    )


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("", LogFilters()),
        ("q=a+b%20&event=output&run=7", LogFilters(q="a b", event="output", run="7")),
        ("q=one&q=two", LogFilters(q="two")),
        ("level=WARNING", LogFilters(level="warning")),
        ("level=loud", LogFilters()),
        ("generation=2&before=3&after=4&limit=5", LogFilters(generation=2, before=3, after=4, limit=5)),
        ("generation=-1&before=x&after=%C2%B2&limit=1.5", LogFilters()),
        ("before=" + "9" * 15, LogFilters(before=10**15 - 1)),
        ("before=" + "9" * 16, LogFilters()),
        ("limit=0", LogFilters(limit=1)),
        (f"limit={MOST + 1}", LogFilters(limit=MOST)),
        ("since=7&unknown=1", LogFilters()),
        ("q=" + "x" * 300, LogFilters(q="x" * 200)),
        ("&".join(f"q{number}=1" for number in range(49)) + "&q=a", LogFilters(q="a")),
        ("&".join(f"q{number}=1" for number in range(50)) + "&q=a", LogFilters()),
    ],
)
def test_a_query_is_read_as_filters(query: str, filters: LogFilters):
    """A value that can't be read, is too long, or is unknown filters nothing."""
    assert LogFilters.of_query(query) == filters


def test_an_unfinished_request_is_listed_once(recorded: Recorded):
    """A request that was slow and has not ended is listed with its last report; one that ended is not."""
    connection = recorded(
        line("request.slow", START, request_id="a", duration_s=1),
        line("request.slow", START, request_id="b", duration_s=1),
        line("request.slow", START + 1, request_id="a", duration_s=2),
        line("request.slow", START + 1, request_id="c", duration_s=2),
        request("/c", START + 2, request_id="c"),
    )
    assert [(each["request_id"], each["duration_s"]) for each in unfinished_requests(connection, "run")] == [
        ("a", 2),
        ("b", 1),
    ]
    assert unfinished_requests(connection, "other") == []


def test_twenty_unfinished_requests_are_listed(recorded: Recorded):
    """The newest twenty are enough to see what is stuck."""
    connection = recorded(*(line("request.slow", START, request_id=f"{number}") for number in range(25)))
    assert [each["request_id"] for each in unfinished_requests(connection, "run")] == [
        f"{24 - number}" for number in range(20)
    ]


def test_lines_that_were_not_recorded_are_counted(recorded: Recorded):
    """The counts since a time are added up, with the time of the last one; without any there is nothing to tell."""
    connection = recorded(*(line("desk.incomplete", START + number, count=10**number) for number in range(3)))
    assert left_out(connection, START) == {"at": START + 2, "count": 111}
    assert left_out(connection, START + 1) == {"at": START + 2, "count": 110}
    assert left_out(connection, START + 3) is None


def test_the_levels_of_the_log_are_known():
    """A person can ask for the lines of each level that an event has."""
    levels = {level for event in EVENTS.values() for level in event.level.split(", ")}
    assert levels <= {LogFilters.of_query(f"level={level}").level for level in levels}
