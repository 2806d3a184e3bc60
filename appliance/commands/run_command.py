"""``appliance run CMD``: run a command in the project's environment, as the project's owner.

The command runs in the project's folder or below it. Missing dependencies are installed first. Then this process
executes the command in its place, so that the command has its own exit code, signals and terminal. With ``--watch``
this process stays, and runs the command again at each save.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from appliance.commands.first_steps import open_project, report_unread
from appliance.commands.install import application_of, ensure
from appliance.commands.pip import arguments_of_pip, as_uv
from appliance.environment.environment_folder import closed_to_others
from appliance.environment.process_variables import project_environment
from appliance.environment.start_failure import start_error
from appliance.errors import ApplianceError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.commands.first_steps import OpenedProject


def command(process: Mapping[str, str], flags: Mapping[str, str], argv: Sequence[str], *, watch: bool = False) -> int:
    """Replace this process by the command; with ``watch``, run it again at each save, and return its exit code.

    Raises:
        ApplianceError: there is no such command, or no environment for it.
    """
    if not argv:
        raise SettingsError(
            "appliance run needs a command",
            expected="a command and its arguments",
            action="For example: appliance run python manage.py migrate",
        )
    opened = open_project(process, flags)
    if watch:
        return _watched(opened, argv)
    return _run(opened, argv)


def _run(opened: OpenedProject, argv: Sequence[str]) -> NoReturn:
    opened.report_notices()
    report_unread(opened)
    root = opened.settings.project
    project = application_of(opened)  # a project whose application is not written yet can run commands
    planned = ensure(opened, project.folder if project else None)
    if Path.cwd() != root and root not in Path.cwd().parents:
        os.chdir(root)
    asked = arguments_of_pip(argv)
    if asked is not None and shutil.which("pip", path=str(planned.python.parent)) is None:
        with closed_to_others():
            _exec(*as_uv(asked, planned, opened))
    defaults = project.target.environ if project else {}
    variables = project_environment(planned, opened.settings, opened.environment.values, defaults)
    program = shutil.which(argv[0], path=variables.get("PATH", os.defpath))
    if program is None:
        raise _NoProgramError(argv[0], str(planned.environment))
    _exec(program, list(argv), variables)


def _watched(opened: OpenedProject, argv: Sequence[str]) -> int:
    """Run the command by another ``appliance run``, which reports its start and its failure."""
    # Only here: a command without it begins 30 ms earlier.
    from appliance.supervisor.watched_run.watched_command import WatchedCommand  # noqa: PLC0415  as above
    from appliance.watch.watch_set import WatchOptions  # noqa: PLC0415  as above

    settings = opened.settings
    options = WatchOptions(
        str(settings.project), settings.watch, settings.ignore, settings.env_files, settings.watch_extra
    )
    again = [sys.executable, "-I", "-m", "appliance", "run", *opened.argv(), "--", *argv]
    return WatchedCommand(argv[0], again, opened.process, options, grace_s=settings.grace_s).run()


def _exec(program: str, argv: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
    try:
        os.execve(program, list(argv), dict(variables))  # noqa: S606  replacing this process is the point
    except (OSError, ValueError) as error:
        failure = start_error("the command", error, program=program, environment=variables)
        raise _NotRunError(failure.found, expected=failure.expected, action=failure.action) from error


class _NotRunError(ApplianceError):
    """The command can't be executed: exit code 126, as in a shell."""

    event = "start.failed"
    exit_code = 126


class _NoProgramError(ApplianceError):
    """There is no such command: exit code 127, as in a shell."""

    event = "command.missing"
    exit_code = 127

    def __init__(self, name: str, environment: str) -> None:
        super().__init__(
            f"no program {name!r} in the project's environment ({environment}) or on PATH",
            expected="a program that the project's dependencies install, or one of the system's",
            action="Check its spelling, or add the package that installs it to the project's dependencies.",
        )
