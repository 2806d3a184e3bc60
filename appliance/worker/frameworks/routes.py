"""Report the framework's own pattern for a request's path: ``http.route``.

Django and Flask do not publish the pattern, so it is read where they have just found it; Bottle puts it into the
environ. Imports no framework, and costs nothing without one. Runs in the worker: ``report_routes`` once, the rest in
each request's thread.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from ...server.wsgi.access_log.exchange import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Application
    from ..hooks import Hooks

# Flask's context that matches the path, by its name up to 3.1 and by that since 3.2.
_FLASKS = ("RequestContext", "AppContext")


def report_routes(application: Application, hooks: Hooks) -> Application:
    """Make the application's framework report its routes; wrap the application only for Bottle."""
    hooks.call("routes of Django", _hook_django, hooks, otherwise=None)
    hooks.call("routes of Flask", _hook_flask, hooks, otherwise=None)
    if "bottle" not in sys.modules:
        return application

    def application_with_route(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return application(environ, start_response)
        finally:
            hooks.call("routes of Bottle", _note_bottles, environ, otherwise=None)

    return application_with_route


def _hook_django(hooks: Hooks) -> None:
    django = sys.modules.get("django.core.handlers.base")
    if django is not None:
        note = hooks.guarded("routes of Django", _note_djangos, otherwise=None)
        _hook(vars(django).get("BaseHandler"), "resolve_request", note)


def _hook_flask(hooks: Hooks) -> None:
    flask = sys.modules.get("flask.ctx")
    for name in _FLASKS if flask is not None else ():
        _hook(vars(flask).get(name), "match_request", hooks.guarded("routes of Flask", _note_flasks, otherwise=None))


def _hook(owner: Any, name: str, note: Callable[[Any, Any], None]) -> None:
    """Wrap a method so that it reports the route it found, from its object and its result."""
    method = vars(owner).get(name) if owner is not None else None
    if method is None:
        return

    @functools.wraps(method)
    def reporting(found_by: Any, *arguments: Any, **options: Any) -> Any:
        result = method(found_by, *arguments, **options)
        note(found_by, result)
        return result

    setattr(owner, name, reporting)


def _note_flasks(context: Any, _result: Any) -> None:
    note_route(getattr(getattr(context.request, "url_rule", None), "rule", None))


def _note_djangos(_handler: Any, match: Any) -> None:
    # The route of a path() has no leading slash, and is empty for the root; that of a re_path() is as its author wrote
    # it.
    route = getattr(match, "route", None)
    note_route(route if not isinstance(route, str) or route.startswith(("/", "^")) else f"/{route}")


def _note_bottles(environ: dict[str, Any]) -> None:
    note_route(getattr(environ.get("bottle.route"), "rule", None))


def note_route(route: object) -> None:
    """Store the route of the present request, if it is a text."""
    exchange = current.get()
    if exchange is not None and isinstance(route, str):
        exchange.route = route
