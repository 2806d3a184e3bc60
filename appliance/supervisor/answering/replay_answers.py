"""Answer an assistant or a command that asks for a replay: the recorder does it. Runs in the supervisor's loop.

A request that is sent again runs the project's code, so for an assistant ``APPLIANCE_MCP`` must be ``write``. A person
who runs the command needs no setting: the status socket answers only root and the appliance's own user. The recorder's
answers are masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.protocol.page_messages import EDITED, NO_ANSWER, RECORDING_S, SENDING_S
from appliance.supervisor.answering.assistant_access import READ_ONLY
from appliance.supervisor.reporting.status_socket import WithArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.supervisor.answering.recorder_questions import RecorderQuestions
    from appliance.supervisor.reporting.status_socket import Answerer, Send
    from appliance.supervisor.runtime import Runtime


class ReplayAnswers:
    """The answers of one appliance.

    Args:
        runtime: the supervisor's.
        questions: asks the recorder.
    """

    def __init__(self, runtime: Runtime, questions: RecorderQuestions) -> None:
        self._loop = runtime.loop
        self._may_write = runtime.settings.mcp == "write"
        self._questions = questions

    def answerers(self) -> Mapping[str, Answerer]:
        """Return a function for each question."""
        return {
            "replay": WithArgument(self._replay), "send_again": WithArgument(self._send_again),
            "recording": lambda send: self._ask({"ask": "recording"}, send, RECORDING_S),
        }  # fmt: skip

    def _replay(self, asked: dict[str, Any], send: Send) -> None:
        if not self._may_write:
            send({"error": READ_ONLY})
            return
        self._send_again(asked, send)

    def _send_again(self, asked: dict[str, Any], send: Send) -> None:
        edit = {name: str(asked[name]) for name in EDITED if asked.get(name) is not None}
        question = {
            "ask": "replay", "number": asked.get("number"), "edit": edit, "confirmed": asked.get("confirmed") is True,
        }  # fmt: skip
        self._ask(question, send, SENDING_S)

    def _ask(self, question: dict[str, Any], send: Send, wait_s: float) -> None:
        """Ask the recorder, and pass its answer on."""

        def answered(answer: dict[str, Any]) -> None:
            timer.cancel()
            send(answer)

        def too_late() -> None:
            forget()
            send({"error": NO_ANSWER})

        timer = self._loop.call_later(wait_s, too_late)
        forget = self._questions.ask(question, answered)
