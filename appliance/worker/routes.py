"""The framework's own pattern for a request's path, where it tells: ``http.route``.

Owns where each framework leaves it. Imports none of them, and costs nothing where none is there. Runs in the worker:
``told`` once, what it makes in each request's thread.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..server.exchange import current

if TYPE_CHECKING:
    from .app import Application

# Those that leave something in the environ: Flask its request, under Werkzeug's name; Bottle its route.
_IN_ENVIRON = ("flask", "bottle")


def told(application: Application) -> Application:
    """The application, made to tell its routes; itself where no framework that is known is loaded."""
    django = sys.modules.get("django.core.handlers.base")
    if django is not None:
        _hook(django)
    if not any(name in sys.modules for name in _IN_ENVIRON):
        return application

    def application_with_route(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return application(environ, start_response)
        finally:
            _note(_route_of(environ))

    return application_with_route


def _route_of(environ: dict[str, Any]) -> object:
    found = getattr(environ.get("werkzeug.request"), "url_rule", None) or environ.get("bottle.route")
    return getattr(found, "rule", None)


def _hook(django: Any) -> None:
    """Django tells only its own request, and that is in nobody's hands: ask where it resolves the path (since 3.1)."""
    resolve = getattr(django.BaseHandler, "resolve_request", None)
    if resolve is None:
        return

    def resolve_request(handler: Any, request: Any) -> Any:
        match = resolve(handler, request)
        route = getattr(match, "route", None)
        # A path() has no slash before it, and is empty for the root; a re_path() begins as its author wrote it.
        _note(route if not isinstance(route, str) or route.startswith(("/", "^")) else f"/{route}")
        return match

    django.BaseHandler.resolve_request = resolve_request


def _note(route: object) -> None:
    exchange = current.get()
    if exchange is not None and isinstance(route, str):
        exchange.route = route
