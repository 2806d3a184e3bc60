"""``appliance install``: install what is missing in the project's environment, and exit.

The supervisor runs it as a child with ``--report``: warnings, a failure and the end are one JSON object each on stdout.
People can run it too. uv's progress goes to stderr.

Decision 4 says why.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.first_steps import OpenedProject, open_project, report_unread
from appliance.discovery.project import Project, find_application
from appliance.environment.creation import install
from appliance.environment.install_progress import InstallProgress
from appliance.environment.plan import Plan, plan
from appliance.errors import ApplianceError, ApplicationError
from appliance.identity.identity import user_cache
from appliance.logs.sanitise import sanitise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def command(process: Mapping[str, str], flags: Mapping[str, str], *, report: bool, near: str | None) -> int:
    """Install; return 0 also if nothing was missing."""
    try:
        opened = open_project(process, flags)
        if not report:
            report_unread(opened)
            opened.report_notices()  # with --report, the supervisor has logged them already
        project = None if near else application_of(opened)
        found = project.folder if project else None
        application = Path(near) if near else found
        planned = _ensure_with_report(opened, application) if report else ensure(opened, application)
    except ApplianceError as error:
        if not report:
            raise
        _write({"event": error.event, **error.fields(), "needs": error.needs})
        return error.exit_code
    if report:
        _write({"event": "install.finished", "environment": str(planned.environment)})
    return 0


def _ensure_with_report(opened: OpenedProject, application: Path | None) -> Plan:
    """Install as ``ensure`` does, and report the progress to the supervisor."""
    named = opened.environment.values.get("UV_CACHE_DIR")
    cache = Path(named) if named else user_cache(opened.settings.cache) / "uv"
    progress = InstallProgress(cache, lambda state: _write({"event": "install.progress", **state}))

    def line(text: str) -> None:
        _print_line(text)
        progress.line(text)

    progress.follow()
    try:
        return ensure(opened, application, _report_warning, line)
    finally:
        progress.end()


def application_of(opened: OpenedProject) -> Project | None:
    """Return the project's application; None if it is not written yet or can't be found."""
    try:
        settings = opened.settings
        return find_application(
            settings.project, opened.environment.values, settings.app or None, adapts=settings.asgi == "adapt"
        )
    except ApplicationError:
        return None


def ensure(
    opened: OpenedProject,
    application: Path | None,
    warn: Callable[[str], None] | None = None,
    line: Callable[[str], None] | None = None,
) -> Plan:
    """Install the missing dependencies, and return the plan of the project's environment.

    Args:
        opened: the project.
        application: the folder of the application, if known.
        warn: takes a message for each thing that is not installed as the project's files say.
        line: takes each line of the installer's progress.

    Raises:
        InstallError: the environment can't be made.
    """
    root, settings, values = opened.settings.project, opened.settings, opened.environment.values
    planned = plan(root, settings, values, application)
    return install(planned, root, settings, values, line or _print_line, warn or _warn)


def _warn(text: str) -> None:
    _print_line(f"warning: {text}")


def _report_warning(text: str) -> None:
    _write({"event": "install.adapted", "reason": text})


def _write(record: Mapping[str, object]) -> None:
    # One call for one line: another thread reports the progress.
    sys.stdout.write(json.dumps(record, default=str) + "\n")
    sys.stdout.flush()


def _print_line(line: str) -> None:
    # A person reads a terminal; the supervisor reads a pipe, and its log sanitises each line once.
    sys.stderr.write((sanitise(line) if sys.stderr.isatty() else line) + "\n")
    sys.stderr.flush()
