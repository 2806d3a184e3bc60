"""Offer Werkzeug's interactive debugger, if a Flask project turns it on (``FLASK_DEBUG=1``, ``app.debug = True``).

Only browsers get it; other clients get the server's page, as JSON or text. The failure is logged in both cases. Runs in
the worker: ``wrap`` once, the rest in each request's thread.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from ...server.wsgi.failure_events import log_failure

if TYPE_CHECKING:
    from ..app import Application
    from ..hooks import Hooks


def wrap(application: Any, hooks: Hooks) -> Application:
    """Put the debugger around the application; return it unchanged if the project has not turned the debugger on."""
    debugger = hooks.call("debugger of Werkzeug", _debugger_of, application, hooks, otherwise=None)
    if debugger is None:
        return application  # type: ignore[no-any-return]  # the project's own

    def application_with_debugger(environ: dict[str, Any], start_response: Any) -> Any:
        asked = "text/html" in environ.get("HTTP_ACCEPT", "") or "__debugger__=" in environ.get("QUERY_STRING", "")
        return (debugger if asked else application)(environ, start_response)

    return application_with_debugger


def _debugger_of(application: Any, hooks: Hooks) -> Application | None:
    flask = getattr(sys.modules.get("flask"), "Flask", None)
    if flask is None or not isinstance(application, flask) or not application.debug:
        return None
    try:
        debug = importlib.import_module("werkzeug.debug")  # noqa: TID251  the project's own
    except ImportError:
        return None
    return debug.DebuggedApplication(_FailureLogger(application, hooks), evalex=True)  # type: ignore[no-any-return]  # not typed here


class _FailureLogger:
    """Logs exceptions before the debugger catches them: it lets none reach the server."""

    def __init__(self, application: Application, hooks: Hooks) -> None:
        self._application = application
        self._hooks = hooks

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return self._application(environ, start_response)
        except Exception as error:
            self._hooks.call("debugger of Werkzeug", _log, start_response, error, otherwise=None)
            raise


def _log(start_response: Any, error: BaseException) -> None:
    run = getattr(start_response, "__self__", None)  # the server's own, unless a middleware is between
    if run is not None:
        log_failure(run, error)
