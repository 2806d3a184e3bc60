"""Projects with bugs that were put into them, the requests that show them, and what an assistant must name.

A line with a bug ends with a mark; ``{line:mark}`` in what must be named stands for its number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MARK = re.compile(r"  # bug: (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Seeded:
    """One project.

    Attributes:
        files: the text of each file.
        bugs: for each bug, the kind of finding, and a text that its place or its evidence contains.
        pins: the packages that it needs.
        paths: what a browser asks for, in this order; ``POST /x`` for another method.
        edit: a file, and its text from then on.
        after: asked for once that is served.
        hangs: asked for last, without waiting for an answer.
        breaks: as ``edit``, at the very end.
        consequences: texts of what else the bugs lead to, or what the packages do by themselves.
        settings: of the appliance.
    """

    files: dict[str, str]
    bugs: dict[str, tuple[str, str]]
    pins: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    edit: tuple[str, str] | None = None
    after: tuple[str, ...] = ()
    hangs: tuple[str, ...] = ()
    breaks: tuple[str, str] | None = None
    consequences: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)

    def named(self) -> dict[str, tuple[str, str]]:
        """Return the words that must be named, with the numbers of the lines."""
        texts = {**self.files, **dict(filter(None, (self.breaks,)))}
        numbers = {
            found[1]: str(text[: found.start()].count("\n") + 1)
            for text in texts.values()
            for found in _MARK.finditer(text)
        }
        return {
            bug: (kind, re.sub(r"\{line:(\w+)\}", lambda found: numbers[found[1]], text))
            for bug, (kind, text) in self.bugs.items()
        }


def marked(text: str, old: str, new: str) -> str:
    """The text with a change, which must be there."""
    assert old in text
    return text.replace(old, new, 1)


PLAIN_APP = """
import sqlite3
import threading
import time

connection = sqlite3.connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE books (id INTEGER, price INTEGER)")
connection.executemany("INSERT INTO books VALUES (?, ?)", [(number, number * 3) for number in range(8)])

def cheapest(prices):
    return sorted(prices)[0]  # bug: empty_list

def reprice():
    raise RuntimeError("no prices from the wholesaler")  # bug: background_thread

def report():
    time.sleep(0.4)
    return b"report"

def app(environ, start_response):
    path = environ["PATH_INFO"]
    status, body = "200 OK", b"books"
    if path == "/cheapest":
        body = str(cheapest([])).encode()
    elif path == "/reprice":
        threading.Thread(target=reprice).start()
    elif path == "/report":
        body = report()
    elif path == "/old":
        status = "410 Gone"
    start_response(status, [("Content-Type", "text/plain")])
    return [body]
"""
PLAIN = Seeded(
    files={"app.py": PLAIN_APP},
    paths=("/", "/cheapest", "/reprice", "/report"),
    breaks=("app.py", marked(PLAIN_APP, "def report():", "def report(:  # bug: broken_save")),
    bugs={
        "a list that may be empty": ("exception", "app.py:{line:empty_list}"),
        "a thread that dies": ("exception", "app.py:{line:background_thread}"),
        "a report that takes long": ("slow", "GET /report"),
        "a save with a syntax error": ("not served", "app.py:{line:broken_save}"),
    },
)

DJANGO_APP = """
import logging
import django
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"], DEBUG=True,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["templates"]}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

def price_of(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [number])  # bug: query_for_each_row
        return cursor.fetchone()[0]

def prices(request):
    return HttpResponse(str([price_of(number) for number in range(6)]))

def order(request):
    return HttpResponse(request.GET["count"])  # bug: missing_parameter

def page(request):
    return render(request, "page.html", {"books": ["one"]})

def basket(request):
    return redirect("/checkout")

def checkout(request):
    return redirect("/basket")

urlpatterns = [
    path("", lambda request: HttpResponse("home")), path("prices", prices), path("order", order), path("page", page),
    path("basket", basket), path("checkout", checkout),
]
app = get_wsgi_application()
"""
DJANGO = Seeded(
    files={
        "app.py": DJANGO_APP,
        "templates/page.html": "<ul>\n{% for book in books %}\n<li>{{ book|discounted }}</li>\n{% endfor %}\n</ul>\n",
    },
    pins=("django==5.2.8",),
    paths=("/", "/prices", "/order", "/page", "/basket", "/checkout"),
    bugs={
        "one query for each row": ("repeated query", "app.py:{line:query_for_each_row}"),
        "a parameter that may be missing": ("exception", "app.py:{line:missing_parameter}"),
        "a template with a filter that does not exist": ("exception", "discounted"),
        "two pages that lead to each other": ("redirects in a circle", "/basket /checkout"),
    },
)

FLASK_APP = """
import os
import time
import sqlalchemy
from flask import Flask, abort
from sqlalchemy.pool import StaticPool

app = Flask(__name__)
engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

def author_of(connection, number):
    return connection.execute(sqlalchemy.text("SELECT :n"), {"n": number}).scalar()  # bug: query_for_each_row

@app.get("/")
def home():
    return "home"

@app.get("/authors")
def authors():
    with engine.connect() as connection:
        return str([author_of(connection, number) for number in range(7)])

@app.get("/pay")
def pay():
    return os.environ["PAYMENT_URL"]  # bug: missing_variable

@app.get("/search")
def search():
    return "found"

@app.get("/profile/<name>")
def profile(name):
    user = {"ann": {"mail": "ann@shop.test"}}.get(name)
    return user["mail"]  # bug: unknown_user
"""
FLASK = Seeded(
    files={"app.py": FLASK_APP},
    pins=("flask==3.1.2", "sqlalchemy==2.0.44"),
    paths=("/", "/authors", "/pay", "/profile/bob", *["/search"] * 5),
    edit=("app.py", marked(FLASK_APP, '    return "found"', '    time.sleep(0.1)\n    return "found"')),
    after=("/search",) * 5,
    bugs={
        "one query for each author": ("repeated query", "app.py:{line:query_for_each_row}"),
        "a variable that is not set": ("exception", "app.py:{line:missing_variable}"),
        "a user that does not exist": ("exception", "app.py:{line:unknown_user}"),
        "a search that a save made slower": ("slower", "GET /search"),
    },
)

PYRAMID_APP = """
import threading
from pyramid.config import Configurator
from pyramid.response import Response

stock = threading.Lock()

def home(request):
    return Response("home")

def convert(text):
    try:
        return int(text)
    except ValueError as error:
        raise LookupError(f"no such article: {text}") from error  # bug: article_number

def article(request):
    return Response(str(convert(request.matchdict["number"])))

def reserve(request):
    stock.acquire()  # bug: lock_is_kept
    return Response("reserved")

def label(request):
    response = Response(b"label")
    response.content_length = 50
    return response

with Configurator() as config:
    for view, pattern in [(home, "/"), (article, "/article/{number}"), (reserve, "/reserve"), (label, "/label")]:
        config.add_route(view.__name__, pattern)
        config.add_view(view, route_name=view.__name__)
    config.add_route("orders", "/orders", request_method="PUT")
    config.add_view(home, route_name="orders")
    app = config.make_wsgi_app()
"""
PYRAMID = Seeded(
    files={"app.py": PYRAMID_APP},
    pins=("pyramid==2.0.2", "setuptools<81"),
    paths=("/", "/article/x7", "/label", "POST /orders", "/reserve"),
    hangs=("/reserve",),
    consequences=("pkg_resources is deprecated",),
    settings={"APPLIANCE_SLOW_REQUEST_S": "1"},
    bugs={
        "a number that is not one": ("exception", "app.py:{line:article_number}"),
        "a length that is wrong": ("logged response.short", "50 5"),
        "a route with another method": ("status 404", "POST /orders"),
        "a lock that is never released": ("hangs", "app.py:{line:lock_is_kept}"),
    },
)

FALCON_APP = """
import logging
import os
import falcon

logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
log = logging.getLogger("shop.mail")

def deliver(address):
    raise ConnectionRefusedError(f"no mail server for {address}")  # bug: mail_server

class Home:
    def on_get(self, request, response):
        response.text = "home"

class Register:
    def on_post(self, request, response):
        try:
            deliver("ann@shop.test")
        except OSError:
            log.exception("the mail was not sent")
        response.text = "registered"

class Debug:
    def on_get(self, request, response):
        print("DEBUG basket =", {"user": "ann", "total": 12})
        response.text = "basket"

class Total:
    def on_get(self, request, response):
        response.text = str(sum(price for price, _ in [(1, "a"), (2,)]))  # bug: missing_part

class Crash:
    def on_get(self, request, response):
        os.abort()

app = falcon.App()
app.add_route("/", Home())
app.add_route("/register", Register())
app.add_route("/basket", Debug())
app.add_route("/total", Total())
app.add_route("/export", Crash())
"""
FALCON = Seeded(
    files={"app.py": FALCON_APP},
    pins=("falcon==4.1.0",),
    consequences=("worker.exited killed by SIGABRT", "Fatal Python error: Aborted", "the worker ended"),
    paths=("/", "POST /register", "/basket", "/total", "/export"),
    bugs={
        "an error that is swallowed": ("exception", "app.py:{line:mail_server}"),
        "a print that was forgotten": ("prints", "GET /basket"),
        "a tuple that is too short": ("exception", "app.py:{line:missing_part}"),
        "an export that crashes the process": ("cut off", "GET /export"),
    },
)
ALL = {"plain": PLAIN, "django": DJANGO, "flask": FLASK, "pyramid": PYRAMID, "falcon": FALCON}
