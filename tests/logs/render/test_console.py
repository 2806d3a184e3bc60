"""The log for people: aligned, short, harmless."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.events import EVENTS
from appliance.logs.render import field_text
from appliance.logs.render.console import Console, terminal_width
from appliance.logs.render.log_fields import FIELDS

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
    """Return the text that people see of an event."""
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


def test_a_request_is_one_aligned_line():
    """A request shows its status, its duration, its method and its target, aligned with the next one."""
    lines = shown("info", "request.finished", **request(**{"url.query": "page=2"})) + shown(
        "error",
        "request.finished",
        **request(**{"http.request.method": "DELETE", "http.response.status_code": 500, "duration_s": 12.3}),
    )
    assert re.sub(r"(?m)^\S+ ", "", lines) == (
        "info  200    3.1 ms GET    /notes?page=2\nerror 500   12.30 s DELETE /notes\n"
    )


def test_a_refused_or_aborted_request_says_why():
    """A refused or aborted request says why, after its known fields."""
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
    """Without a terminal, a target is shown whole."""
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
def test_durations_have_units_for_people(seconds, words):
    """Durations are in units that people read, without a step back where the unit changes."""
    assert f" {words} GET" in shown("info", "request.finished", **request(duration_s=seconds))


def test_an_event_shows_its_fields_by_name():
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
    """Each part of an error's three has a line of its own."""
    text = shown("error", "project.missing", found="/w is not there", expected="a folder", action="mount it")
    assert text.splitlines() == [
        "03:04:05.678 error project.missing",
        "                   found     /w is not there",
        "                   expected  a folder",
        "                   do this   mount it",
    ]


def test_output_is_plain():
    """Output of a project is shown unchanged, after a mark of its stream."""
    assert shown("info", "output", stream="stdout", pid=1, text="hello\tworld") == "03:04:05.678 out | hello\tworld\n"
    assert shown("info", "output", stream="stderr", pid=1, text="oh") == "03:04:05.678 err | oh\n"


def test_a_projects_json_is_shown_on_one_line():
    """A project's JSON line is shown as its message and its other keys, on one line."""
    project = {"level": "info", "message": "a\nb", "n": [1, {"x": None}], "who": "two words"}
    text = shown("info", "output", stream="stdout", project=project)
    assert text == '03:04:05.678 out | "a\\nb" level=info n=1,(x=none) who="two words"\n'


def test_a_part_of_a_long_line_is_marked():
    """A piece of a long line is marked."""
    assert shown("info", "output", stream="stdout", text="x", part=2, more=True).endswith("x [part 2, goes on]\n")
    assert shown("info", "output", stream="stdout", text="x", part=3, more=False).endswith("x [part 3]\n")


def test_a_traceback_marks_the_projects_own_frames():
    """A traceback stands below its event; the project's own frames stand out, their paths relative, the rest is dim."""
    text = shown("error", "application.failed", traceback=TRACEBACK, colour=True)
    assert "\x1b[2m  ... 2 frames in flask, x\x1b[0m\n" in text
    assert '\x1b[1m  File "shop/views.py", line 3, in view\x1b[0m\n                       1 / 0\n' in text
    assert "\x1b[31mZeroDivisionError: division by zero\x1b[0m\n" in text


def test_the_frame_that_raised_is_shown_wherever_it_is():
    """The frame that raised is shown wherever it is, its path without the folder of the installation."""
    raised = TRACEBACK.replace("/w/shop/views.py", "/usr/lib/python3.13/json/decoder.py")
    lines = [line[19:] for line in shown("error", "application.failed", traceback=raised).splitlines()[1:]]
    assert lines == [
        "Traceback (most recent call last):",
        "  ... 2 frames in flask, x",
        '  File "json/decoder.py", line 3, in view',
        "    1 / 0",
        "    ~~^~~",
        "ZeroDivisionError: division by zero",
    ]


def test_frames_of_the_appliance_have_its_name():
    """A frame of the appliance is named by its package, wherever the appliance is installed."""
    own = TRACEBACK.replace("/w/shop/views.py", field_text.__file__)
    assert 'File "appliance/logs/render/field_text.py", line 3, in view\n' in shown(
        "error", "application.failed", traceback=own
    )


def test_of_a_long_list_the_beginning_is_shown():
    """The names of a long list stay in one short line, with the number of the others."""
    text = shown("warning", "migrations.found", count=40, names=[f"shop.{n:04}_change" for n in range(40)])
    assert text.count("shop.") == 9
    assert "shop.0008_change and 31 more" in text
    assert "names=shop.0001\n" in shown("warning", "migrations.found", count=1, names=["shop.0001"])


def test_of_an_exception_group_nothing_but_frames_is_folded():
    """The members of a group, whose library frames are folded after the group's margin, keep their exceptions."""
    text = """  + Exception Group Traceback (most recent call last):
  |   File "/w/a.py", line 1, in f
  |     run()
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/x/site-packages/a/b.py", line 2, in one
    |     two()
    |   File "/x/site-packages/c.py", line 3, in two
    |     three()
    |   File "/w/a.py", line 9, in three
    |     raise ValueError
    | ValueError
    +---------------- 2 ----------------
    | KeyError: 1
    +------------------------------------
"""
    lines = [line[19:] for line in shown("error", "application.failed", traceback=text).splitlines()[1:]]
    expected = text.replace("/w/", "").splitlines()
    expected[6:10] = ["    |   ... 2 frames in a, c"]
    assert lines == expected


def test_paths_of_packages_are_short():
    """An installed package's path is what is imported, in an error, in its traceback and as the place of a record."""
    path = "/cache/uid-0/environments/5f/lib/python3.13/site-packages/flask"
    error = f"ImportError: cannot import name 'x' from 'flask' ({path}/__init__.py)"
    text = shown("error", "worker.failed", error=error, traceback=f"Traceback (most recent call last):\n{error}\n")
    assert text.count("from 'flask' (flask/__init__.py)") == 2
    assert "site-packages" not in text
    record = shown("error", "project.logged", logger="app", message="m", file=f"{path}/app.py", line=8)
    assert record.endswith("app: m flask/app.py:8\n")


def test_a_settings_error_is_shown_once():
    """The three parts of an error are not repeated as fields."""
    fields = {"found": "--threads is 'x'", "setting": "--threads", "origin": "flag", "value": "x"}
    assert shown("error", "settings.invalid", **fields).splitlines()[0] == "03:04:05.678 error settings.invalid"


def test_a_response_that_died_is_an_error_with_its_reason():
    """A response that ended before its end is an error with its reason, whatever its status was."""
    reason = "the application failed after 12 bytes of the response"
    line = shown("info", "request.finished", **request(reason=reason))
    assert line == f"03:04:05.678 error 200    3.1 ms GET    /notes (died: {reason})\n"


def test_several_problems_are_shown_one_by_one():
    """Each problem of the settings has its own three parts, and no part is repeated."""
    problems = [
        {"found": f"APPLIANCE_{name} is 'x'", "expected": "on or off", "action": "Set it.", "setting": name}
        for name in ("RELOAD", "PRELOAD")
    ]
    text = shown("error", "settings.invalid", found="a; b", expected="c", action="d", problems=problems)
    assert [line[19:] for line in text.splitlines()[1:]] == [
        "found     APPLIANCE_RELOAD is 'x'",
        "expected  on or off",
        "do this   Set it.",
        "found     APPLIANCE_PRELOAD is 'x'",
        "expected  on or off",
        "do this   Set it.",
    ]


def test_findings_are_rows():
    """A list of objects is a table with aligned columns; long texts of a list have a row each."""
    findings = [
        {"rule": "FLASK_APP", "looked_at": ".env", "found": "it is not set", "outcome": "nothing"},
        {"rule": "Usual file names", "looked_at": "app.py", "found": "no application", "outcome": "nothing"},
    ]
    issues = ["?: (security.W004) no HSTS in settings", "shop.Item: (models.W042) an implicit primary key"]
    lines = shown("error", "application.missing", findings=findings, issues=issues).splitlines()
    assert [line[19:] for line in lines[1:]] == [
        "findings  FLASK_APP         .env    it is not set   nothing",
        "          Usual file names  app.py  no application  nothing",
        f"issues    {issues[0]}",
        f"          {issues[1]}",
    ]


@pytest.mark.parametrize("output", [["error: no wheel", "  cause: too old"], "error: no wheel\n  cause: too old\n"])
def test_the_lines_of_a_failed_command_are_lines(output):
    """The output of the installer has its own lines, whether the event holds them in a list or in one text."""
    lines = shown("error", "install.failed", found="it failed", output=output, offline=False).splitlines()
    assert [line[19:] for line in lines[-2:]] == ["error: no wheel", "  cause: too old"]


SAMPLES: dict[str, object] = {
    "string": "two words",
    "integer": 3,
    "number": 0.25,
    "boolean": True,
    "array": [{"a": "x", "b": {"c": [1, {"d": None}]}}, {"a": "y"}],
    "object": {"a": {"b": [{"c": 1}]}, "d": [], "e": True},
    "object or string": {"a": [{"b": {"c": "two words"}}]},
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("kind", ["each by its type", "arrays of texts"])
def test_no_event_is_written_as_json_or_python(event, kind):
    """No event of the table has a line in which JSON or Python's notation stands."""
    samples = SAMPLES if kind == "each by its type" else {**SAMPLES, "array": ["a", "two words"]}
    # The exception of a record is rendered as Python prints it: tests of its own.
    fields = {name: samples[FIELDS[name].type] for name in EVENTS[event].fields if name != "exception"}
    text = shown("info", event, **fields)
    assert not re.search(r"""\{["']|\[[{"']|None|True|null""", text), text


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
    """An event with any content shows no character that a terminal would act on, except newline and tab."""
    entry = {**fields, **OPENING, "level": "error", "event": event, "generation": 1}
    text = Console(colour=False, root="/w", width=lambda: 80)(None, "error", entry).decode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)
    # Every line after the first one is indented: it can't pass for an event.
    assert all(line.startswith(" ") for line in text.split("\n")[1:-1])


def test_without_a_terminal_there_is_no_width(capfd):
    """Under a pipe, no width is found, and that is not an error."""
    assert terminal_width() == 0
