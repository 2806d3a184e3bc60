"""``appliance serve``: make the log, bind the address, and run the supervisor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from appliance.commands.first_steps import open_project
from appliance.config.certificate import read_certificate
from appliance.environment.start_failure import start_error
from appliance.errors import ApplianceError, SettingsError, defect
from appliance.logs.access_rules import Rules
from appliance.logs.log import Log, make_log
from appliance.logs.project_output.malloc_settings import keep_freed_memory
from appliance.logs.render.console import Console
from appliance.logs.render.log_fields import ALWAYS, FIELDS
from appliance.logs.writer import Writer
from appliance.supervisor.listen import bind
from appliance.supervisor.processes.descriptors import allow_many_descriptors
from appliance.supervisor.supervisor import Supervisor
from appliance.supervisor.terminal.key_functions import HELP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.config.settings import Settings
    from appliance.logs.entries import Access

QUEUE = 4 * 1024 * 1024  # bytes of lines that may wait for a slow stdout
STDIN = 0
STDOUT = 1


def command(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Serve until a signal ends it. Each message is a line of the log, also an error at the start."""
    keep_freed_memory()
    writer = Writer(STDOUT, bound=QUEUE)
    log = _first_log(writer, process, flags)
    try:
        opened = open_project(process, flags, serves=True)
        settings = opened.settings
        certificate = read_certificate(settings)
        allow_many_descriptors()
        listener = bind(settings.host, settings.port)
        log = _log(writer, process, settings)
        log.add_secrets(opened.environment.values, opened.environment.secrets())
        supervisor = Supervisor(
            settings, opened.process, opened.argv(), listener=listener, certificate=certificate, log=log,
            writer=writer, environment=opened.environment,
        )  # fmt: skip
        code = supervisor.run()
    except Exception as error:  # noqa: BLE001  every error becomes a line of the log
        failure = _as_appliance_error(error)
        log.event("error", failure.event, **failure.fields())
        code = failure.exit_code
    writer.close()
    return code


def _as_appliance_error(error: Exception) -> ApplianceError:
    if isinstance(error, ApplianceError):
        return error
    return start_error("the appliance", error) if isinstance(error, OSError | MemoryError) else defect(error)


def _first_log(writer: Writer, process: Mapping[str, str], flags: Mapping[str, str]) -> Log:
    """Return the log for everything that happens before the settings are read."""
    form = flags.get("log_format") or process.get("APPLIANCE_LOG_FORMAT", "")
    console = Console(colour=_is_in_colour(process)) if _is_for_people(form) else None
    log = make_log(writer.write, level="info", access="on", console=console)
    log.add_secrets(process)
    return log


def _log(writer: Writer, process: Mapping[str, str], settings: Settings) -> Log:
    if taken := [name for name, _ in settings.log_fields if name in ALWAYS or name in FIELDS]:
        raise SettingsError(
            f"APPLIANCE_LOG_FIELDS names {', '.join(taken)}, which the appliance's own events use",
            expected="names of fields that no event has",
            action="Use another name, such as service.name; docs/log-events.md lists the names that are used.",
        )
    console = None
    if _is_for_people(settings.log_format):
        console = Console(
            colour=_is_in_colour(process),
            root=str(settings.project),
            pages=settings.access_log == "pages",
            help_text=_help_text(process),
        )
    return make_log(
        writer.write,
        level=settings.log_level,
        access=cast("Access", settings.access_log),
        console=console,
        constant=dict(settings.log_fields),
        rules=Rules(redact=settings.redact, quiet=settings.quiet_paths, slow_s=settings.slow_request_s),
    )


def _help_text(process: Mapping[str, str]) -> str:
    if os.isatty(STDIN):
        return HELP
    prefix = "docker compose exec app " if "APPLIANCE_IMAGE" in process else ""
    return f"{prefix}appliance status; also doctor, check, config and --help"


def _is_for_people(form: str) -> bool:
    """Whether the log of this format is text: on a terminal, if the format is not set."""
    return form == "console" or (form != "json" and os.isatty(STDOUT))


def _is_in_colour(process: Mapping[str, str]) -> bool:
    """Whether text is in colour (no-color.org, force-color.org: set and not empty).

    Between this process and a person's terminal may be an engine; the compose files tell whether there is a terminal.
    """
    terminal = os.isatty(STDOUT)
    read_by_person = process.get("TERM") != "dumb" if terminal else bool(process.get("COMPOSE_TERMINAL"))
    wanted = bool(process.get("FORCE_COLOR")) or read_by_person
    return wanted and not process.get("NO_COLOR")
