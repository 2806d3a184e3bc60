"""Answer an assistant that asks for a replay: the recorder sends the request again. Runs in the supervisor's loop.

A request that is sent again runs the project's code, so ``APPLIANCE_MCP`` must be ``write``. Its answer is masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.supervisor.reporting.status_socket import WithArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.supervisor.answering.recorder_questions import RecorderQuestions
    from appliance.supervisor.reporting.status_socket import Answerer, Send
    from appliance.supervisor.runtime import Runtime

WAIT_S = 40.0  # longer than a request that is sent again may take
_EDITED = ("method", "target", "fields", "body")
_READ_ONLY = "APPLIANCE_MCP is not write. Ask the person to set APPLIANCE_MCP=write, and to restart the appliance."
_NO_ANSWER = "The recorder has not answered. Look for desk.failed in the log, and try again."


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
        return {"replay": WithArgument(self._replay)}

    def _replay(self, asked: dict[str, Any], send: Send) -> None:
        if not self._may_write:
            send({"error": _READ_ONLY})
            return
        edit = {name: str(asked[name]) for name in _EDITED if asked.get(name) is not None}
        question = {
            "ask": "replay", "number": asked.get("number"), "edit": edit, "confirmed": asked.get("confirmed") is True,
        }  # fmt: skip

        def answered(answer: dict[str, Any]) -> None:
            timer.cancel()
            send(answer)

        def too_late() -> None:
            forget()
            send({"error": _NO_ANSWER})

        timer = self._loop.call_later(WAIT_S, too_late)
        forget = self._questions.ask(question, answered)
