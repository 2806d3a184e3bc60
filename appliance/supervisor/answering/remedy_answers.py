"""Answer the questions of assistants about remedies: list them, run one, end one. Runs in the supervisor's loop.

The rules are those of the pages (``offered_remedies``): the id names a remedy that the supervisor itself has made, and
the digest is that of the text that the assistant was shown. In addition, ``APPLIANCE_MCP`` must be ``write``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.protocol.page_messages import RunRemedy
from appliance.supervisor.answering.assistant_access import READ_ONLY
from appliance.supervisor.reporting.status_socket import WithArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.supervisor.remedy_runs.offered_remedies import OfferedRemedies
    from appliance.supervisor.reporting.status_socket import Answerer, Send
    from appliance.supervisor.runtime import Runtime


class RemedyAnswers:
    """The answers of one appliance.

    Args:
        runtime: the supervisor's.
        remedies: what may be run.
    """

    def __init__(self, runtime: Runtime, remedies: OfferedRemedies) -> None:
        self._log = runtime.log
        self._may_write = runtime.settings.mcp == "write"
        self._remedies = remedies

    def answerers(self) -> Mapping[str, Answerer]:
        """Return a function for each question."""
        return {
            "remedies": lambda send: send(self._answer()),
            "run-remedy": WithArgument(self._run),
            "cancel-remedy": WithArgument(self._cancel),
        }

    def _answer(self) -> dict[str, Any]:
        return {"remedies": self._remedies.offers(), "runs": dict(self._remedies.runs)}

    def _run(self, asked: dict[str, Any], send: Send) -> None:
        if not self._may_write:
            send({"error": READ_ONLY})
            return
        remedy, shown = str(asked.get("remedy"))[:64], str(asked.get("shown"))[:64]
        known = next((each for each in self._remedies.offers() if each["id"] == remedy), None)
        if known is not None:
            self._log.event("info", "remedy.asked", remedy=known["kind"])
        self._remedies.press(RunRemedy(remedy=remedy, shown=shown))
        send(self._answer())

    def _cancel(self, asked: dict[str, Any], send: Send) -> None:
        if not self._may_write:
            send({"error": READ_ONLY})
            return
        self._remedies.cancel(str(asked.get("remedy"))[:64])
        send(self._answer())
