"""``appliance install``: make the project's environment whole, and end.

The supervisor runs it as a child (``--report``: a failure is one JSON object on stdout); people may too. Progress is
the installer's own, on stderr.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from appliance.boot.dependencies import Plan, install, plan
from appliance.commands.opening import Opening, open_project
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from collections.abc import Mapping


def command(process: Mapping[str, str], flags: Mapping[str, str], *, report: bool) -> int:
    """Install; 0 also when nothing was to be done."""
    try:
        ensure(open_project(process, flags))
    except ApplianceError as error:
        if not report:
            raise
        sys.stdout.write(json.dumps({"event": error.event, **error.fields()}, default=str) + "\n")
        return error.exit_code
    return 0


def ensure(opening: Opening) -> Plan:
    """The plan of the project's environment, which is whole when this returns.

    Raises:
        InstallError: it can't be made.
    """
    planned = plan(opening.settings.project, opening.settings, opening.environment.values)
    if not planned.installed:
        install(planned, opening.settings.project, opening.settings, opening.environment.values, _tell)
    return planned


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
