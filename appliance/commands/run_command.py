"""``appliance run CMD``: a command in the project's environment, in its folder or below it, as its owner.

Owns the way in. The environment is installed first where it is not whole; then this process becomes the command, so
that its exit code, its signals and its terminal are its own.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from appliance.commands.install import application_of, ensure
from appliance.commands.opening import open_project, tell_unread
from appliance.commands.pip import arguments_of_pip, as_uv
from appliance.environment.environment_folder import closed_to_others
from appliance.environment.plan import project_environment
from appliance.environment.start_failure import start_error
from appliance.errors import ApplianceError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def command(process: Mapping[str, str], flags: Mapping[str, str], argv: Sequence[str]) -> int:
    """Become the command; returns only by an error.

    Raises:
        ApplianceError: there is no such command, or no environment for it.
    """
    if not argv:
        raise SettingsError(
            "appliance run was given no command",
            expected="a command and its arguments",
            action="For example: appliance run python manage.py migrate",
        )
    opening = open_project(process, flags)
    opening.tell()
    tell_unread(opening)
    root = opening.settings.project
    project = application_of(opening)  # a project whose application is not written yet may run commands
    planned = ensure(opening, project.folder if project else None)
    if Path.cwd() != root and root not in Path.cwd().parents:
        os.chdir(root)
    asked = arguments_of_pip(argv)
    if asked is not None and shutil.which("pip", path=str(planned.python.parent)) is None:
        with closed_to_others():
            _become(*as_uv(asked, planned, opening))
    defaults = project.target.environ if project else {}
    variables = project_environment(planned, opening.settings, opening.environment.values, defaults)
    program = shutil.which(argv[0], path=variables.get("PATH", os.defpath))
    if program is None:
        raise _NoProgramError(argv[0], str(planned.environment))
    _become(program, list(argv), variables)


def _become(program: str, argv: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
    try:
        os.execve(program, list(argv), dict(variables))  # noqa: S606  becoming the command is the point
    except (OSError, ValueError) as error:
        told = start_error("the command", error, program=program, environment=variables)
        raise _NotRunError(told.found, expected=told.expected, action=told.action) from error


class _NotRunError(ApplianceError):
    """As a shell would say it: 126."""

    event = "start.failed"
    exit_code = 126


class _NoProgramError(ApplianceError):
    """As a shell would say it: 127."""

    event = "command.missing"
    exit_code = 127

    def __init__(self, name: str, environment: str) -> None:
        super().__init__(
            f"no program {name!r} in the project's environment ({environment}) or on PATH",
            expected="a program that the project's dependencies bring, or one of the system's",
            action="Check its spelling, or add the package that brings it to the project's dependencies.",
        )
