"""The table of frameworks: which constructors make a WSGI application, and which make something else.

This module does not read source. Runs in the supervisor and in commands.
"""

from __future__ import annotations

from typing import Literal

from appliance.protocol.record import Record

Kind = Literal["wsgi", "asgi", "other"]


class Framework(Record):
    """The object that a constructor makes.

    Attributes:
        attribute: the attribute that is the WSGI callable, if it is not the object itself.
        call: whether that attribute must be called to get the callable.
    """

    name: str
    kind: Kind
    attribute: str = ""
    call: bool = False


def _wsgi(name: str, *constructors: str, attribute: str = "", call: bool = False) -> dict[str, Framework]:
    return dict.fromkeys(constructors, Framework(name, "wsgi", attribute, call))


def _asgi(name: str, *constructors: str) -> dict[str, Framework]:
    return dict.fromkeys(constructors, Framework(name, "asgi"))


def _other(name: str, *constructors: str) -> dict[str, Framework]:
    return dict.fromkeys(constructors, Framework(name, "other"))


# By the constructor's full name, as the project imports it.
_CONSTRUCTORS = {
    **_wsgi("Flask", "flask.Flask", "flask.app.Flask", "flask_api.FlaskAPI", "eve.Eve", "flask_openapi3.OpenAPI"),
    **_wsgi("APIFlask", "apiflask.APIFlask"),
    **_wsgi("Django", "django.core.wsgi.get_wsgi_application", "django.core.handlers.wsgi.WSGIHandler"),
    **_wsgi("nanodjango", "nanodjango.Django", "nanodjango.app.Django"),
    **_wsgi("Dash", "dash.Dash", "dash.dash.Dash", "dash_extensions.enrich.DashProxy", attribute="server"),
    **_wsgi("Bottle", "bottle.Bottle", "bottle.default_app", "bottle.app", "bottle.app.push"),
    **_wsgi("Falcon", "falcon.App", "falcon.API", "falcon.app.App"),
    **_wsgi("Pyramid", "pyramid.router.Router"),
    **_wsgi("CherryPy", "cherrypy.Application", "cherrypy.tree.mount"),
    **_wsgi("web.py", "web.application", attribute="wsgifunc", call=True),
    **_wsgi("webapp2", "webapp2.WSGIApplication"),
    # Version 2 is WSGI; version 3 is ASGI, which the worker detects and reports.
    **_wsgi("Connexion", "connexion.FlaskApp", "connexion.App"),
    **_wsgi("Morepath", "morepath.App"),
    **_wsgi("TurboGears", "tg.AppConfig.make_wsgi_app", "tg.MinimalApplicationConfigurator.make_wsgi_app"),
    **_wsgi("Paste", "paste.deploy.loadapp", "pyramid.paster.get_app"),
    **_wsgi("Spyne", "spyne.server.wsgi.WsgiApplication"),
    **_wsgi("Werkzeug", "werkzeug.middleware.dispatcher.DispatcherMiddleware", "werkzeug.wsgi.DispatcherMiddleware"),
    **_wsgi("Werkzeug", "werkzeug.middleware.proxy_fix.ProxyFix", "werkzeug.contrib.fixers.ProxyFix"),
    **_wsgi("Werkzeug", "werkzeug.middleware.shared_data.SharedDataMiddleware", "werkzeug.debug.DebuggedApplication"),
    **_wsgi("WhiteNoise", "whitenoise.WhiteNoise", "whitenoise.base.WhiteNoise"),
    **_wsgi("Socket.IO", "socketio.WSGIApp", "socketio.Middleware", "engineio.WSGIApp"),
    **_wsgi("a2wsgi", "a2wsgi.ASGIMiddleware", "asgiref.wsgi.AsgiToWsgi"),
    **_wsgi("Prometheus", "prometheus_client.make_wsgi_app"),
    **_wsgi("WSGI", "wsgiref.simple_server.demo_app", "wsgiref.validate.validator"),
    **_asgi("FastAPI", "fastapi.FastAPI", "fastapi.applications.FastAPI"),
    **_asgi("Starlette", "starlette.applications.Starlette"),
    **_asgi("Quart", "quart.Quart", "quart.app.Quart"),
    **_asgi("Litestar", "litestar.Litestar", "litestar.app.Litestar", "starlite.Starlite"),
    **_asgi("Sanic", "sanic.Sanic"),
    **_asgi("BlackSheep", "blacksheep.Application", "blacksheep.server.Application"),
    **_asgi("Falcon", "falcon.asgi.App"),
    **_asgi("Django", "django.core.asgi.get_asgi_application", "channels.routing.ProtocolTypeRouter"),
    **_asgi("Channels", "channels.routing.URLRouter"),
    **_asgi("Connexion", "connexion.AsyncApp"),
    **_asgi("Emmett", "emmett.App", "emmett.app.App", "emmett55.App"),
    **_asgi("Socket.IO", "socketio.ASGIApp"),
    **_asgi("asgiref", "asgiref.wsgi.WsgiToAsgi", "a2wsgi.WSGIMiddleware"),
    **_asgi("FastHTML", "fasthtml.common.FastHTML", "fasthtml.common.fast_app", "fasthtml.core.FastHTML"),
    **_asgi("FastHTML", "fasthtml.FastHTML", "fasthtml.fast_app"),
    **_asgi("Gradio", "gradio.mount_gradio_app"),
    **_asgi("Strawberry", "strawberry.asgi.GraphQL"),
    **_asgi("Ariadne", "ariadne.asgi.GraphQL"),
    **_other("aiohttp", "aiohttp.web.Application", "aiohttp.web_app.Application"),
    **_other("Tornado", "tornado.web.Application"),
    **_other("Chalice", "chalice.Chalice", "chalice.app.Chalice"),
    **_other("Robyn", "robyn.Robyn"),
    **_other("Microdot", "microdot.Microdot", "microdot.microdot.Microdot"),
    **_other("FastMCP", "fastmcp.FastMCP", "mcp.server.fastmcp.FastMCP", "mcp.server.FastMCP"),
    **_other("Celery", "celery.Celery"),
    **_other("Typer", "typer.Typer"),
    **_other("Cyclopts", "cyclopts.App"),
    **_other("Textual", "textual.app.App"),
    **_other("Kivy", "kivy.app.App"),
    **_other("Qt", "PyQt5.QtWidgets.QApplication", "PyQt6.QtWidgets.QApplication", "PySide6.QtWidgets.QApplication"),
    **_other("Slack", "slack_bolt.App"),
    **_other("http.server", "http.server.HTTPServer", "http.server.ThreadingHTTPServer"),
    **_other("wsgiref", "wsgiref.simple_server.make_server", "wsgiref.simple_server.WSGIServer"),
    **_other("Flask", "flask.Blueprint"),
    **_other("Django Ninja", "ninja.NinjaAPI", "ninja.main.NinjaAPI", "ninja_extra.NinjaExtraAPI", "ninja.Router"),
    **_other("FastAPI's router", "fastapi.APIRouter", "fastapi.routing.APIRouter"),
    **_other("Flask-RESTful", "flask_restful.Api", "flask_restx.Api", "flask_restplus.Api", "flask_smorest.Api"),
    **_other("Django REST framework", "rest_framework.routers.DefaultRouter", "rest_framework.routers.SimpleRouter"),
    **_other("argparse", "argparse.ArgumentParser"),
}

# By a method's name alone, whatever the object is: a reader of source can't find out where the object comes from.
_METHODS = {
    "make_wsgi_app": Framework("Pyramid", "wsgi"),
    "wsgifunc": Framework("web.py", "wsgi"),
    "get_wsgi_application": Framework("Django", "wsgi"),
    "get_asgi_application": Framework("Django", "asgi"),
}

# Decorators that turn a function into a WSGI application, whatever its parameters are.
_DECORATORS = frozenset(
    {
        "werkzeug.wrappers.Request.application",
        "werkzeug.Request.application",
        "werkzeug.wsgi.responder",
        "webob.dec.wsgify",
    }
)

# Attributes of a WSGI object that are WSGI callables themselves.
_WSGI_ATTRIBUTES = frozenset({"wsgi_app", "wsgi", "server", "app", "wsgi_handler"})

_PACKAGES = frozenset(name.partition(".")[0] for name, made in _CONSTRUCTORS.items() if made.kind in {"wsgi", "asgi"})
_ASGI_WHOLE = frozenset({"FastAPI", "Starlette", "Quart", "Litestar", "Sanic", "BlackSheep", "Emmett", "FastHTML"})
# Of the others: frameworks that answer requests with their own server, so that an error can name them.
_WITH_A_SERVER = frozenset({"aiohttp", "Tornado", "Chalice", "Robyn", "Microdot", "FastMCP"})


def is_asgi_framework(name: str) -> bool:
    """Whether its application is the main one, and a WSGI application beside it only mounted in it."""
    return name in _ASGI_WHOLE


def has_its_own_server(name: str) -> bool:
    """Whether a framework answers requests with its own server."""
    return name in _WITH_A_SERVER


def is_framework(package: str) -> bool:
    """Whether a package of this name is a web framework."""
    return package in _PACKAGES


def by_constructor(name: str) -> Framework | None:
    """Return the framework whose application a call of this name makes; None if there is none."""
    return _CONSTRUCTORS.get(name) or _METHODS.get(name.rpartition(".")[2])


def is_wsgi_decorator(name: str) -> bool:
    """Whether this decorator turns a function into a WSGI application."""
    return name in _DECORATORS


def is_wsgi_attribute(name: str) -> bool:
    """Whether an attribute of this name, of a WSGI framework's object, is the WSGI callable."""
    return name in _WSGI_ATTRIBUTES
