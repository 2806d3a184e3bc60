"""The routes of the pages that need no recorder, and of the style and the script of all pages."""

from __future__ import annotations

import os
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from appliance.desk.facts.installed_packages import installed_packages
from appliance.desk.facts.process_list import process_list, total
from appliance.protocol.status_question import ask_supervisor
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.desk_pages.page_frame import SCRIPT, STYLE
from appliance.standin.page_responses import file

from .packages_page import packages_page
from .process_page import process_page
from .settings_page import settings_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.standin.desk_pages.page_frame import PageAnswers

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class MachinePages:
    """Answers the pages that need no recorder, and the style and script of all pages.

    Args:
        socket: the path of the supervisor's status socket.
        answers: makes answers of pages.
    """

    def __init__(self, socket: str, answers: PageAnswers) -> None:
        self._socket = socket
        self._answer = answers.answer
        static = files("appliance.standin") / "static"
        self.gets: dict[str, Route] = {
            STYLE: partial(file, "text/css; charset=utf-8", (static / "desk.css").read_bytes()),
            SCRIPT: partial(file, "text/javascript; charset=utf-8", (static / "desk.js").read_bytes()),
            f"{PREFIX}/processes": self.processes,
            f"{PREFIX}/settings": self._settings,
            f"{PREFIX}/packages": self._packages,
        }

    def processes(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer with the processes."""
        status = self._ask("status")
        found = process_list(status.get("processes", ()), os.getppid(), status.get("uptime_s", 0.0))
        values = {"processes": found, "total": total(found), "memory": self._ask("memory").get("memory")}
        return self._answer(environ, start, "Processes", lambda: process_page(values), values, page_name="processes")

    def _settings(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        values = self._ask("settings")
        return self._answer(environ, start, "Settings", lambda: settings_page(values), values, page_name="settings")

    def _packages(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        environment = self._ask("environment")
        found = installed_packages(environment) if environment else []
        values = {"environment": environment or None, "packages": found}
        return self._answer(environ, start, "Packages", lambda: packages_page(values), values, page_name="packages")

    def _ask(self, question: str) -> dict[str, Any]:
        """Ask the supervisor; return nothing if it does not answer: another appliance may own the socket's file."""
        try:
            return ask_supervisor(self._socket, question)
        except (OSError, ValueError):
            return {}
