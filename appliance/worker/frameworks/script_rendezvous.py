"""Serve the application that a script passes to its server: every patched server calls this module.

Runs in the worker's main thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..hooks import Hooks
    from ..side_applications import SideApplications

Serve = Callable[[Any, str], None]


class ScriptRendezvous:
    """Receives the calls of a script's server."""

    def __init__(self, serve: Serve, check: Serve, hooks: Hooks, side_applications: SideApplications) -> None:
        self._serve = serve
        self._check = check
        self.hooks = hooks
        self.side_applications = side_applications
        self.served = False
        self.contained: Any = None  # the application within a server's own handler (Tornado's), if any

    @property
    def is_main(self) -> bool:
        """Whether a server that starts now is the project's main one, and not another one beside it."""
        return threading.current_thread() is threading.main_thread()

    def start(self, application: Any) -> None:
        """Note that the file has started a server that returns: it is served if the file does not end soon."""
        if self.is_main:
            self.side_applications.append(application)
            self.side_applications.are_started = True

    def serve(self, application: Any, by: str) -> None:
        """Serve until this process has to end.

        Raises:
            SystemExit: the application was already served, and the file calls again, in a loop.
            BaseException: the check found that the object can't be served.
        """
        if self.served:
            raise SystemExit
        self._check(application, by)
        self.served = True
        self._serve(application, by)
