"""The two processes that get a copy of the log: the recorder and the exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from appliance.supervisor.recording.desk_feed import DeskFeed
from appliance.supervisor.recording.telemetry_feed import TelemetryFeed

if TYPE_CHECKING:
    import socket

    from appliance.config.env import Environment
    from appliance.supervisor.runtime import Runtime


class Feeds(NamedTuple):
    """The supervisor's ends of both."""

    desk: DeskFeed
    telemetry: TelemetryFeed

    @classmethod
    def of(cls, runtime: Runtime, listener: socket.socket, environment: Environment | None, *, secure: bool) -> Self:
        """Make both: for this listening socket, which speaks HTTPS if ``secure``."""
        return cls(DeskFeed(runtime, listener, secure=secure), TelemetryFeed(runtime, environment, secure=secure))

    def begin(self) -> None:
        """Copy the log from now on."""
        self.desk.begin()
        self.telemetry.begin()

    def finish(self) -> None:
        """Let both take what is left, and end."""
        self.desk.finish()
        self.telemetry.finish()
