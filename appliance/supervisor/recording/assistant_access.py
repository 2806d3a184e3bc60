"""Tell the processes that serve assistants what these may do. Runs in the supervisor's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.supervisor.reporting.status_socket import Answerer
    from appliance.supervisor.runtime import Runtime


class AssistantAccess:
    """What assistants may do.

    Args:
        runtime: the supervisor's.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._settings = runtime.settings

    def answerers(self) -> Mapping[str, Answerer]:
        """Return a function for each question of the status socket."""
        return {"assistants": lambda callback: callback({"mode": self._settings.mcp})}
