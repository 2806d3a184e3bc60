"""``appliance check`` and ``appliance config``: print what was found in the project and why, and every setting.

Both start, install and change nothing.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from appliance.commands.first_steps import OpenedProject, open_project
from appliance.config.setting_rows import setting_rows, variable_rows
from appliance.discovery.asgi_applications import websocket_action
from appliance.discovery.project import Project, find_application
from appliance.environment.plan import plan
from appliance.errors import ApplicationError
from appliance.logs.render.field_text import aligned
from appliance.logs.sanitise import sanitise
from appliance.masking import Mask
from appliance.plural import counted
from appliance.supervisor.preloading import preload_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.settings import Settings
    from appliance.environment.plan import Plan


def check(process: Mapping[str, str], flags: Mapping[str, str], *, verbose: bool = False, as_json: bool = False) -> int:
    """Print the application and why it was chosen, what would be installed, and what each rule looked at and found.

    Raises:
        ApplianceError: the project can't be served; the findings are already printed.
    """
    opened = open_project(process, flags)
    opened.report_notices()
    root, values = opened.settings.project, opened.environment.values
    mask = Mask(values, more=opened.environment.secrets())
    report = _json_report(mask) if as_json else text_report(line_writer(mask), verbose=verbose)
    facts: dict[str, Any] = {"project": str(root), "warnings": _unread("", opened)}
    try:
        adapts = opened.settings.asgi == "adapt"
        project = find_application(root, values, opened.settings.app or None, adapts=adapts)
    except ApplicationError as error:
        report({**facts, "findings": error.details.pop("findings", ())})
        raise
    planned = plan(root, opened.settings, values, project.folder)
    state = "installed" if planned.installed else "not installed yet"
    framework = project.target.framework or project.target.interface.upper()
    report({
        **facts,
        "application": project.target.name.rstrip(":"),
        "framework": framework,
        "why": project.target.why,
        "not served": _unserved(project),
        "python": planned.interpreter,
        "dependencies": planned.source if planned.source == "none" else f"{planned.source}, {state}",
        "environment": str(planned.environment),
        **_preloaded(opened.settings, planned),
        "findings": [vars(finding) for finding in project.findings],
    })  # fmt: skip
    return 0


def _json_report(mask: Mask) -> Callable[[dict[str, Any]], None]:
    def report(facts: dict[str, Any]) -> None:
        named = {name.replace(" ", "_"): mask.of(value) for name, value in facts.items()}
        sys.stdout.write(json.dumps(named) + "\n")

    return report


def text_report(write: Callable[..., None], *, verbose: bool) -> Callable[[dict[str, Any]], None]:
    """Return a function that prints the facts for people."""

    def report(facts: dict[str, Any]) -> None:
        findings, left = facts.pop("findings"), facts.pop("left out", {})
        if facts.get("preloaded") and left:
            hint = "" if verbose else "; --verbose lists them"
            facts["preloaded"] += f"; {counted(len(left), 'module')} left out{hint}"
        for name, value in facts.items():
            for label, text in zip((name, *[""] * 99), [value] if isinstance(value, str) else value, strict=False):
                write(f"{label:<13} {text}")
        if verbose:
            write(*(f"  {line}" for line in aligned(sorted(left.items()))))
        write("", "Where it looked, rule by rule:")
        table = [[each["outcome"], each["rule"], each["looked_at"], each["found"]] for each in findings]
        write(*(f"  {line}" for line in aligned(table)))

    return report


def _unserved(project: Project) -> list[str]:
    """Describe the parts of the project that WSGI does not serve, or that adapting an ASGI application leaves out."""
    unserved = project.unserved
    if unserved is not None:
        return [*(f"{route} ({unserved.application})" for route in unserved.routes), unserved.action]
    if project.target.interface == "asgi":
        return [f"WebSockets: {websocket_action(project.root, project.target)}"]
    return []


def _preloaded(settings: Settings, planned: Plan) -> dict[str, Any]:
    """Describe the modules that the preloader imports for reloads, by earlier runs, and those that it leaves out."""
    if settings.preload == "off" or settings.reload == "off":
        return {"preloaded": "nothing: APPLIANCE_PRELOAD or APPLIANCE_RELOAD is off"}
    known = preload_cache.load(preload_cache.place(settings.cache, planned, settings.project))
    if known.refused:
        return {"preloaded": f"nothing: {known.refused}"}
    if not known.modules:
        return {"preloaded": "not known yet: the appliance learns it while it serves the project"}
    return {"preloaded": counted(known.preloaded_count, "module"), "left out": dict(known.left)}


def config(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Print each setting, its value and its origin; then the variables of the project's files, secrets masked."""
    opened = open_project(process, flags)
    environment = opened.environment
    settings, write = opened.settings, line_writer(Mask(environment.values, more=environment.secrets()))
    rows = list(setting_rows(settings))
    width = max(len(row.name) for row in rows)
    write(*(f"{row.name:<{width}}  {row.value or '-'}  ({row.origin})" for row in rows))
    if own := list(variable_rows(environment)):
        write("", "From the project's files and secrets:")
    write(*(f"{row.name}  {row.value!r}  ({row.origin})" for row in own))
    if unread := _unread("", opened):
        write("", "Not read:", *unread)
    return 0


def _unread(start: str, opened: OpenedProject) -> list[str]:
    return [f"{start}{part}" for part in opened.environment.unread]


def line_writer(mask: Mask) -> Callable[..., None]:
    """Return a function that prints lines with a project's text: secrets masked, and safe for a terminal."""

    def write(*lines: str) -> None:
        sys.stdout.write("".join(sanitise(mask.masked(line), lines=True) + "\n" for line in lines))

    return write
