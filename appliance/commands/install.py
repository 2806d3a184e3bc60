"""``appliance install``: make the project's environment whole, and end.

The supervisor runs it as a child (``--report``: warnings, a failure and the end are one JSON object each on stdout);
people may too. Progress is
the installer's own, on stderr.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.opening import Opening, open_project, tell_unread
from appliance.discovery.project import Project, find_application
from appliance.environment.plan import Plan, install, plan
from appliance.errors import ApplianceError, ApplicationError
from appliance.logs.sanitise import sanitise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def command(process: Mapping[str, str], flags: Mapping[str, str], *, report: bool, near: str | None) -> int:
    """Install; 0 also when nothing was to be done."""
    try:
        opening = open_project(process, flags)
        if not report:
            tell_unread(opening)
            opening.tell()  # else the supervisor has told it
        project = None if near else application_of(opening)
        found = project.folder if project else None
        planned = ensure(opening, Path(near) if near else found, _report_warning if report else _warn)
    except ApplianceError as error:
        if not report:
            raise
        _write({"event": error.event, **error.fields()})
        return error.exit_code
    if report:
        _write({"event": "install.finished", "environment": str(planned.environment)})
    return 0


def application_of(opening: Opening) -> Project | None:
    """The project's application; None where it is not written yet, or can't be told."""
    try:
        settings = opening.settings
        return find_application(
            settings.project, opening.environment.values, settings.app or None, adapts=settings.asgi == "adapt"
        )
    except ApplicationError:
        return None


def ensure(opening: Opening, application: Path | None, warn: Callable[[str], None] | None = None) -> Plan:
    """The plan of the project's environment, which is whole when this returns.

    Args:
        opening: the project.
        application: the folder that its application lies in, where that is known.
        warn: takes what is installed otherwise than the files say.

    Raises:
        InstallError: it can't be made.
    """
    root, settings, values = opening.settings.project, opening.settings, opening.environment.values
    return install(plan(root, settings, values, application), root, settings, values, _tell, warn or _warn)


def _warn(text: str) -> None:
    _tell(f"warning: {text}")


def _report_warning(text: str) -> None:
    _write({"event": "install.adapted", "reason": text})


def _write(record: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(record, default=str) + "\n")
    sys.stdout.flush()


def _tell(line: str) -> None:
    # A terminal is a person's; on a pipe is the supervisor, whose log makes it safe, and once only.
    sys.stderr.write((sanitise(line) if sys.stderr.isatty() else line) + "\n")
    sys.stderr.flush()
