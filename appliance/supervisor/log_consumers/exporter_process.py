"""Run the exporter if an endpoint is set: give it a copy of every line of the log, and start it again if it ends.

Nothing waits for it (``line_pipe``). An exporter that ends is started again, more and more slowly. Without an endpoint
there is no process, no socket and no copy. Runs in the supervisor's loop.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config.otel_variables import Telemetry, read_telemetry
from appliance.discovery.rules.project_package import read_pyproject
from appliance.errors import ApplianceError
from appliance.protocol.start.first_messages import ExportLines
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.log_consumers.consumer_start import PAUSES_S, START_S, start_consumer
from appliance.supervisor.log_consumers.line_pipe import LinePipe, message_pair
from appliance.supervisor.processes.child_restarts import ChildRestarts
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from appliance.config.env import Environment
    from appliance.config.settings import Settings
    from appliance.protocol.start.start_options import SamplerOptions
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime

LAST_S = 1.2  # to send what is left, at the stop; the exporter itself takes less
_BEGUN_S = 5.0  # an exporter that was started so shortly before may still import the SDK,
_BEGINS_S = 1.5  # for which it has this time in addition
_SERVICE = "service.name"


class ExporterProcess:
    """The supervisor's end of the exporter.

    Args:
        runtime: the supervisor's.
        environment: of the appliance, the project's files included.
        secure: HTTPS is served.
    """

    def __init__(self, runtime: Runtime, environment: Environment | None, *, secure: bool) -> None:
        self._runtime = runtime
        values = runtime.process if environment is None else environment.values
        self._telemetry: Telemetry = read_telemetry(values)
        self._scheme = "https" if secure else "http"
        self._pipe = LinePipe(runtime.loop, self._tell_incomplete)
        self._secrets: tuple[str, ...] = ()
        self._spans: tuple[socket.socket, socket.socket] | None = None  # the workers' end, the exporter's
        if "traces" in self._telemetry.endpoints:
            self._spans = message_pair()
        self._child: Handle | None = None
        self._restarts = ChildRestarts(PAUSES_S)

    @property
    def spans(self) -> int:
        """The socket through which workers send the facts for spans; -1 if no span is exported."""
        return self._spans[0].fileno() if self._spans is not None else -1

    @property
    def tracing(self) -> SamplerOptions | None:
        """The options with which a worker begins spans; None if no span is exported."""
        sampler = self._telemetry.sampler
        return {"name": sampler.name, "ratio": sampler.ratio} if self._spans is not None else None

    def name_secrets(self, values: Sequence[str]) -> None:
        """Name the texts that the exporter must mask."""
        if (named := tuple(values)) != self._secrets:
            self._secrets = named
            # orjson refuses the lone surrogates of a variable that is not UTF-8.
            self._pipe.write_always(json.dumps({"secrets": named}).encode() + b"\n")
            self._pipe.flush()  # at once: the next worker may use them before other lines are due

    def begin(self) -> None:
        """Hold the lines from now on, and start the exporter a little later."""
        log, telemetry = self._runtime.log, self._telemetry
        for problem in telemetry.problems:
            log.event("warning", "telemetry.misconfigured", **vars(problem))
        if not telemetry.endpoints:
            return
        log.add_secrets({}, telemetry.secrets)
        log.event(
            "info", "telemetry.started", url=_common_url(telemetry.endpoints), names=sorted(telemetry.endpoints),
        )  # fmt: skip
        log.copy_to(self._pipe.write, self.name_secrets)
        self._runtime.loop.call_later(START_S, self._start)

    def ended(self, child: Handle) -> None:
        """Start another exporter if one has ended by itself."""
        if child is not self._child:
            return
        self._child = None
        self._pipe.close()
        if child.ending:
            if child.returncode:
                self._runtime.log.event("warning", "telemetry.failed", reason=f"at the stop: {child.how()}")
        else:
            self._start_again(child.how(), time.monotonic() - child.started)

    def start_if_needed(self) -> None:
        """Start an exporter that does not run yet: the appliance stops, and the held lines are still sent."""
        if self._telemetry.endpoints and self._child is None:
            self._start_one()
            if not self._pipe.is_open and (held := self._pipe.forget()):
                reason = "the appliance has ended before the exporter ran"
                self._runtime.log.event("warning", "telemetry.lost", what="lines", count=held, reason=reason)

    def finish(self) -> None:
        """Write the held lines, and close the pipe: the exporter sends as many as it can in a moment, and ends."""
        child = self._child
        if child is not None and not child.ending:
            self._pipe.flush()
            self._pipe.close()
            self._runtime.children.expect_end(child)
            begins = time.monotonic() - child.started < _BEGUN_S
            self._runtime.children.set_deadline(child, LAST_S + (_BEGINS_S if begins else 0.0))

    def _start(self) -> None:
        if self._child is None and self._runtime.lifecycle.state.phase not in {Phase.STOPPING, Phase.STOPPED}:
            self._start_one()

    def _start_one(self) -> None:
        environment = {**self._runtime.process, **self._telemetry.variables}
        descriptors = [self._spans[1].fileno()] if self._spans is not None else []
        try:
            self._child = start_consumer(
                self._runtime, self._pipe, Role.EXPORTER, "appliance.telemetry", self._first_message(),
                environment=environment, descriptors=descriptors,
            )  # fmt: skip
        except (OSError, ApplianceError) as error:
            self._start_again(str(error), 0.0)
        self._pipe.flush()

    def _first_message(self) -> ExportLines:
        settings, telemetry = self._runtime.settings, self._telemetry
        attributes = {} if telemetry.service else {_SERVICE: service_name(settings)}
        return ExportLines(
            signals=list(telemetry.endpoints), attributes=attributes, sampler=telemetry.sampler._asdict(),
            scheme=self._scheme, redact=list(settings.redact), secrets=list(self._secrets),
        )  # fmt: skip

    def _start_again(self, reason: str, ran_s: float) -> None:
        self._restarts = self._restarts.after_end(ran_s)
        self._runtime.log.event("warning", "telemetry.failed", reason=reason)
        self._runtime.loop.call_later(self._restarts.pause_s or 0.0, self._start)

    def _tell_incomplete(self, count: int) -> None:
        reason = "more lines came than the exporter takes"
        self._runtime.log.event("warning", "telemetry.lost", what="lines", count=count, reason=reason)


def _common_url(endpoints: Mapping[str, str]) -> str:
    """Return the URL that all signals have in common, or the first."""
    bases = {url.removesuffix(f"/v1/{signal}") for signal, url in endpoints.items()}
    return bases.pop() if len(bases) == 1 else next(iter(endpoints.values()))


def service_name(settings: Settings) -> str:
    """Return the name of the project: of the log's fields, of pyproject.toml, or of its folder."""
    if name := dict(settings.log_fields).get(_SERVICE):
        return name
    project = read_pyproject(settings.project).get("project")
    declared = project.get("name") if isinstance(project, dict) else ""
    folder = Path(settings.editor_folder) if settings.editor_folder else settings.project
    return declared if isinstance(declared, str) and declared else folder.name
