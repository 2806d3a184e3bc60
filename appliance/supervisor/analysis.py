"""What the project is, now: its environment, its application, what it needs.

Owns the order of that analysis. Everything in it only reads; it runs in a thread of its own, for a mount may be slow,
and the supervisor's loop may not wait.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.boot.dependencies import Plan, plan, project_environment
from appliance.boot.env import Environment, load_environment
from appliance.boot.project import Project, find_application
from appliance.errors import ApplianceError, ApplicationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.boot.settings import Settings


@dataclass(frozen=True)
class Analysis:
    """One look at the project.

    Attributes:
        environment: process environment and .env files, merged.
        project: the application that was found.
        plan: the environment that it needs.
        variables: the environment of the project's processes.
    """

    environment: Environment
    project: Project
    plan: Plan
    variables: Mapping[str, str]


def analyse(settings: Settings, process: Mapping[str, str], known: Project | None = None) -> Analysis:
    """Look at the project.

    A file that was just broken says nothing any more: the application that was found before stands while its file is
    there, so that its import shows where it is broken.

    Args:
        settings: the appliance's, read at its start.
        process: the pristine environment, before any .env file.
        known: what was found the last time.

    Raises:
        ApplianceError: it can't be served as it is.
    """
    environment = load_environment(process, settings.project, settings.env_files)
    try:
        project = find_application(settings.project, environment.values, settings.app or None)
    except ApplicationError:
        if known is None or not known.target.file or not Path(known.target.file).is_file():
            raise
        project = known
    planned = plan(settings.project, settings, environment.values)
    variables = project_environment(planned, settings, environment.values, project.target.environ)
    return Analysis(environment, project, planned, variables)


def analyse_aside(
    settings: Settings,
    process: Mapping[str, str],
    known: Project | None,
    told: Callable[[Analysis | ApplianceError], None],
) -> None:
    """The same in a thread; ``told`` is called in it."""

    def run() -> None:
        try:
            told(analyse(settings, process, known))
        except ApplianceError as error:
            told(error)
        except Exception as error:  # noqa: BLE001  a defect of ours must not leave the port silent for ever
            told(
                ApplianceError(
                    f"the project could not be looked at ({type(error).__name__}: {error})",
                    expected="files that can be read",
                    action="Please report this as a defect of the appliance.",
                )
            )

    threading.Thread(target=run, name="analysis", daemon=True).start()
