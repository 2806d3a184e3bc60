"""Analyse the project: its environment, its application, and the packages that it needs.

An analysis only reads. It runs in a thread of its own: a mount may be slow, and the supervisor's loop must not wait.
"""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.config.env import Environment, load_environment
from appliance.config.setting import PREFIX
from appliance.config.settings import read_again
from appliance.config.table import TABLE
from appliance.discovery.asgi_applications import websocket_action
from appliance.discovery.project import Project, find_application
from appliance.environment.plan import Plan, plan
from appliance.environment.process_variables import project_environment
from appliance.environment.start_failure import start_error
from appliance.errors import ApplianceError, ApplicationError, defect
from appliance.identity.folder import check_folder
from appliance.identity.regular_file import read_regular
from appliance.protocol.record import Record
from appliance.supervisor.companions.process_files import Declared, read_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.env_content import UnreadPart
    from appliance.config.settings import Settings
    from appliance.logs.log import Log


ROUTES_SHOWN = 20  # of the routes that are not served
_READ_AGAIN = {each.variable for each in TABLE if each.read_again}
_BLANK_MAX = 1024  # bytes of a file that may have nothing but white space


class Analysis(Record):
    """The result of one analysis.

    Attributes:
        environment: process environment and .env files, merged.
        project: the application that was found.
        plan: the environment that the project needs.
        variables: the environment of the project's processes.
        before_start: the commands to run before the first worker.
        adapts: whether an ASGI application is adapted to HTTP.
        companions: the project's other processes, as its files declare them.
        websockets: the advice about WebSockets, for an ASGI application that may be adapted.
    """

    environment: Environment
    project: Project
    plan: Plan
    variables: Mapping[str, str]
    before_start: str = ""
    adapts: bool = False
    websockets: str = ""
    companions: Declared = Declared()

    def differs(self, known: Analysis) -> bool:
        """Whether a worker started from this analysis would differ from one started from ``known``."""
        mine = (self.project.target, self.plan, self.variables, self.adapts)
        return mine != (known.project.target, known.plan, known.variables, known.adapts)


def analyse(
    settings: Settings,
    process: Mapping[str, str],
    known: Project | None = None,
    *,
    before: Environment | None = None,
    read: Callable[[Environment], None] = lambda _: None,
) -> Analysis:
    """Analyse the project.

    A broken file can hide the application, or another application may seem the better choice. So the application that
    was found before is kept while its file exists: its import then shows where the file is broken, and the preloader
    stays.

    Args:
        settings: the appliance's settings, as read at its start.
        process: the pristine environment, before any .env file.
        known: what the last analysis has found.
        before: the environment that the last analysis has read.
        read: called with the environment as soon as it is read, even if the rest fails.

    Raises:
        ApplianceError: the project can't be served as it is.
    """
    check_folder(settings.project)
    environment = load_environment(process, settings.project, settings.env_files, before, secrets=settings.secrets)
    read(environment)
    settings = read_again(settings, environment.values, environment.origins)
    try:
        project = find_application(
            settings.project, environment.values, settings.app or None, adapts=settings.asgi == "adapt"
        )
    except ApplicationError as error:
        if known is None or not _may_be_there(known, error.unparsed):
            raise
        project = known
    if known is not None and _is_just_broken(project, known):
        project = known
    planned = plan(settings.project, settings, environment.values, project.folder)
    variables = project_environment(planned, settings, environment.values, project.target.environ)
    adapts = settings.asgi == "adapt"
    websockets = websocket_action(project.root, project.target) if adapts else ""
    companions = read_processes(settings.project, settings.companions, settings.companions_reload)
    commands = settings.before_start.strip()
    return Analysis(environment, project, planned, variables, commands, adapts, websockets, companions)


def require_analysis(analysis: Analysis | None, what: str) -> Analysis:
    """Return the analysis that a step needs.

    Raises:
        RuntimeError: there is none yet: the step came too early.
    """
    if analysis is None:
        raise RuntimeError(f"{what} before the project is known")
    return analysis


def _may_be_there(known: Project, unparsed: frozenset[Path]) -> bool:
    """Whether the known application may exist although none is found: its file exists, or a file was just broken."""
    file = known.target.file
    return Path(file).is_file() if file else bool(unparsed - known.unparsed)


def _is_just_broken(found: Project, known: Project) -> bool:
    """Whether a file that led to the application is broken or empty now: an editor may be writing it.

    Only a file that could be parsed before counts.
    """
    file = known.target.file
    if found.target == known.target or (file and not Path(file).is_file()):
        return False
    return bool(found.unparsed - known.unparsed) or (found.target.file == file and bool(file) and _is_blank(Path(file)))


def _is_blank(file: Path) -> bool:
    try:
        return file.stat().st_size < _BLANK_MAX and not read_regular(file).strip()
    except OSError:
        return False


class Analyst:
    """Starts analyses, each in a thread of its own, and reports their results in the supervisor's loop.

    Args:
        settings: the appliance's.
        process: the environment of the appliance itself.
        log: takes the events of a changed environment.
        post: runs a function in the supervisor's loop.
        environment: the project's, as it was read at the start.
        look: makes one analysis: ``analyse``.
    """

    def __init__(
        self,
        settings: Settings,
        process: Mapping[str, str],
        log: Log,
        post: Callable[[Callable[[], None]], None],
        environment: Environment | None = None,
        *,
        look: Callable[..., Analysis] = analyse,
    ) -> None:
        self._analyse = look
        self._settings = settings
        self._process = process
        self._log = log
        self._post = post
        self._environment = environment
        self._unread: tuple[UnreadPart, ...] = ()
        self._started = 0

    def start(self, known: Project | None, on_result: Callable[[Analysis | ApplianceError], None]) -> None:
        """Analyse the project; ``on_result`` is called in the loop.

        Raises:
            StartError: there may be no more threads.
        """
        before = self._environment
        self._started += 1
        number = self._started

        def read(environment: Environment) -> None:
            self._post(partial(self._read, number, environment))

        def run() -> None:
            result: Analysis | ApplianceError
            try:
                result = self._analyse(self._settings, self._process, known, before=before, read=read)
            except ApplianceError as error:
                result = error
            except Exception as error:  # noqa: BLE001  a defect of ours must not leave the port silent forever
                result = defect(error)
            self._post(partial(on_result, result))

        try:
            threading.Thread(target=run, name="analysis", daemon=True).start()
        except (RuntimeError, MemoryError) as error:
            raise start_error("the thread that analyses the project", error) from error

    def _read(self, number: int, environment: Environment) -> None:
        if number != self._started:
            return
        before, self._environment = self._environment, environment
        old = environment.values if before is None else before.values
        for key, value in environment.values.items():
            counts_later = key.startswith(PREFIX) and key not in _READ_AGAIN
            if counts_later and old.get(key) != value:
                self._log.event("warning", "settings.changed", key=key, action="Restart the appliance to use it.")
        known, self._unread = self._unread, environment.unread
        for part in environment.unread:
            if part not in known:
                line: dict[str, Any] = {"line": part.line} if part.line else {}
                self._log.event(
                    "warning", "environment.unread", file=part.file, **line,
                    reason=part.reason, count=part.count, action=part.action,
                )  # fmt: skip


def log_changes(log: Log, known: Analysis | None, now: Analysis) -> None:
    """Log one event for each fact that has changed since the last analysis."""
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
            action=f"Change the project's pin of Python {now.plan.passed_over}, or name a Python in APPLIANCE_PYTHON.",
        )  # fmt: skip
    if known is None or known.environment.hidden != now.environment.hidden:
        for key, file in now.environment.hidden:
            log.event("warning", "environment.hidden", key=key, file=file, action=_unhide(key, now.environment))


def _unhide(key: str, environment: Environment) -> str:
    """Say how to make the file's value take effect."""
    if key in environment.secret_files:
        return f"To use the file's value, remove the secret {key}."
    if key.startswith("APPLIANCE_") and "APPLIANCE_IMAGE" in environment.values:
        return "To use the file's value, create the container again: docker compose up -d; or unset it in your shell."
    return f"To use the file's value, remove {key} from the environment."
