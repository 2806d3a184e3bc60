"""Where the project's call of its server ends up: the one place that serves what a file hands over.

Runs in the worker, in its main thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..hooks import Hooks

Serve = Callable[[Any, str], None]


class ScriptRendezvous:
    """Where the project's call of its server ends up."""

    def __init__(self, serve: Serve, check: Serve, hooks: Hooks, aside: list[Any] | None = None) -> None:
        self._serve = serve
        self._check = check
        self.hooks = hooks
        self.aside = [] if aside is None else aside  # applications that it serves in other threads, by itself
        self.served = False
        self.contained: Any = None  # the application in a server's own kind of handler (Tornado's), once there is one

    @property
    def wanted(self) -> bool:
        """Whether a server that starts now is the project's, not one of its own beside it."""
        return threading.current_thread() is threading.main_thread()

    def serve(self, application: Any, by: str) -> None:
        """Serve until told to end.

        Raises:
            SystemExit: it was served already, and the file asks again, in a loop.
            BaseException: what the check raises: it is nothing that can be served.
        """
        if self.served:
            raise SystemExit
        self._check(application, by)
        self.served = True
        self._serve(application, by)
