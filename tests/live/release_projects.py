"""One tiny project for each framework, as its users write it, for old and new releases alike.

Each answers ``/`` with one word, ``/items/7`` by a pattern, and raises at ``/fail`` as a project without tables does.
"""

from __future__ import annotations

FLASK = """
import sqlite3
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    return "one"

@app.route("/items/<int:number>")
def item(number):
    return str(number)

@app.route("/fail")
def fail():
    raise sqlite3.OperationalError("no such table: posts")
"""

DJANGO = """
import os, sqlite3, sys
from django.conf import settings
from django.http import HttpResponse

if not settings.configured:
    settings.configure(
        DEBUG=True, SECRET_KEY="not-a-secret", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DATABASES={},
        INSTALLED_APPS=["django.contrib.staticfiles"], STATIC_URL="/static/", MIDDLEWARE=[],
    )

from django.core.wsgi import get_wsgi_application
from django.urls import path

def index(request):
    return HttpResponse("one")

def item(request, number):
    return HttpResponse(str(number))

def fail(request):
    raise sqlite3.OperationalError("no such table: posts")

urlpatterns = [path("", index), path("items/<int:number>", item), path("fail", fail)]
app = get_wsgi_application()
"""

WERKZEUG = """
import sqlite3
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

@Request.application
def application(request):
    if request.path == "/fail":
        raise sqlite3.OperationalError("no such table: posts")
    return Response("one" if request.path == "/" else request.path.rpartition("/")[2])

if __name__ == "__main__":
    run_simple("127.0.0.1", 5000, application, use_reloader=True, use_debugger=False)
"""

BOTTLE = """
import sqlite3
import bottle

@bottle.route("/")
def index():
    return "one"

@bottle.route("/items/<number:int>")
def item(number):
    return str(number)

@bottle.route("/fail")
def fail():
    raise sqlite3.OperationalError("no such table: posts")

if __name__ == "__main__":
    bottle.run(host="127.0.0.1", port=8080, reloader=True)
"""

FALCON = """
import sqlite3
import falcon

class Page:
    def on_get(self, request, response, number=None):
        setattr(response, TEXT, "one" if number is None else str(number))

class Fail:
    def on_get(self, request, response):
        raise sqlite3.OperationalError("no such table: posts")

app = getattr(falcon, "App", None) or falcon.API
TEXT = "text" if hasattr(falcon, "App") else "body"
app = app()
app.add_route("/", Page())
app.add_route("/items/{number}", Page())
app.add_route("/fail", Fail())
"""

PYRAMID = """
import sqlite3
from pyramid.config import Configurator
from pyramid.response import Response

def index(request):
    return Response("one")

def item(request):
    return Response(request.matchdict["number"])

def fail(request):
    raise sqlite3.OperationalError("no such table: posts")

with Configurator() as config:
    for name, pattern, view in (("index", "/", index), ("item", "/items/{number}", item), ("fail", "/fail", fail)):
        config.add_route(name, pattern)
        config.add_view(view, route_name=name)
    app = config.make_wsgi_app()
"""

DASH = """
import sqlite3
import dash
try:
    from dash import html
except ImportError:
    import dash_html_components as html

app = dash.Dash(__name__)
app.layout = html.Div("layout")

def index():
    return "one"

def item(number):
    return str(number)

def fail():
    raise sqlite3.OperationalError("no such table: posts")

app.server.add_url_rule("/word", "word", index)
app.server.add_url_rule("/items/<int:number>", "item", item)
app.server.add_url_rule("/fail", "fail", fail)

if __name__ == "__main__":
    (app.run_server if hasattr(dash.Dash, "run_server") and dash.__version__ < "2" else app.run)(debug=False)
"""

_PLAIN = """
import sqlite3

def application(environ, start_response):
    if environ["PATH_INFO"] == "/fail":
        raise sqlite3.OperationalError("no such table: posts")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("one" if environ["PATH_INFO"] == "/" else environ["PATH_INFO"].rpartition("/")[2]).encode()]
"""

GEVENT = (
    "from gevent import monkey\nmonkey.patch_all()\nfrom gevent.pywsgi import WSGIServer\n"
    + _PLAIN
    + '\nif __name__ == "__main__":\n    WSGIServer(("127.0.0.1", 5000), application).serve_forever()\n'
)

EVENTLET = (
    "import eventlet\neventlet.monkey_patch()\nimport eventlet.wsgi\n"
    + _PLAIN
    + '\nif __name__ == "__main__":\n    eventlet.wsgi.server(eventlet.listen(("127.0.0.1", 5000)), application)\n'
)
