"""The two processes that get a copy of the log: the recorder and the exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from appliance.supervisor.log_consumers.exporter_process import ExporterProcess
from appliance.supervisor.log_consumers.recorder_process import RecorderProcess

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from appliance.config.env import Environment
    from appliance.supervisor.runtime import Runtime


class LogConsumers(NamedTuple):
    """The supervisor's ends of both."""

    recorder: RecorderProcess
    exporter: ExporterProcess

    @classmethod
    def of(
        cls,
        runtime: Runtime,
        listener: socket.socket,
        environment: Environment | None,
        recorder_started: Callable[[], object],
        *,
        secure: bool,
    ) -> Self:
        """Make both: for this listening socket, which speaks HTTPS if ``secure``."""
        return cls(
            RecorderProcess(runtime, listener, recorder_started, secure=secure),
            ExporterProcess(runtime, environment, secure=secure),
        )

    def begin(self) -> None:
        """Copy the log from now on."""
        self.recorder.begin()
        self.exporter.begin()

    def start_if_needed(self) -> None:
        """At a stop, start each consumer that has lines to send and does not run."""
        self.recorder.start_if_needed()
        self.exporter.start_if_needed()

    def finish(self) -> None:
        """Let both take the remaining lines, and end."""
        self.recorder.finish()
        self.exporter.finish()
