"""Pass the questions of pages on to the recorder, and its answers back; tell the recorder which generation serves.

Runs in the supervisor's loop. The supervisor reads neither questions nor answers. Workers may send neither, because
they run the project's code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.protocol.page_messages import AskRecorder, PublishPin, RecorderAnswers, TellServing
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.protocol.record import Message
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Handlers

_SENDERS: dict[type[Message], Role] = {
    AskRecorder: Role.STANDIN, RecorderAnswers: Role.RECORDER, PublishPin: Role.RECORDER,
}  # fmt: skip
_NOT_RUNNING = "The recorder does not run now. Try again in a moment; the event desk.failed says why if it stays so."


class RecorderQuestions:
    """The way between the stand-in and the recorder.

    Args:
        children: sends messages.
        recorder: returns the recorder; None while none runs.
    """

    def __init__(self, children: Children, recorder: Callable[[], Handle | None]) -> None:
        self._children = children
        self._recorder = recorder
        self._standin: Handle | None = None  # the stand-in that asked last
        self._own: dict[int, Callable[[dict[str, Any]], object]] = {}  # questions of the supervisor itself
        self._number = 0
        self._serving: TellServing | None = None

    def handlers(self) -> Handlers:
        """Return the function for each message."""
        return {
            AskRecorder: lambda child, message, _: self._ask(child, message),
            RecorderAnswers: lambda _, message, __: self._answer(message),
            PublishPin: lambda _, message, __: self._tell(message),
        }

    def admits(self, child: Handle, message: Message) -> bool:
        """Whether this child may send this message."""
        return child.role is _SENDERS.get(type(message), child.role)

    def ask(self, question: dict[str, Any], answered: Callable[[dict[str, Any]], object]) -> Callable[[], object]:
        """Ask for a client of the status socket; the result forgets the question."""
        self._number -= 1  # the supervisor's own are negative, the stand-in's positive
        number = self._number
        self._own[number] = answered
        recorder = self._recorder()
        if recorder is None or not self._children.send(recorder, AskRecorder(number=number, question=question)):
            self._own.pop(number)({"error": _NOT_RUNNING})
        return lambda: self._own.pop(number, None)

    def _ask(self, standin: Handle, message: AskRecorder) -> None:
        self._standin = standin
        recorder = self._recorder()
        if recorder is None or not self._children.send(recorder, message):
            self._tell(RecorderAnswers(number=message.number, answer={"error": _NOT_RUNNING}))

    def _answer(self, message: RecorderAnswers) -> None:
        own = self._own.pop(message.number, None)
        if own is not None:
            own(message.answer)
        else:
            self._tell(message)

    def serves(self, generation: int, revision: int = 0) -> None:
        """Tell the recorder which generation serves; 0: none does, and the project is broken."""
        self._serving = TellServing(generation=generation, revision=revision)
        self.recorder_started()

    def recorder_started(self) -> None:
        """Tell the recorder which generation serves, if a recorder runs and the generation is known."""
        if self._serving is not None and (recorder := self._recorder()) is not None:
            self._children.send(recorder, self._serving)

    def _tell(self, message: RecorderAnswers | PublishPin) -> None:
        if self._standin is not None:
            self._children.send(self._standin, message)
