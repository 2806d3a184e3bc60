"""The project's own words, for people: a record, a traceback, and repeated lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.project_output.traceback_text import TracebackText, as_text
from appliance.logs.render.colour import Palette
from appliance.logs.render.console import Console
from appliance.logs.render.fold import Fold

OPENING = {"timestamp": "2026-01-02T03:04:05.678901Z", "level": "error", "role": "worker", "generation": 1}
FRAMES = [
    {"file": "/w/.venv/lib/x.py", "line": 1, "function": "run", "source": "view()"},
    {"file": "/w/shop/views.py", "line": 3, "function": "view", "source": "1 / 0"},
    {"file": "/usr/lib/python3.13/json.py", "line": 9, "function": "loads", "source": ""},
]
EXCEPTION = [{"type": "ValueError", "message": "bad", "frames": FRAMES, "notes": ["a note"]}]
FATAL = """Fatal Python error: Segmentation fault

Current thread 0x1 (most recent call first):
  File "/usr/lib/python3.13/ctypes/__init__.py", line 5 in string_at
  File "/w/app.py", line 7 in crash
  File "/w/app.py", line 9 in app

Thread 0x2 (most recent call first):
  File "/w/other.py", line 1 in idle"""


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """The local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")


def shown(*events):
    """Return the text that people see of these events."""
    console = Console(colour=False, root="/w", width=lambda: 0)
    return "".join(console(None, "error", {**OPENING, **event}).decode() for event in events)


def test_a_record_shows_where_it_was_made():
    """A record shows its logger, its message, its extra fields and where it was made, as a link."""
    record = {"event": "project.logged", "logger": "shop", "message": "sold", "file": "/w/shop/views.py", "line": 3}
    assert shown({**record, "extra": {"count": 2}}) == "03:04:05.678 error shop: sold count=2 shop/views.py:3\n"


def test_a_records_exception_is_shown_as_python_prints_it():
    """The exception of a record is shown as Python prints it, what led to it first."""
    cause = {"type": "KeyError", "message": "'a'", "frames": FRAMES[1:2], "of": "cause"}
    record = {"event": "project.logged", "logger": "l", "message": "m", "exception": [*EXCEPTION, cause]}
    lines = [line.strip() for line in shown(record).splitlines()]
    assert lines[1:7] == [
        "Traceback (most recent call last):",
        'File "shop/views.py", line 3, in view',
        "1 / 0",
        "KeyError: 'a'",
        "",
        "The above exception was the direct cause of the following exception:",
    ]
    assert lines[-2:] == ["ValueError: bad", "a note"]


def test_a_traceback_points_at_the_project():
    """The first line of a traceback that is printed tells the exception and the project's innermost frame."""
    text = shown({"event": "output", "stream": "stderr", "text": as_text(EXCEPTION)})
    assert text.startswith("03:04:05.678 err | ValueError: bad shop/views.py:3 in view\n")


def test_a_crash_points_at_the_project():
    """For a fatal error it is the innermost frame of the thread that crashed."""
    summary = TracebackText(Palette(colour=False), "/w").summary(FATAL)
    assert summary == "Fatal Python error: Segmentation fault app.py:7 in crash"


def test_what_is_not_a_traceback_has_no_summary():
    """Text of several lines is shown as it is."""
    assert TracebackText(Palette(colour=False), "/w").summary("one\ntwo") == ""


def test_paths_are_relative():
    """A warning in the project's folder begins with the path in it."""
    text = "/w/app.py:3: UserWarning: careful\n  warn()"
    assert "err | app.py:3: UserWarning" in shown({"event": "output", "stream": "stderr", "text": text})


@given(st.recursive(st.none() | st.text() | st.integers(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
def test_an_exception_with_malformed_parts_is_still_shown(value):
    """An exception with values of any kind in place of its parts is shown somehow."""
    assert isinstance(as_text([value, {"frames": value, "notes": value}]), str)


def test_repetitions_are_counted():
    """Repetitions are counted, and the count is shown with the next event."""
    line = {"event": "output", "stream": "stdout", "text": "again"}
    text = shown(line, line, line, {**line, "text": "other"})
    assert re.sub(r"\d\d:\S+", "T", text).splitlines() == [
        "T out | again",
        f"{' ' * 19}(2 more of the same)",
        "T out | other",
    ]


def test_requests_are_the_same_except_for_their_times():
    """Requests that are answered alike are repetitions, though each has its own id and duration."""
    request = {
        "event": "request.finished",
        "http.request.method": "GET",
        "url.path": "/",
        "http.response.status_code": 200,
    }
    text = shown({**request, "request_id": "a", "duration_s": 0.1}, {**request, "request_id": "b", "duration_s": 0.2})
    assert text.count("\n") == 1
    assert shown(request, {**request, "url.path": "/b"}).count("\n") == 2


def test_a_repeated_event_is_shown_once_a_second():
    """An event repeated for long is shown once a second, with the number of others; a rare one is always shown."""
    now = [0.0]
    fold = Fold(lambda: now[0])
    seen = []
    for _ in range(24):
        seen.append(fold.count("same"))
        now[0] += 0.125
    assert [each for each in seen if each[0]] == [(True, 0), (True, 7), (True, 7)]
    now[0] += 2
    assert fold.count("same") == (True, 7)
    now[0] += 2
    assert fold.count("same") == (True, 0)
