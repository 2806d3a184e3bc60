"""A saved template is served at once: without a new generation where the framework reads it again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance
from tests.thorough import first

Start = Callable[..., Appliance]

FLASK = """
from flask import Flask, render_template

app = Flask(__name__)
app.debug = {debug}

@app.get("/")
def page():
    return render_template("page.html")
"""
DJANGO = """
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.shortcuts import render
from django.urls import path

if not settings.configured:
    settings.configure(
        DEBUG={debug}, SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
        TEMPLATES=[{{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["templates"]}}],
    )

urlpatterns = [path("", lambda request: render(request, "page.html"))]
app = get_wsgi_application()
"""
PLAIN = """
from jinja2 import Environment, FileSystemLoader

environment = Environment(loader=FileSystemLoader("templates"), auto_reload={debug})

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [environment.get_template("page.html").render().encode()]
"""
PAGE = '{{% extends "base.html" %}}{{% block body %}}<h1>{}</h1>{{% endblock %}}'
BASE = "<!doctype html><title>{}</title>{{% block body %}}{{% endblock %}}"
PROJECTS = {"flask": FLASK, "django": DJANGO, "jinja": PLAIN}


@pytest.fixture
def served(start: Start, project: Path) -> Callable[..., Appliance]:
    """Serve one of the projects."""

    def serve(text: str) -> Appliance:
        (project / "templates").mkdir()
        (project / "templates" / "page.html").write_text(PAGE.format("one"), encoding="utf-8")
        (project / "templates" / "base.html").write_text(BASE.format("base"), encoding="utf-8")
        (project / "app.py").write_text(text, encoding="utf-8")
        appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=sys.executable)
        appliance.wait_for("worker.ready")
        assert b"<h1>one" in appliance.get()[1]
        return appliance

    return serve


def save(appliance: Appliance, name: str, text: str) -> None:
    """Save a template that is read again; once more if this machine is so busy that the worker answers too late."""
    appliance.edit(name, text)
    while (event := appliance.next_event("templates.reread"))["event"] != "templates.reread":
        if event["event"] == "templates.cached":
            assert "in time" in event["reason"]
            appliance.wait_for("reload.finished")
            appliance.get()
            appliance.edit(name, text := f"{text} ")
    assert event["files"] == [name]


@pytest.mark.parametrize("kind", first(PROJECTS))
def test_a_template_that_is_read_again_starts_no_generation(served: Callable[..., Appliance], kind: str):
    """The next request shows the template, its parent and a new one that it includes; one event says why."""
    appliance = served(PROJECTS[kind].format(debug=True))
    for number in range(3):
        save(appliance, "templates/page.html", PAGE.format(f"saved {number}"))
        assert f"<h1>saved {number}".encode() in appliance.get()[1]
    save(appliance, "templates/base.html", BASE.format("parent"))
    assert b"<title>parent" in appliance.get()[1]
    save(appliance, "templates/new.html", "<p>new")
    save(appliance, "templates/page.html", PAGE.format('{% include "new.html" %}'))
    assert b"<p>new" in appliance.get()[1]


@pytest.mark.parametrize("kind", first(PROJECTS))
def test_a_template_that_is_cached_starts_a_generation(served: Callable[..., Appliance], kind: str):
    """Without the framework's debug mode it keeps what it has compiled: the worker is restarted."""
    appliance = served(PROJECTS[kind].format(debug=False))
    appliance.edit("templates/page.html", PAGE.format("two"))
    assert appliance.wait_for("templates.cached")["reason"]
    appliance.wait_for("reload.finished")
    assert b"<h1>two" in appliance.get()[1]


@pytest.mark.whole
def test_code_in_the_same_burst_starts_a_generation(served: Callable[..., Appliance]):
    """A template and a module that are saved together are one reload."""
    source = PROJECTS["flask"].format(debug=True)
    appliance = served(source)
    (appliance.project / "templates" / "page.html").write_text(PAGE.format("two"), encoding="utf-8")
    appliance.edit("app.py", f"{source}\n# saved\n")
    while appliance.wait_for("reload.finished")["generation"] < 2:
        pass
    assert b"<h1>two" in appliance.get()[1]


@pytest.mark.whole
@pytest.mark.parametrize("kind", PROJECTS)
def test_a_corrected_template_is_served_again(served: Callable[..., Appliance], kind: str):
    """The error is the next request's; the corrected template, or one that was removed and is back, is served again."""
    appliance = served(PROJECTS[kind].format(debug=True))
    for number, broken in enumerate(["{% if %}", None]):
        page = appliance.project / "templates" / "page.html"
        page.unlink() if broken is None else page.write_text(broken, encoding="utf-8")
        while appliance.get()[0].status != 500:
            appliance.next_event()
        # Werkzeug's debugger keeps the frames of the exception, and what was compiled before in them: a restart.
        appliance.edit("templates/page.html", PAGE.format(f"corrected {number}"))
        while f"<h1>corrected {number}".encode() not in appliance.get()[1]:
            appliance.next_event()
