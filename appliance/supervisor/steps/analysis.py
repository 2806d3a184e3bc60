"""What the project is, now: its environment, its application, what it needs.

Owns the order of that analysis. Everything in it only reads; it runs in a thread of its own, for a mount may be slow,
and the supervisor's loop may not wait.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.config.env import Environment, load_environment
from appliance.discovery.asgi_applications import websocket_action
from appliance.discovery.project import Project, find_application
from appliance.environment.plan import Plan, plan, project_environment
from appliance.environment.start_failure import start_error
from appliance.errors import ApplianceError, ApplicationError, defect
from appliance.identity.folder import check_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.env_file import Complaint
    from appliance.config.settings import Settings
    from appliance.logs.setup import Log


ROUTES_SHOWN = 20  # of those that are not served


@dataclass(frozen=True)
class Analysis:
    """One look at the project.

    Attributes:
        environment: process environment and .env files, merged.
        project: the application that was found.
        plan: the environment that it needs.
        variables: the environment of the project's processes.
        before_start: the commands to run before the first worker. Read anew each time, unlike other settings: they may
            stand in a file of the project's, and be edited until they work.
        websockets: of an application that may be adapted, what to do about its WebSockets.
    """

    environment: Environment
    project: Project
    plan: Plan
    variables: Mapping[str, str]
    before_start: str = ""
    websockets: str = ""

    def differs(self, known: Analysis) -> bool:
        """Whether a worker of this one would be another one."""
        mine = (self.project.target, self.plan, self.variables)
        return mine != (known.project.target, known.plan, known.variables)


def analyse(
    settings: Settings,
    process: Mapping[str, str],
    known: Project | None = None,
    *,
    before: Environment | None = None,
    read: Callable[[Environment], None] = lambda _: None,
) -> Analysis:
    """Look at the project.

    A file that was just broken says nothing any more: the application that was found before stands while its file is
    there, so that its import shows where it is broken.

    Args:
        settings: the appliance's, read at its start.
        process: the pristine environment, before any .env file.
        known: what was found the last time.
        before: the environment that was read the last time.
        read: is told the environment as soon as it is read, whatever becomes of the rest.

    Raises:
        ApplianceError: it can't be served as it is.
    """
    check_folder(settings.project)
    environment = load_environment(process, settings.project, settings.env_files, before)
    read(environment)
    try:
        project = find_application(
            settings.project, environment.values, settings.app or None, adapts=settings.asgi == "adapt"
        )
    except ApplicationError:
        if known is None or not known.target.file or not Path(known.target.file).is_file():
            raise
        project = known
    planned = plan(settings.project, settings, environment.values, project.folder)
    variables = project_environment(planned, settings, environment.values, project.target.environ)
    flag = settings.origins.get("before_start") == "flag"
    commands = settings.before_start if flag else environment.values.get("APPLIANCE_BEFORE_START", "")
    websockets = websocket_action(project.root, project.target) if settings.asgi == "adapt" else ""
    return Analysis(environment, project, planned, variables, commands.strip(), websockets)


class Analyst:
    """Looks at the project, each time in a thread of its own; what comes of it is told in the supervisor's loop."""

    def __init__(
        self,
        settings: Settings,
        process: Mapping[str, str],
        log: Log,
        post: Callable[[Callable[[], None]], None],
        environment: Environment | None = None,
    ) -> None:
        self._settings = settings
        self._process = process
        self._log = log
        self._post = post
        self._environment = environment
        self._complaints: tuple[Complaint, ...] = ()
        self._looks = 0

    def start(self, known: Project | None, told: Callable[[Analysis | ApplianceError], None]) -> None:
        """Look at it; ``told`` is called in the loop.

        Raises:
            StartError: there may be no more threads.
        """
        before = self._environment
        self._looks += 1
        look = self._looks

        def read(environment: Environment) -> None:
            self._post(partial(self._read, look, environment))

        def run() -> None:
            result: Analysis | ApplianceError
            try:
                result = analyse(self._settings, self._process, known, before=before, read=read)
            except ApplianceError as error:
                result = error
            except Exception as error:  # noqa: BLE001  a defect of ours must not leave the port silent for ever
                result = defect(error)
            self._post(partial(told, result))

        try:
            threading.Thread(target=run, name="analysis", daemon=True).start()
        except (RuntimeError, MemoryError) as error:
            raise start_error("the thread that looks at the project", error) from error

    def _read(self, look: int, environment: Environment) -> None:
        if look != self._looks:
            return
        self._environment = environment
        known, self._complaints = self._complaints, environment.complaints
        for complaint in environment.complaints:
            if complaint not in known:
                line: dict[str, Any] = {"line": complaint.line} if complaint.line else {}
                self._log.event(
                    "warning", "environment.unread", file=complaint.file, **line,
                    reason=complaint.reason, count=complaint.count, action=complaint.action,
                )  # fmt: skip


def tell_news(log: Log, known: Analysis | None, now: Analysis) -> None:
    """One event for each thing that is otherwise than it was known."""
    target = now.project.target
    if known is None or known.project.target != target:
        log.event("info", "project.found", application=target.name, framework=target.framework, why=target.why)
    if now.plan.because and (known is None or known.plan.because != now.plan.because):
        log.event("info", "interpreter.chosen", python=now.plan.interpreter, reason=now.plan.because)
    unserved = now.project.unserved
    if unserved is not None and (known is None or known.project.unserved != unserved):
        shown = list(unserved.routes[:ROUTES_SHOWN])
        log.event(
            "warning", "asgi.unserved", application=unserved.application, routes=shown, count=len(unserved.routes),
            action=unserved.action,
        )  # fmt: skip
    if now.plan.passed_over and (known is None or known.plan.passed_over != now.plan.passed_over):
        log.event(
            "warning", "interpreter.substituted", python=now.plan.interpreter,
            action="Correct what the project says, or name a Python in APPLIANCE_PYTHON.",
        )  # fmt: skip
    if known is None or known.environment.hidden != now.environment.hidden:
        for key, file in now.environment.hidden:
            log.event("warning", "environment.hidden", key=key, file=file)
    for key, value in now.environment.values.items():
        ours = key.startswith("APPLIANCE_") and key != "APPLIANCE_BEFORE_START"  # that one is read anew
        if known and ours and known.environment.values.get(key) != value:
            log.event("warning", "settings.changed", key=key, action="Restart the appliance to use it.")
