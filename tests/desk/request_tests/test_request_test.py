"""The text of a test: it is Python whatever was recorded, and no recorded text becomes code."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.replay.sent_request import ReplayError
from appliance.desk.request_tests.request_test import request_test

FRAMEWORKS = ("Django", "Flask", "WSGI", "")


def recorded(**changed: Any) -> dict[str, Any]:
    """A recorded request, as the database has it."""
    details = {
        "fields": [["Host", "localhost"], ["Accept", "text/html"], ["User-Agent", "x"]], "body": None, "body_note": "",
        "response_fields": [["Content-Type", "text/html"], ["Date", "now"]], "content": "<title>Home</title>",
        "content_note": "",
    }  # fmt: skip
    found = {"id": 17, "method": "GET", "path": "/a", "query": "b=1", "status": 200, "details": details}
    details.update({name: changed.pop(name) for name in list(changed) if name in details})
    return {**found, **changed}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_test_holds_what_lasts(framework: str):
    """Status, type and title are checked; fields of the browser and the date are in no test."""
    made = request_test(recorded(), "shop.wsgi:application", framework)
    ast.parse(made.text)
    assert made.file_name == "test_recorded_get_a.py"
    assert "b'Home'" in made.text
    assert "User-Agent" not in made.text
    assert "USER_AGENT" not in made.text
    assert "'/a?b=1'" in made.text
    assert made.missing == []
    answer = {"response_fields": [["Content-Type", "application/json"]], "content": '{"a": 1}'}
    of_json = request_test(recorded(**answer), "shop.wsgi:application", framework)
    assert ("import json\n" in made.text, "import json\n" in of_json.text) == (False, True)  # a linter would say so


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_masked_values_are_placeholders(framework: str):
    """A masked value has a placeholder and is named in a comment; a cookie or a token is in no test."""
    found = recorded(
        method="POST", query="token=********", body='{"password": "********"}',
        fields=[["Authorization", "Bearer ********"], ["Cookie", "sid=********"], ["Content-Type", "application/json"]],
    )  # fmt: skip
    made = request_test(found, "app:create_app()", framework)
    ast.parse(made.text)
    assert "****" not in made.text
    assert made.missing == ["parameter of the target", "body", "field Authorization", "field Cookie"]
    assert "# The record has these values only masked" in made.text


HOSTILE = [
    '"""\nimport os\nos.abort()\n"""', "' + __import__('os').abort() + '", "<body>", "<checks>\n<import>", "\\",
    "\x00\x85", "\ud800", "{boom}", "%s",
]  # fmt: skip


def calls(text: str) -> set[str]:
    """The names of all that a program calls."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            found.add(node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "?"))
    return found


@pytest.mark.parametrize("framework", FRAMEWORKS)
@given(st.sampled_from(HOSTILE) | st.text(), st.sampled_from(HOSTILE) | st.text(), st.integers(200, 499))
def test_no_recorded_text_becomes_code(framework: str, one: str, other: str, status: int):
    """The program that is written calls the same functions whatever was recorded."""
    found = recorded(
        method=one or "GET", path=f"/{other}", query=one, status=status, body=other,
        fields=[["X-A", one], ["Content-Type", other], ["Accept", other]],
        response_fields=[["Content-Type", one], ["Location", f"/{other}"]],
        content=json.dumps({one: other}),
    )  # fmt: skip
    made = request_test(found, "app:application", framework)
    usual = recorded(content='{"a": 1}', response_fields=[["Content-Type", "a"], ["Location", "/"]])
    plain = request_test(usual, "app:application", framework)
    assert calls(made.text) <= calls(plain.text)
    assert made.file_name.isascii()
    assert "/" not in made.file_name


@pytest.mark.parametrize("path", ["/\U0001f600", "/\udcff", "/a\\ud800"])
def test_a_docstring_has_no_surrogate(path: str):
    """Python 3.13 encodes docstrings at their compilation, so none holds half a character, not even as an escape."""
    docstring = ast.get_docstring(ast.parse(request_test(recorded(path=path), "app:app", "").text))
    assert docstring is not None
    assert docstring.encode().startswith(b"GET /")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_body_has_the_charset_of_its_field(framework: str):
    """The bytes of the body are those that its Content-Type promises."""
    fields = [["Content-Type", "text/plain; charset=latin-1"]]
    assert r"b'caf\xe9'" in request_test(recorded(method="POST", body="café", fields=fields), "app:app", framework).text


@pytest.mark.parametrize(("framework", "written"), [("Django", "'a, b'"), ("Flask", "('X-Tag', 'a'), ('X-Tag', 'b')")])
def test_repeated_fields_are_all_sent(framework: str, written: str):
    """Two fields of one name are joined where a dictionary holds them, as servers join them."""
    fields = [["X-Tag", "a"], ["X-Tag", "b"], ["Cookie", "a=1"], ["Cookie", "b=2"]]
    made = request_test(recorded(fields=fields), "app:app", framework).text
    assert written in made
    assert framework == "Flask" or "'a=1; b=2'" in made


def test_a_failure_is_not_written():
    """A response of status 500 and a request without its head make no test."""
    with pytest.raises(ReplayError, match="Correct it first"):
        request_test(recorded(status=500), "app:application", "")
    with pytest.raises(ReplayError, match="not recorded"):
        request_test({**recorded(), "details": None}, "app:application", "")


@pytest.mark.parametrize(
    ("application", "lines"),
    [
        ("wsgi:application", "from wsgi import application"),
        ("shop.web:app", "from shop.web import app as application"),
        ("app:create_app()", "from app import create_app\n\napplication = create_app()"),
        ("run.py", "from run import app as application  # name"),
        ("a b:c", "from app import app as application  # name"),
        ("class.py:app", "from app import app as application  # name"),
        ("shop.:app", "from app import app as application  # name"),
        ("shop.web:None", "from shop.web import app as application  # name"),
        ("läden:app", "from läden import app as application"),
    ],
)
def test_the_application_is_imported_by_its_name(application: str, lines: str):
    """A factory is called; a name that says too little has a comment."""
    made = request_test(recorded(), application, "Flask").text
    assert lines in made
    ast.parse(made)
