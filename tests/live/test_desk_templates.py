"""The templates and caches of a request, with real releases of Django, Jinja2 and Flask-Caching."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance
from tests.live.test_desk_outgoing import of_request
from tests.releases import environment
from tests.thorough import THOROUGH

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]
DJANGO = """
import django
from django.conf import settings
TEMPLATES = {
    "page.html": '{% extends "base.html" %}{% block body %}'
        '{% for n in "abc" %}{% include "row.html" %}{% endfor %}{% endblock %}',
    "base.html": "<body>{% block body %}{% endblock %}</body>",
    "row.html": "<p>{{ n }}</p>",
}
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", TEMPLATES)]}}],
)
django.setup()
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.shortcuts import render
from django.urls import path

def page(request):
    cache.get("absent"); cache.set("one", None); cache.get("one", "default"); cache.get_or_set("two", 2)
    cache.get_many(["one", "two", "three"]); cache.set_many({"four": 4, "five": 5})
    return render(request, "page.html")

urlpatterns = [path("", page)]
app = get_wsgi_application()
"""
FLASK = """
import flask, flask_caching, jinja2
app = flask.Flask(__name__)
app.jinja_loader = jinja2.DictLoader(
    {"page.html": "{% for n in 'abc' %}{% include 'row.html' %}{% endfor %}", "row.html": "{{ n }}"}
)
cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})

@cache.memoize()
def slow(number):
    return number + 1

@app.route("/")
def page():
    slow(1); slow(1)
    cache.get_many("x", "y")
    return flask.render_template("page.html") + flask.render_template_string("{{ 1 }}")
"""
DJANGOS = [("3.10", "django==3.2.25"), ("3.13", "django==6.0")]
FLASKS = [
    ("3.13", ["flask==3.1.2", "jinja2==3.1.6", "flask-caching==2.3.1"]),
    ("3.10", ["flask==2.0.3", "werkzeug==2.0.3", "jinja2==3.0.3", "flask-caching==1.11.1", "markupsafe==2.0.1"]),
]


@pytest.mark.parametrize(("python", "pin"), DJANGOS if THOROUGH else DJANGOS[:1])
def test_templates_and_caches_of_django_are_counted(start: Starting, project: Path, python: str, pin: str):
    """Included and extended templates are noted; a cache by its hits, misses and writes; and the memory."""
    found = environment(python, pin, project=DJANGO)
    (project / "app.py").write_text(DJANGO, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=str(found / "bin" / "python"))
    appliance.wait_for("worker.ready")
    answer, details = of_request(appliance, "/?1")
    assert b"<p>b</p>" in answer
    counted = {each["name"]: each["count"] for each in details["templates"]}
    assert counted == {"page.html": 1, "base.html": 1, "row.html": 3}
    times = {each["name"]: each["duration_s"] for each in details["templates"]}
    assert times["page.html"] >= times["base.html"] >= times["row.html"] > 0
    (cache,) = details["cache"]
    assert (cache["name"], cache["hits"], cache["misses"], cache["writes"]) == ("default", 3, 3, 3)
    assert 1_000_000 < details["memory"]["before_bytes"] < 1_000_000_000
    shown = appliance.command("requests", "1").stdout
    assert "Cache default: 3 hits, 3 misses, 3 writes" in shown
    assert "Memory: " in shown
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]


@pytest.mark.parametrize(("python", "pins"), FLASKS if THOROUGH else FLASKS[:1])
def test_templates_and_caches_of_flask_are_counted(start: Starting, project: Path, python: str, pins: list[str]):
    """A template of Jinja counts with what it includes."""
    found = environment(python, *pins, project=FLASK)
    (project / "app.py").write_text(FLASK, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=str(found / "bin" / "python"))
    appliance.wait_for("worker.ready")
    answer, details = of_request(appliance, "/?1")
    assert answer == b"abc1"
    assert [(each["engine"], each["name"], each["count"]) for each in details["templates"]] == [
        ("Jinja", "page.html", 1), ("Jinja", "", 1),
    ]  # fmt: skip
    (cache,) = details["cache"]
    assert cache["name"] == "Flask-Caching"
    assert cache["hits"] >= 1
    assert cache["misses"] >= 3
    assert cache["writes"] >= 1
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]
