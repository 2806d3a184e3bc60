"""Wrap the project's application in what the appliance adds to it: advice on errors, routes, live reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..server.browser.live_reload import LiveReload
from .frameworks import framework_errors, routes, werkzeug_debugger
from .preload import fork_guard

if TYPE_CHECKING:
    from ..protocol.start.first_messages import Start
    from .app import Application
    from .hooks import Hooks


def wrap(application: Application, start: Start, hooks: Hooks) -> Application:
    """Return the application that is served."""
    helped = framework_errors.add_advice(werkzeug_debugger.wrap(application, hooks), start.root, hooks)
    helped = fork_guard.guard_application(routes.report_routes(helped, hooks))
    pages = start.options["pages"]
    if pages is None or pages["reload"] == "off":
        return helped
    return LiveReload(helped, start.generation, pages["run_id"], everywhere=pages["reload"] == "on")
