"""``appliance serve``: bind, then hand everything to the supervisor.

Owns the log's making and its end.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.boot.certificate import read_certificate
from appliance.commands.opening import open_project
from appliance.errors import ApplianceError
from appliance.logs.setup import Log, make_log
from appliance.logs.writer import Writer
from appliance.supervisor.descriptors import allow_many_descriptors
from appliance.supervisor.listen import bind
from appliance.supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping

QUEUE = 4 * 1024 * 1024  # bytes of lines that may wait for a slow stdout
STDOUT = 1


def command(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Serve until a signal. Every word of it is a line of the log, an error at the start too."""
    writer = Writer(STDOUT, bound=QUEUE)
    log = _log(writer, process, flags.get("log_format") or process.get("APPLIANCE_LOG_FORMAT", ""), "info", "on", "")
    try:
        opening = open_project(process, flags)
        settings = opening.settings
        certificate = read_certificate(settings)
        allow_many_descriptors()
        listener = bind(settings.host, settings.port)
        log = _log(writer, process, settings.log_format, settings.log_level, settings.access_log, str(settings.project))
        supervisor = Supervisor(
            settings, process, opening.argv(), listener=listener, certificate=certificate, log=log, writer=writer
        )
        code = supervisor.run()
    except ApplianceError as error:
        log.event("error", error.event, **error.fields())
        code = error.exit_code
    writer.close()
    return code


def _log(writer: Writer, process: Mapping[str, str], form: str, level: str, access: str, root: str) -> Log:
    terminal = os.isatty(STDOUT)
    console = form == "console" or (form != "json" and terminal)
    colour = console and "NO_COLOR" not in process and (terminal or "FORCE_COLOR" in process)
    return make_log(
        writer.write,
        format="console" if console else "json",
        level=level,
        access="off" if access == "off" else "errors" if access == "errors" else "on",
        colour=colour,
        root=root,
    )
