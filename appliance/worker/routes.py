"""The framework's own pattern for a request's path, where it tells: ``http.route``.

Owns where each framework has it: Django and Flask keep it to themselves, and are asked where they have just found it;
Bottle leaves it in the environ. Imports none of them, and costs nothing where none is there. Runs in the worker:
``told`` once, what it makes in each request's thread.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from ..server.exchange import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from .app import Application

# Flask's context that matches the path: its name up to 3.1, and from 3.2 on.
_FLASKS = ("RequestContext", "AppContext")


def told(application: Application) -> Application:
    """The application, made to tell its routes; itself where no framework that is known is loaded."""
    django, flask = sys.modules.get("django.core.handlers.base"), sys.modules.get("flask.ctx")
    if django is not None:
        _hook(vars(django).get("BaseHandler"), "resolve_request", _of_django)
    for name in _FLASKS if flask is not None else ():
        _hook(vars(flask).get(name), "match_request", _of_flask)
    if "bottle" not in sys.modules:
        return application

    def application_with_route(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return application(environ, start_response)
        finally:
            _note(getattr(environ.get("bottle.route"), "rule", None))

    return application_with_route


def _hook(owner: Any, name: str, route_of: Callable[[Any, Any], object]) -> None:
    """Have a method tell the route that it has found, from its object and its result."""
    method = vars(owner).get(name) if owner is not None else None
    if method is None:
        return

    @functools.wraps(method)
    def telling(found_by: Any, *arguments: Any, **options: Any) -> Any:
        result = method(found_by, *arguments, **options)
        _note(route_of(found_by, result))
        return result

    setattr(owner, name, telling)


def _of_flask(context: Any, _result: Any) -> object:
    return getattr(getattr(context.request, "url_rule", None), "rule", None)


def _of_django(_handler: Any, match: Any) -> object:
    # A path() has no slash before it, and is empty for the root; a re_path() begins as its author wrote it.
    route = getattr(match, "route", None)
    return route if not isinstance(route, str) or route.startswith(("/", "^")) else f"/{route}"


def _note(route: object) -> None:
    exchange = current.get()
    if exchange is not None and isinstance(route, str):
        exchange.route = route
