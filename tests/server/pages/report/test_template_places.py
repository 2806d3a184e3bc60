"""An exception in a template is shown at the template's own line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
import pytest
from django.template import Engine
from jinja2 import Environment, FileSystemLoader

from appliance.server.pages.error_page import report

PAGE = "<p>\n{% if user %}\n  {{ user.name.fails }}\n{% endif %}\n"


class Name:
    """A value of a context."""

    @property
    def fails(self) -> str:
        raise LookupError("no such name")


def place(call: Any, root: Path) -> tuple[str, int, list[list[Any]]]:
    """Return the place that the report of the call's exception names: the file, the line, and the lines around it."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  whatever it is
        found = report(error, root=str(root), kind="request")
        frame = next(each for each in reversed(found["exception"]["frames"]) if each["own"])
        assert (frame["file"], frame["line"]) == (found["file"], found["line"])
        return Path(found["file"]).name, found["line"], frame["lines"]
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("text", "line"),
    [(PAGE, 3), ("{% if x %}\n{{ a b }}\n{% endif %}", 2), ("a\n\n{% nothing %}\n", 3)],
    ids=["running", "syntax", "tag"],
)
def test_jinja2s_errors_have_their_line(text: str, line: int, tmp_path: Path):
    """Jinja2's errors, those of its syntax too, are at the template's line."""
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    environment = Environment(loader=FileSystemLoader(tmp_path), autoescape=True)
    user = {"name": Name()}
    name, number, lines = place(lambda: environment.get_template("page.html").render(user=user), tmp_path)
    assert (name, number) == ("page.html", line)
    assert [line, text.splitlines()[line - 1]] in lines


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(("text", "line"), [(PAGE, 3), ("a\n\n{% nothing %}\n", 3)], ids=["running", "syntax"])
def test_djangos_errors_have_their_line(text: str, line: int, debug: bool, tmp_path: Path):
    """Django's errors are at the template's line, with its debugging and without."""
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    engine = Engine(dirs=[str(tmp_path)], debug=debug, builtins=[], libraries={})
    assert django.VERSION

    class User:
        name = Name()

    def render() -> str:
        from django.template import Context  # noqa: PLC0415  as in a project

        return str(engine.get_template("page.html").render(Context({"user": User})))

    name, number, lines = place(render, tmp_path)
    assert (name, number) == ("page.html", line)
    assert [line, text.splitlines()[line - 1]] in lines


@pytest.mark.parametrize("compiled", [True, False], ids=["to a folder", "in memory"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<p>\n% if user:\n  ${user.fails}\n% endif\n", 3),
        ("<p>\n${user.fails}", 2),
        ("<p>\n% for x in y:\n</p>\n", 2),
        ("<p>\n${user.}\n</p>\n", 2),
    ],
    ids=["running", "last line", "syntax", "expression"],
)
def test_makos_errors_have_their_line(text: str, line: int, compiled: bool, tmp_path: Path):
    """Mako's errors, those of its syntax too, are at the template's line, wherever its compiled modules are."""
    lookup = pytest.importorskip("mako.lookup", reason="not run: there is no Mako")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    folder = str(tmp_path / "compiled") if compiled else None
    templates = lookup.TemplateLookup([str(tmp_path)], module_directory=folder)
    name, number, lines = place(lambda: templates.get_template("page.html").render(user=Name()), tmp_path)
    assert (name, number) == ("page.html", line)
    assert [line, text.splitlines()[line - 1]] in lines


def test_jinja2s_columns_are_not_marked(tmp_path: Path):
    """The columns of what Jinja2 compiles are not those of the template, so none are marked."""
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    environment = Environment(loader=FileSystemLoader(tmp_path), autoescape=True)
    try:
        environment.get_template("page.html").render(user={"name": Name()})
    except Exception as error:  # noqa: BLE001  whatever it is
        frames = report(error, root=str(tmp_path), kind="request")["exception"]["frames"]
    assert [frame["marks"] for frame in frames if frame["file"].endswith("page.html")] == [[]]
