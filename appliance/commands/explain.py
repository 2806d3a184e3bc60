"""``appliance check`` and ``appliance config``: print what was found in the project and why, and every setting.

Both start, install and change nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.commands.first_steps import Opening, open_project
from appliance.config.settings import TABLE
from appliance.config.table import PREFIX
from appliance.discovery.asgi_applications import websocket_action
from appliance.discovery.project import Project, find_application
from appliance.discovery.target import describe_findings
from appliance.environment.plan import plan
from appliance.errors import ApplicationError
from appliance.logs.sanitise import sanitise
from appliance.masking import MASKED, SECRET, Mask
from appliance.supervisor.preloading import preload_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.settings import Settings
    from appliance.environment.plan import Plan


def check(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Print what each rule looked at and found, then what would be installed.

    Raises:
        ApplianceError: the project can't be served; the findings are already printed.
    """
    opening = open_project(process, flags)
    opening.report_notices()
    root, values = opening.settings.project, opening.environment.values
    write = _line_writer(values)
    write(f"project      {root}", *_unread("warning      ", opening))
    try:
        adapts = opening.settings.asgi == "adapt"
        project = find_application(root, values, opening.settings.app or None, adapts=adapts)
    except ApplicationError as error:
        findings = error.details.pop("findings", ())
        write(*describe_findings(findings))
        raise
    write(*describe_findings(project.findings))
    write(
        f"application  {project.target.name}",
        f"framework    {project.target.framework or project.target.interface.upper()}",
        f"why          {project.target.why}",
        *_unserved(project),
    )
    planned = plan(root, opening.settings, values, project.folder)
    state = "installed" if planned.installed else "not installed yet"
    write(
        f"python       {planned.interpreter}",
        f"dependencies {planned.source}, {state}",
        f"environment  {planned.environment}",
        *_preloaded(opening.settings, planned),
    )
    return 0


def _unserved(project: Project) -> list[str]:
    """Describe what WSGI leaves out of the project, or of the ASGI application that is adapted to WSGI."""
    unserved = project.unserved
    if unserved is not None:
        lines = [f"not served   {route} ({unserved.application})" for route in unserved.routes]
        return [*lines, f"             {unserved.action}"]
    if project.target.interface == "asgi":
        return [f"not served   WebSockets: {websocket_action(project.root, project.target)}"]
    return []


def _preloaded(settings: Settings, planned: Plan) -> list[str]:
    """Describe what the preloader imports for reloads, as earlier runs of the project learned; what not, and why."""
    if settings.preload == "off" or settings.reload == "off":
        return ["preloaded    nothing: APPLIANCE_PRELOAD or APPLIANCE_RELOAD is off"]
    known = preload_cache.load(preload_cache.place(settings.cache, planned, settings.project))
    if known.refused:
        return [f"preloaded    nothing: {known.refused}"]
    if not known.modules:
        return ["preloaded    not known yet: the appliance learns it while it serves the project"]
    lines = [f"preloaded    {known.preloaded} modules; {len(known.left)} are left out"]
    return lines + [f"  {module}: {why}" for module, why in sorted(known.left.items())]


def config(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Print each setting, its value and its origin; then the variables of the project's files, secrets masked."""
    opening = open_project(process, flags)
    settings, write = opening.settings, _line_writer(opening.environment.values)
    width = max(len(setting.variable) for setting in TABLE)
    for setting in TABLE:
        value = getattr(settings, setting.field)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        write(f"{setting.variable:<{width}}  {text or '-'}  ({settings.origins[setting.field]})")
    own = {
        key: origin
        for key, origin in opening.environment.origins.items()
        if origin != "environment" and not key.startswith(PREFIX)
    }
    if own:
        write("", "From the project's files:")
    for key, origin in sorted(own.items()):
        shown = MASKED if SECRET.search(key) else opening.environment.values[key]
        write(f"{key}  {shown!r}  ({origin})")
    if unread := _unread("", opening):
        write("", "Not read:", *unread)
    return 0


def _unread(start: str, opening: Opening) -> list[str]:
    return [f"{start}{complaint}" for complaint in opening.environment.complaints]


def _line_writer(values: Mapping[str, str]) -> Callable[..., None]:
    """Return a function that prints lines with a project's text: secrets masked, and safe for a terminal."""
    mask = Mask(values)

    def write(*lines: str) -> None:
        sys.stdout.write("".join(sanitise(mask.masked(line), lines=True) + "\n" for line in lines))

    return write
