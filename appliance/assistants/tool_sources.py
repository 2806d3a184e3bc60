"""Give tools access to their sources: the desk's database, and the supervisor's status."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.assistants.tool_call import ToolError
from appliance.desk.database import UnreadableError, open_for_reading, open_recorded
from appliance.protocol.status_question import ask_supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

AS_OWN_USER = "Run the MCP server as one of them: docker compose exec -T app appliance mcp"
_OWNERS_FIELD = "generation"  # a field that only root and the appliance's own user get


class Sources:
    """The sources of one appliance.

    Args:
        socket: the path of the supervisor's status socket.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def ask(self, question: str = "status", *, timeout_s: float = 5.0) -> dict[str, Any]:
        """Ask the supervisor.

        Raises:
            ToolError: it does not answer.
        """
        try:
            return ask_supervisor(self._socket, question, timeout_s=timeout_s)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", "") or error
            raise ToolError(
                f"No appliance answers on {self._socket} ({why}).",
                action="Ask the person to start it: docker compose up.",
            ) from None

    def status(self) -> dict[str, Any]:
        """Return the whole status.

        Raises:
            ToolError: the supervisor does not answer, or tells this user nothing.
        """
        status = self.ask()
        if _OWNERS_FIELD not in status:
            raise ToolError("Only root and the appliance's own user see the status.", action=AS_OWN_USER)
        return status

    @contextmanager
    def desk(self, *, may_be_empty: bool = False) -> Iterator[sqlite3.Connection]:
        """Open the database of recorded requests.

        Args:
            may_be_empty: a database that the recorder has not made yet is an empty one.

        Raises:
            ToolError: this appliance records nothing, or it can't be read.
        """
        place = self.status().get("desk")
        if not place:
            raise ToolError(
                "This appliance records no requests.",
                action="Set APPLIANCE_RECORD=on and APPLIANCE_PAGES=on, and restart it.",
            )
        opened = open_recorded if may_be_empty else open_for_reading
        try:
            with closing(opened(Path(place))) as connection:
                yield connection
        except (UnreadableError, sqlite3.Error) as error:
            raise ToolError(
                f"What was recorded can't be read: {error}.", action="Send a request, and try again."
            ) from None
