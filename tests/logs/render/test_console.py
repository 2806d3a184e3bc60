"""The log for people: aligned, short, harmless."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.render.console import Console, terminal_width

OPENING = {"timestamp": "2026-01-02T03:04:05.678901Z", "role": "supervisor"}
TRACEBACK = """Traceback (most recent call last):
  File "/usr/lib/python3.13/site-packages/flask/app.py", line 9, in call
    run()
  File "/w/.venv/lib/site-packages/x.py", line 2, in run
    view()
  File "/w/shop/views.py", line 3, in view
    1 / 0
    ~~^~~
ZeroDivisionError: division by zero
"""
ANY = st.text(alphabet=st.characters(codec=None))


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """The local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")


def shown(level, event, *, colour=False, width=0, role="supervisor", generation=None, **fields):
    """What people see of an event."""
    entry = {**OPENING, "level": level, "event": event, "role": role, **fields}
    if generation is not None:
        entry["generation"] = generation
    console = Console(colour=colour, root="/w", width=lambda: width)
    return console(None, level, entry).decode()


def request(**changes):
    """The fields of an access event."""
    return {
        "http.request.method": "GET",
        "url.path": "/notes",
        "http.response.status_code": 200,
        "duration_s": 0.00312,
        "role": "worker",
        "generation": 2,
    } | changes


def test_a_request():
    """A request shows its status, its duration, its method and its target, aligned with the next one."""
    lines = shown("info", "request.finished", **request(**{"url.query": "page=2"})) + shown(
        "error",
        "request.finished",
        **request(**{"http.request.method": "DELETE", "http.response.status_code": 500, "duration_s": 12.3}),
    )
    assert re.sub(r"(?m)^\S+ ", "", lines) == (
        "info  200    3.1 ms GET    /notes?page=2\nerror 500   12.30 s DELETE /notes\n"
    )


def test_a_request_that_did_not_end_well():
    """A refused or aborted request says why, behind what is known of it."""
    fields = {"reason": "no Host", "http.response.status_code": 400, "duration_s": 0.0001}
    assert shown("warning", "request.refused", **fields).endswith("warn  400    0.1 ms -       (refused: no Host)\n")
    aborted = request(reason="the client left") | {"http.response.status_code": None}
    assert "---    3.1 ms GET    /notes (aborted: the client left)" in shown("warning", "request.aborted", **aborted)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_long_target_fits_the_terminal(width):
    """A target that is longer than the terminal is wide is cut, and shown to be."""
    line = shown("info", "request.finished", width=width, **request(**{"url.path": "/" + "x" * 500}))
    assert len(line) <= width + 1
    assert line.endswith("...\n")


def test_without_a_terminal_nothing_is_cut():
    """Where there is no terminal, a target is shown whole."""
    assert "x" * 500 in shown("info", "request.finished", **request(**{"url.path": "/" + "x" * 500}))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 ms"),
        (0.00004, "0.0 ms"),
        (0.0994, "99.4 ms"),
        (0.0996, "100 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (59.99, "59.99 s"),
        (59.996, "1 min 0 s"),
        (125, "2 min 5 s"),
    ],
)
def test_durations(seconds, words):
    """Durations are in units that people read, without a step back where the unit changes."""
    assert f" {words} GET" in shown("info", "request.finished", **request(duration_s=seconds))


def test_an_event():
    """An event shows its name, what speaks for itself, and its other fields by name; paths are relative."""
    line = shown("info", "worker.ready", generation=3, application="shop:app", import_s=0.35, pid=12)
    assert line == "03:04:05.678 info  worker.ready       shop:app import=350ms pid=12 (generation 3)\n"
    line = shown(
        "error", "application.failed", role="worker", generation=3, error="KeyError: 'a b'", file="/w/a.py", line=7
    )
    assert line == "03:04:05.678 error application.failed KeyError: 'a b' file=a.py:7 (worker 3)\n"
    line = shown("info", "reload.started", files=["/w/a.py", "/w/b/c.py"], note="two words")
    assert line == '03:04:05.678 info  reload.started     files=a.py,b/c.py note="two words"\n'


def test_an_error_has_three_lines():
    """An error's three parts stand on lines of their own."""
    text = shown("error", "project.missing", found="/w is not there", expected="a folder", action="mount it")
    assert text.splitlines() == [
        "03:04:05.678 error project.missing",
        "                   found     /w is not there",
        "                   expected  a folder",
        "                   do this   mount it",
    ]


def test_output_is_plain():
    """What a project prints is shown as it is, behind a mark of its stream."""
    assert shown("info", "output", stream="stdout", pid=1, text="hello\tworld") == "03:04:05.678 out | hello\tworld\n"
    assert shown("info", "output", stream="stderr", pid=1, text="oh") == "03:04:05.678 err | oh\n"


def test_a_projects_json():
    """A project's JSON line is shown as its message and its other keys, on one line."""
    project = {"level": "info", "message": "a\nb", "n": [1, {"x": None}], "who": "two words"}
    text = shown("info", "output", stream="stdout", project=project)
    assert text == '03:04:05.678 out | "a\\nb" level=info n=[1, {"x": null}] who="two words"\n'


def test_a_part():
    """A piece of a long line is marked."""
    assert shown("info", "output", stream="stdout", text="x", part=2, more=True).endswith("x [part 2, goes on]\n")
    assert shown("info", "output", stream="stdout", text="x", part=3, more=False).endswith("x [part 3]\n")


def test_a_traceback():
    """A traceback stands below its event; the project's own frames stand out, their paths relative, the rest is dim."""
    text = shown("error", "application.failed", traceback=TRACEBACK, colour=True)
    assert '\x1b[2m  File "/usr/lib/python3.13/site-packages/flask/app.py", line 9, in call\x1b[0m\n' in text
    assert '\x1b[2m  File ".venv/lib/site-packages/x.py", line 2, in run\x1b[0m\n' in text
    assert '\x1b[1m  File "shop/views.py", line 3, in view\x1b[0m\n                       1 / 0\n' in text
    assert "\x1b[31mZeroDivisionError: division by zero\x1b[0m\n" in text


def test_a_traceback_loses_no_line():
    """Without colour, a traceback is the text that it was but for the project's folder."""
    lines = shown("error", "application.failed", traceback=TRACEBACK).splitlines()[1:]
    assert [line[19:] for line in lines] == TRACEBACK.replace("/w/", "").splitlines()


@pytest.mark.parametrize(("status", "code"), [(200, 32), (302, 36), (404, 33), (500, 31), (None, 31)])
def test_the_status_decides_the_colour(status, code):
    """Each class of status has its colour."""
    text = shown("info", "request.finished", colour=True, **request(**{"http.response.status_code": status}))
    assert f"\x1b[{code}m{status or '---'}\x1b[0m" in text


NAMES = ["error", "file", "found", "http.request.method", "http.response.status_code", "duration_s", "line", "project"]
NAMES += ["reason", "stream", "text", "traceback", "url.path", "url.query"]
VALUES = ANY | st.integers() | st.floats() | st.none() | st.lists(ANY) | st.dictionaries(ANY, ANY)


@given(
    st.sampled_from(["output", "request.finished", "request.aborted", "application.failed"]),
    st.dictionaries(st.sampled_from(NAMES) | ANY, VALUES),
)
def test_nothing_harms_the_terminal(event, fields):
    """Whatever an event holds, no character that a terminal would act on is written but newline and tab."""
    entry = {**fields, **OPENING, "level": "error", "event": event, "generation": 1}
    text = Console(colour=False, root="/w", width=lambda: 80)(None, "error", entry).decode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)
    # What follows the first line is indented: it can't pass for an event.
    assert all(line.startswith(" ") for line in text.split("\n")[1:-1])


def test_without_a_terminal_there_is_no_width(capfd):
    """Under a pipe, no width is found, and that is no error."""
    assert terminal_width() == 0
