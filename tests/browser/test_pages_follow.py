"""Open pages follow the code: in Chromium, with real projects."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import Appliance

Starting = Callable[..., Appliance]
Opening = Callable[..., Any]

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
        deadline = time.monotonic() + 30
        while not self._holds(script):
            assert time.monotonic() < deadline, script
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
        """What the form holds, and where the page stands."""
        form = "(({name, text, yes, choice}) => [name.value, text.value, yes.checked, choice.value])"
        return [*self.page.evaluate(f"{form}(document.forms[0].elements)"), self.page.evaluate("scrollY")]


FILLED = ["typed", "some\ntext", True, "b", 1200]


@pytest.fixture
def opened(start: Starting, project: Path, new_page: Opening) -> Callable[..., Site]:
    """Serve a kind of project, and open its page."""

    def site(kind: str = "identity", **settings: str) -> Site:
        source, requirement = PROJECTS[kind]
        for folder, name, text in (
            ("static", "site.css", STYLE.format(1)),
            ("static", "logo.svg", LOGO.format(10)),
            ("templates", "page.html", TEMPLATE),
        ):
            (project / folder).mkdir(exist_ok=True)
            (project / folder / name).write_text(text, encoding="utf-8")
        if requirement:
            (project / "requirements.txt").write_text(f"{requirement}\n", encoding="utf-8")
        (project / "app.py").write_text(source, encoding="utf-8")
        appliance = start(**settings)
        appliance.wait_for("worker.ready", within_s=60)
        return Site(appliance, new_page(), source)

    return site


@pytest.mark.parametrize("kind", PROJECTS)
def test_a_page_follows_what_is_saved(opened: Callable[..., Site], kind: str):
    """Styles and images change in place; the page follows code, an error, its correction; form and scroll stay."""
    site = opened(kind)
    site.fill()
    assert site.filled() == FILLED
    site.appliance.edit("static/site.css", STYLE.format(77))
    site.until("getComputedStyle(document.querySelector('h1')).color === 'rgb(77, 77, 77)'")
    site.appliance.edit("static/logo.svg", LOGO.format(33))
    site.until("document.querySelector('img').naturalWidth === 33")
    assert (site.loads, site.filled()) == (1, FILLED)
    site.save("two")
    site.shows("two")
    assert (site.loads, site.filled()) == (2, FILLED)
    site.appliance.edit("app.py", "def (\n")
    site.page.wait_for_selector("appliance-error", state="attached")
    assert "SyntaxError" in site.page.evaluate("document.querySelector('appliance-error').shadowRoot.textContent")
    assert site.loads == 2
    site.save("three")
    site.shows("three")
    assert (site.loads, site.filled()) == (3, FILLED)
    assert site.errors == []


@pytest.mark.parametrize("kind", ["identity", "flask"])
def test_the_page_of_a_failed_request_follows_too(opened: Callable[..., Site], kind: str):
    """An exception has its page, whether a framework catches it or the server does; the corrected code replaces it."""
    site = opened(kind)
    broken = {"identity": ("body = (BODY % WORD)", "body = (BODY % missing)"), "flask": ("word=WORD", "word=missing")}
    site.appliance.edit("app.py", site.source.replace(*broken[kind]))
    site.until("document.querySelector('h1')?.textContent.startsWith('NameError')")
    site.save("two")
    site.shows("two")


COLOUR = "getComputedStyle(document.querySelector('h1')).color"


@pytest.mark.parametrize("kind", ["identity", "policy"])
def test_no_old_file_comes_from_the_cache(opened: Callable[..., Site], kind: str):
    """A style that a browser may keep for years is the saved one after a load of the page, in a new tab, and later."""
    site = opened(kind)
    site.appliance.edit("static/site.css", STYLE.format(77))
    site.until(f"{COLOUR} === 'rgb(77, 77, 77)'")
    site.save("two")
    site.shows("two")
    assert site.page.evaluate(COLOUR) == "rgb(77, 77, 77)"
    tab = site.page.context.new_page()
    tab.goto(site.url)
    assert tab.evaluate(COLOUR) == "rgb(77, 77, 77)"
    tab.close()
    site.page.goto("about:blank")  # no page is open now
    site.appliance.edit("static/site.css", STYLE.format(88))
    site.open()
    site.until(f"{COLOUR} === 'rgb(88, 88, 88)'")
    site.open()
    assert site.page.evaluate(COLOUR) == "rgb(88, 88, 88)"


RESPONSIVE = '<picture><source srcset="/static/logo.svg"><img alt="logo"></picture>'


def test_an_image_of_several_sources_is_the_saved_one(opened: Callable[..., Site]):
    """An image that the browser chooses from several sources loads the page again."""
    site = opened()
    site.source = site.source.replace('<img src="/static/logo.svg" alt="logo">', RESPONSIVE)
    site.save("two")
    site.shows("two")
    site.until("document.querySelector('img').naturalWidth === 10")
    site.appliance.edit("static/logo.svg", LOGO.format(33))
    site.until("document.querySelector('img')?.naturalWidth === 33")


def test_no_old_script_comes_from_the_cache(opened: Callable[..., Site], project: Path):
    """A script that a browser may keep for years, and a module that it imports, run as they were saved."""
    main, part = project / "static" / "main.js", project / "static" / "part.js"
    site = opened()
    for file, text in (
        (part, 'export const word = "one";'),
        (main, 'import {word} from "./part.js"; document.title = word;'),
    ):
        file.write_text(text, encoding="utf-8")
    site.source = site.source.replace("</body>", '<script type="module" src="/static/main.js"></script></body>')
    site.save("two")
    site.shows("two")
    site.until("document.title === 'one'")
    part.write_text('export const word = "two";', encoding="utf-8")
    site.until("document.title === 'two'")


HELLO = """
WORD = "one"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [f"<h1>{WORD}</h1>".encode()]
"""


def test_a_first_page_follows_too(opened: Callable[..., Site]):
    """A page without a doctype, as tutorials begin with, follows the code, and so does the error over it."""
    site = opened()
    site.source = HELLO
    for word in ("two", "three"):
        site.save(word)
        site.shows(word)
    site.appliance.edit("app.py", "def (\n")
    site.page.wait_for_selector("appliance-error", state="attached")
    site.save("four")
    site.shows("four")


UNCHANGED = """
WORD = "one"
def app(environ, start_response):
    fields = [("Content-Type", "text/html"), ("ETag", '"always"')]
    if "HTTP_IF_NONE_MATCH" in environ:
        start_response("304 Not Modified", fields)
        return []
    start_response("200 OK", fields)
    return [b"<!doctype html><html><head><title>page</title></head><body><h1>same</h1></body></html>"]
"""


def test_a_page_that_stays_the_same_is_loaded_once(opened: Callable[..., Site]):
    """A page that the browser has already (304) does not load again and again: once for each save."""
    site = opened()
    site.source = UNCHANGED
    site.save("two")
    site.until("document.querySelector('h1')?.textContent === 'same'")
    for word in ("three", "four"):
        loads = site.loads
        site.save(word)
        while site.loads == loads:
            site.page.wait_for_timeout(5)
        site.appliance.edit("app.py", "def (\n")
        site.page.wait_for_selector("appliance-error", state="attached")
        assert site.loads == loads + 1


def test_a_page_follows_the_next_run_too(opened: Callable[..., Site], start: Starting):
    """A page that stays open while the appliance starts again follows it, though generations count from 1 once more."""
    site = opened()
    for word in ("two", "three"):
        site.save(word)
        site.shows(word)
    port = site.appliance.port
    site.appliance.stop()
    site.save("four")
    site.appliance = start(APPLIANCE_PORT=str(port))
    site.shows("four")
    site.save("five")
    site.shows("five")


def test_escape_closes_the_error(opened: Callable[..., Site]):
    """The page below stays usable; what is broken is shown again at the next state that is broken."""
    site = opened()
    site.appliance.edit("app.py", "def (\n")
    site.page.wait_for_selector("appliance-error", state="attached")
    site.page.keyboard.press("Escape")
    site.page.wait_for_selector("appliance-error", state="detached")
    site.appliance.edit("app.py", "import nothing_here\n")
    site.page.wait_for_selector("appliance-error", state="attached")


def test_what_an_error_says_is_text(opened: Callable[..., Site]):
    """A message that looks like markup is shown as it is."""
    site = opened()
    site.appliance.edit(
        "app.py", 'raise ValueError("<img src=x onerror=document.title=1><script>document.title=2</script>")\n'
    )
    site.page.wait_for_selector("appliance-error", state="attached")
    overlay = "document.querySelector('appliance-error').shadowRoot"
    assert site.page.evaluate(f"{overlay}.querySelectorAll('img, script').length") == 0
    assert "<img src=x" in site.page.evaluate(f"{overlay}.textContent")
    assert site.page.title() == "page"


def test_errors_of_a_page_are_in_the_log(opened: Callable[..., Site]):
    """An uncaught exception, a rejected promise and console.error: with the page, and the place in the source."""
    site = opened()
    site.page.evaluate("setTimeout(() => missing.thing)")
    assert "missing is not defined" in site.appliance.wait_for("browser.error", type="error")["message"]
    site.page.evaluate("setTimeout(() => Promise.reject(new TypeError('rejected')))")
    assert "rejected" in site.appliance.wait_for("browser.error", type="unhandledrejection")["message"]
    site.page.evaluate("console.error('written', {a: 1})")
    event = site.appliance.wait_for("browser.error", type="console.error")
    assert (event["message"], event["page"]) == ('written {"a":1}', site.url)


def test_tabs_share_one_connection(opened: Callable[..., Site]):
    """Fifty tabs of a browser hold one event stream, and all of them follow."""
    site = opened()
    context = site.page.context
    tabs = [context.new_page() for _ in range(49)]
    for tab in tabs:
        tab.goto(site.url, wait_until="commit")
    for tab in tabs:
        tab.wait_for_load_state()
    site.save("two")
    for tab in [site.page, *tabs]:
        tab.wait_for_function("document.querySelector('h1')?.textContent === 'two'")
    # A stream whose client has left ends when it is written to.
    status = "fetch('/__appliance__/').then(response => response.text())"
    for number in range(1, 20):
        site.appliance.edit("static/site.css", STYLE.format(number))
        site.until(f"getComputedStyle(document.querySelector('h1')).color.startsWith('rgb({number},')")
        if "1 browser follows it." in site.page.evaluate(status):
            break
    assert "1 browser follows it." in site.page.evaluate(status)


def test_a_page_of_the_history_is_not_old(opened: Callable[..., Site]):
    """Back to a page that the browser kept, after a save: it shows the new code."""
    site = opened()
    site.page.goto(f"{site.url}elsewhere")
    site.save("two")
    site.appliance.wait_for("reload.finished")
    site.page.go_back()
    site.shows("two")


@pytest.mark.parametrize("address", ["/static/site.css", "/nothing", "/static/logo.svg"])
def test_what_is_not_a_page_has_no_script(opened: Callable[..., Site], address: str):
    """A style, an image or a text that a person opens is shown as it is."""
    site = opened()
    response = site.page.goto(site.url.rstrip("/") + address)
    assert b"__appliance__" not in response.body()
