"""A failure as a page: what is reported of an exception, who gets which form, and that nothing in it can do harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.server.pages.error_page import preferred_format, render, report
from appliance.server.pages.html.page_script import SCRIPT


def raised(source: str, file: Path) -> BaseException:
    """The exception that running ``source`` as ``file`` raises."""
    file.write_text(source, encoding="utf-8")
    try:
        exec(compile(source, str(file), "exec"), {"__name__": "app"})
    except BaseException as error:  # noqa: BLE001  whatever it is
        return error
    raise AssertionError("nothing was raised")


def test_the_place_is_the_innermost_frame_of_the_project(tmp_path: Path):
    """The place is the innermost line of the project's own code, not of the library that it called into."""
    error = raised("import json\n\n\ndef load():\n    return json.loads('{')\n\n\nload()\n", tmp_path / "app.py")
    found = report(error, root=str(tmp_path), kind="import")
    assert (found["file"], found["line"], found["type"]) == (str(tmp_path / "app.py"), 5, "JSONDecodeError")
    assert [frame["own"] for frame in found["exception"]["frames"]][-1] is False
    assert "json.loads('{')" in found["text"]


def test_code_without_a_file_is_not_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Code without a file (a frozen module, exec of a text) is not the project's, even in the current folder."""
    monkeypatch.chdir(tmp_path)
    source = "code = compile('1 / 0', '<frozen os>', 'exec')\nexec(code)\n"
    found = report(raised(source, tmp_path / "app.py"), root=str(tmp_path), kind="import")
    assert (found["file"], found["line"]) == (str(tmp_path / "app.py"), 2)


def test_a_syntax_error_shows_its_line(tmp_path: Path):
    """The place of a syntax error is the source's, and the text shows the line."""
    found = report(raised("x = 1\ndef f(:\n", tmp_path / "app.py"), root=str(tmp_path), kind="import")
    assert (found["file"], found["line"], found["type"]) == (str(tmp_path / "app.py"), 2, "SyntaxError")
    assert "def f(:" in found["text"]


def test_the_causes_of_an_exception_are_shown(tmp_path: Path):
    """The exceptions that led to an exception are in the text."""
    source = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('gone') from error\n"
    text = report(raised(source, tmp_path / "app.py"), root=str(tmp_path), kind="import")["text"]
    assert "ZeroDivisionError" in text
    assert "direct cause" in text


@pytest.mark.parametrize("error", [SystemExit("no"), KeyboardInterrupt(), RuntimeError(), RuntimeError("a\nb")])
def test_any_exception_has_a_title_of_one_line(error: BaseException):
    """Any exception has a title of one line, with a traceback or without."""
    found = report(error, root="/project", kind="import")
    assert found["title"].startswith(type(error).__name__)
    assert "\n" not in found["title"]
    json.dumps(found)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "text"),
        ("*/*", "text"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("application/json", "json"),
        ("application/json, text/plain, */*", "json"),
        ("application/problem+json", "json"),
        ("text/plain;q=0.5, text/html;q=0.4", "text"),
        ("text/html;q=0", "text"),
        ("text/html;q=x, application/json;q=0.1", "json"),
    ],
)
def test_the_accept_field_decides_the_form(accept: str, form: str):
    """The page has the form of the highest quality, and is text if Accept names no form (RFC 9110, 12.5.1)."""
    assert preferred_format(accept) == form


HOSTILE = "<script>alert('&\"')</script>"


def test_html_is_escaped():
    """No text of a page, wherever it stands, becomes markup."""
    page = page_of(HOSTILE)
    kind, body = render(page, "text/html")
    assert kind == "text/html; charset=utf-8"
    assert body.decode().replace(SCRIPT, "").count("<script>") == 1
    assert b"alert('" not in body
    assert body.count(b"alert(") > 30
    assert body.count(b"</textarea>") == 1


REORDERS = "\u202egnp.\u2066\x1b[31m\x07\U000e0041\u200bx"


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
def test_no_character_acts_on_its_reader(accept: str):
    """Controls, bidirectional overrides and invisible characters are written as escapes, in every form of a page."""
    text = render(page_of(REORDERS), accept)[1].decode()
    assert [each for each in REORDERS if each in text and each not in "gnp.[31mx"] == []
    assert "\\u202e" in text


def page_of(text: str) -> dict[str, Any]:
    """A page that has this text wherever a page has one."""
    frame = dict.fromkeys(("file", "line", "function", "source"), text)
    own = {**frame, "own": True, "lines": [[1, text], [text, text]], "marks": [[1, 2, 4]], "locals": [[text, text]]}
    node = {"type": text, "message": text, "notes": [text], "frames": [{**frame, "own": False}, own]}
    return {
        "status": 500,
        "exception": {**node, "before": node, "relation": "cause", "members": [node], "left_members": 0},
        "request": {"method": text, "path": text, **{key: [[text, text]] for key in ("query", "form", "headers")}},
        "saved": {"files": [{"file": text, "what": text, "diff": [f"+{text}", text]}]},
        "log": [text],
        "versions": [[text, text]],
        "root": text,
        "editor": {"name": "vscode", "folder": text},
        **dict.fromkeys(("title", "lead", "action", "file", "line", "details", "text", "message", "type"), text),
    }


def test_html_refreshes_itself():
    """A page that can get better waits for a change of its own version, with a script and without."""
    body = render({"status": 503, "title": "Starting", "refresh": True, "version": 7}, "text/html")[1]
    assert b'data-version="7"' in body
    assert b'http-equiv="refresh"' in body
    assert b"data-version" not in render({"status": 503, "title": "Starting"}, "text/html")[1]


@given(st.text(), st.text(), st.sampled_from(["text/html", "application/json", "text/plain"]))
def test_any_text_can_be_encoded(title: str, details: str, accept: str):
    """Any text, lone surrogates included, becomes bytes in every form."""
    assert render({"status": 500, "title": title + "\ud800", "details": details}, accept)[1]
