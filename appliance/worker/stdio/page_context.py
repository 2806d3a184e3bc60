"""Collect the context of an error page: the last lines, the last save, and how the editor opens a file.

Runs in the worker; asked for only when an application has failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...protocol.start.start_options import ErrorPageOptions
    from ...server.browser.live_reload import LiveReload
    from .stdio import Stdio


class PageContext:
    """Collects the context of error pages.

    Args:
        options: the supervisor's.
        stdio: this process's output; None if it is not ours.

    Attributes:
        saved: what was saved last, as the supervisor has told it.
        live_reload: adds the script of live reload to a page; None where pages do not follow the code.
    """

    def __init__(self, options: ErrorPageOptions, stdio: Stdio | None) -> None:
        self._options: ErrorPageOptions = {**options}
        self._stdio = stdio
        self.saved: dict[str, Any] = self._options.pop("saved", {})
        self.live_reload: LiveReload | None = None

    def update_saved(self, saved: dict[str, Any]) -> None:
        """Note the last save."""
        self.saved = saved

    def follow(self, live_reload: LiveReload | None) -> None:
        """Have pages follow the code by this; None if they do not."""
        self.live_reload = live_reload

    def __call__(self) -> dict[str, Any]:
        """Return the ``context`` of ``server.pages.error_page.report``."""
        log = [] if self._stdio is None else self._stdio.last_lines.lines()
        return {**self._options, "log": log, "saved": self.saved, "live_reload": self.live_reload}
