"""``appliance check`` and ``appliance config``: what was found, and why; each setting, and where it comes from.

Owns their layout. Nothing is started, installed or changed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.commands.opening import Opening, open_project
from appliance.config.settings import TABLE
from appliance.config.table import PREFIX
from appliance.discovery.asgi_applications import websocket_action
from appliance.discovery.project import Project, find_application
from appliance.discovery.target import told
from appliance.environment.plan import plan
from appliance.errors import ApplicationError
from appliance.logs.sanitise import sanitise
from appliance.masking import MASKED, SECRET, Mask
from appliance.supervisor.workers import preload_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.settings import Settings
    from appliance.environment.plan import Plan


def check(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Say rule by rule what was looked at and what was found, then what would be installed.

    Raises:
        ApplianceError: the project could not be served; what was looked at has been said.
    """
    opening = open_project(process, flags)
    opening.tell()
    root, values = opening.settings.project, opening.environment.values
    say = _saying(values)
    say(f"project      {root}", *_unread("warning      ", opening))
    try:
        adapts = opening.settings.asgi == "adapt"
        project = find_application(root, values, opening.settings.app or None, adapts=adapts)
    except ApplicationError as error:
        findings = error.details.pop("findings", ())
        say(*told(findings))
        raise
    say(*told(project.findings))
    say(
        f"application  {project.target.name}",
        f"framework    {project.target.framework or project.target.interface.upper()}",
        f"why          {project.target.why}",
        *_unserved(project),
    )
    planned = plan(root, opening.settings, values, project.folder)
    state = "installed" if planned.installed else "not installed yet"
    say(
        f"python       {planned.interpreter}",
        f"dependencies {planned.source}, {state}",
        f"environment  {planned.environment}",
        *_preloaded(opening.settings, planned),
    )
    return 0


def _unserved(project: Project) -> list[str]:
    """What WSGI leaves out of the project, or of the application that is adapted to it."""
    unserved = project.unserved
    if unserved is not None:
        lines = [f"not served   {route} ({unserved.application})" for route in unserved.routes]
        return [*lines, f"             {unserved.action}"]
    if project.target.interface == "asgi":
        return [f"not served   WebSockets: {websocket_action(project.root, project.target)}"]
    return []


def _preloaded(settings: Settings, planned: Plan) -> list[str]:
    """What reloads are forked with, as it was learned while the project ran; what not, and why."""
    if settings.preload == "off" or settings.reload == "off":
        return ["preloaded    nothing: APPLIANCE_PRELOAD or APPLIANCE_RELOAD is off"]
    known = preload_cache.load(preload_cache.place(settings.cache, planned, settings.project))
    if known.refused:
        return [f"preloaded    nothing: {known.refused}"]
    if not known.modules:
        return ["preloaded    not known yet: it is learned when the project is served"]
    lines = [f"preloaded    {known.preloaded} modules; {len(known.left)} are left out"]
    return lines + [f"  {module}: {why}" for module, why in sorted(known.left.items())]


def config(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Say each setting, its value and its origin; then the variables of the project's files, secrets masked."""
    opening = open_project(process, flags)
    settings, say = opening.settings, _saying(opening.environment.values)
    width = max(len(setting.variable) for setting in TABLE)
    for setting in TABLE:
        value = getattr(settings, setting.field)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        say(f"{setting.variable:<{width}}  {text or '-'}  ({settings.origins[setting.field]})")
    own = {
        key: origin
        for key, origin in opening.environment.origins.items()
        if origin != "environment" and not key.startswith(PREFIX)
    }
    if own:
        say("", "From the project's files:")
    for key, origin in sorted(own.items()):
        shown = MASKED if SECRET.search(key) else opening.environment.values[key]
        say(f"{key}  {shown!r}  ({origin})")
    if unread := _unread("", opening):
        say("", "Not read:", *unread)
    return 0


def _unread(start: str, opening: Opening) -> list[str]:
    return [f"{start}{complaint}" for complaint in opening.environment.complaints]


def _saying(values: Mapping[str, str]) -> Callable[..., None]:
    """What writes lines that may hold a project's text: without its secrets, and safe for a terminal."""
    mask = Mask(values)

    def say(*lines: str) -> None:
        sys.stdout.write("".join(sanitise(mask.masked(line), lines=True) + "\n" for line in lines))

    return say
