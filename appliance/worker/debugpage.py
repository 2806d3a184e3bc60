"""Werkzeug's interactive debugger, where a Flask project turns it on (``FLASK_DEBUG=1``, ``app.debug = True``).

Owns who gets it: browsers; others get the server's page, JSON or text. The event of the failure is told either way.
Runs in the worker: ``offered`` once, the rest in each request's thread.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from ..server.failure import tell_failure

if TYPE_CHECKING:
    from .app import Application


def offered(application: Any) -> Application:
    """The application behind the debugger; itself where the project has not turned that on."""
    flask = sys.modules.get("flask")
    if flask is None or not isinstance(application, flask.Flask) or not application.debug:
        return application  # type: ignore[no-any-return]  # the project's own
    try:
        debug = importlib.import_module("werkzeug.debug")  # noqa: TID251  the project's own
    except ImportError:
        return application  # type: ignore[no-any-return]  # as above
    debugger = debug.DebuggedApplication(_Telling(application), evalex=True)

    def application_with_debugger(environ: dict[str, Any], start_response: Any) -> Any:
        asked = "text/html" in environ.get("HTTP_ACCEPT", "") or "__debugger__=" in environ["QUERY_STRING"]
        return (debugger if asked else application)(environ, start_response)

    return application_with_debugger


class _Telling:
    """Tells what the debugger will show: it lets nothing through to the server."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return self._application(environ, start_response)
        except Exception as error:
            run = getattr(start_response, "__self__", None)  # the server's own, but for a middleware between
            if run is not None:
                tell_failure(run, error)
            raise
