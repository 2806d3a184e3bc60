"""A project with styles, an image and a form, and a page of it that is open in Chromium."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.live.live_appliance import Appliance

# A page with a style, an image, a form, and room to scroll; gzip, a strict policy and streaming by its settings.
APP = '''
import gzip, os, wsgiref.util

WORD = "one"
BODY = """<!doctype html>
<html lang="en"><head><title>page</title><link rel="stylesheet" href="/static/site.css"></head>
<body><h1>%s</h1><img src="/static/logo.svg" alt="logo">
<form><input id="name" name="name"><textarea name="text"></textarea><input type="checkbox" name="yes">
<select name="choice"><option>a</option><option>b</option></select></form>
<div id="tall">tall</div></body></html>"""
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'nonce-x'; "
POLICY += "require-trusted-types-for 'script'"

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/static/"):
        kind = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}[path.rpartition(".")[2]]
        with open(path[1:], "rb") as file:
            content = file.read()
        age = [("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT")]  # as Django's static files: no rule for caches
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(content))), *age])
        return [content]
    if path != "/":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such page"]
    headers = [("Content-Type", "text/html; charset=utf-8")]
    body = (BODY % WORD).encode()
    if KIND == "gzip":
        body = gzip.compress(body)
        headers.append(("Content-Encoding", "gzip"))
    if KIND == "policy":
        headers.append(("Content-Security-Policy", POLICY))
    if KIND != "stream":
        headers.append(("Content-Length", str(len(body))))
    start_response("200 OK", headers)
    return (body[at : at + 7] for at in range(0, len(body), 7)) if KIND == "stream" else [body]
'''
FLASK = """
from flask import Flask, render_template

app = Flask(__name__)
WORD = "one"

@app.get("/")
def page():
    return render_template("page.html", word=WORD)
"""
DJANGO = """
import os
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

WORD = "one"
if not settings.configured:
    settings.configure(
        DEBUG=True, SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, STATIC_URL="/static/",
        STATICFILES_DIRS=[os.path.abspath("static")], INSTALLED_APPS=["django.contrib.staticfiles"],
        MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", "django.middleware.http.ConditionalGetMiddleware"],
    )

from django.contrib.staticfiles.urls import staticfiles_urlpatterns

def page(request):
    with open("templates/page.html") as file:
        return HttpResponse(file.read().replace("{{ word }}", WORD))

urlpatterns = [path("", page), *staticfiles_urlpatterns()]
app = get_wsgi_application()
"""
TEMPLATE = """<!doctype html>
<html lang="en"><head><title>page</title><link rel="stylesheet" href="/static/site.css"></head>
<body><h1>{{ word }}</h1><img src="/static/logo.svg" alt="logo">
<form><input id="name" name="name"><textarea name="text"></textarea><input type="checkbox" name="yes">
<select name="choice"><option>a</option><option>b</option></select></form>
<div id="tall">tall</div></body></html>"""
STYLE = "h1 {{ color: rgb({0}, {0}, {0}) }} #tall {{ height: 4000px }}"
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="10"></svg>'
PLAIN = {kind: f"KIND = {kind!r}\n{APP}" for kind in ("identity", "gzip", "policy", "stream")}
PROJECTS = {
    **{kind: (text, "") for kind, text in PLAIN.items()},
    "flask": (FLASK, "flask"),
    "django": (DJANGO, "django"),
}


class Site:
    """A served project, and a page of it that is open."""

    def __init__(self, appliance: Appliance, page: Any, source: str) -> None:
        self.appliance = appliance
        self.page = page
        self.source = source
        self.loads = 0
        self.errors: list[str] = []
        page.on("load", lambda _: setattr(self, "loads", self.loads + 1))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.url = f"http://localhost:{appliance.port}/"
        self.open()

    def open(self) -> None:
        """Load the page, and wait until it hears what the appliance says."""
        with self.page.expect_response(lambda response: response.url.endswith("/client.js")):
            self.page.goto(self.url)

    def save(self, word: str) -> None:
        """Save the code with another word."""
        self.appliance.edit("app.py", self.source.replace('"one"', f'"{word}"'))

    def shows(self, word: str) -> None:
        """Wait until the page shows this word, and nothing lies over it."""
        self.until(
            f"document.readyState === 'complete' && document.querySelector('h1')?.textContent === '{word}'"
            " && !document.querySelector('appliance-error')"
        )

    def until(self, script: str) -> None:
        """Wait until this holds. A page's policy may forbid what playwright's own wait uses."""
        self._until(lambda: self._holds(script), script)

    def until_true(self, holds: Callable[[], bool]) -> None:
        """Wait until this holds, while the browser works."""
        self._until(holds, "it does not hold")

    def until_loaded_after(self, loads: int) -> None:
        """Wait until the page has loaded more often than this."""
        self._until(lambda: self.loads > loads, f"the page has loaded {loads} times, and does not load again")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, what
            self.page.wait_for_timeout(5)

    def _holds(self, script: str) -> bool:
        try:
            return bool(self.page.evaluate(script))
        except Exception as error:
            if "navigation" not in str(error):  # the page that was asked has gone
                raise
            return False

    def fill(self) -> None:
        """Type into the form, and scroll."""
        self.page.fill("#name", "typed")
        self.page.fill("textarea", "some\ntext")
        self.page.check("[name=yes]")
        self.page.select_option("select", "b")
        self.page.evaluate("scrollTo(0, 1200)")

    def filled(self) -> list[Any]:
        """Return the values of the form, and the scroll position of the page."""
        form = "(({name, text, yes, choice}) => [name.value, text.value, yes.checked, choice.value])"
        return [*self.page.evaluate(f"{form}(document.forms[0].elements)"), self.page.evaluate("scrollY")]


FILLED = ["typed", "some\ntext", True, "b", 1200]  # what ``Site.filled`` returns after ``Site.fill``
