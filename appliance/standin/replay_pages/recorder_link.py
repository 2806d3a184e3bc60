"""Ask the recorder, through the supervisor, and wait for its answer."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Any

from appliance.protocol.channel import ChannelError
from appliance.protocol.page_messages import NO_ANSWER, SENDING_S, AskRecorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.protocol.page_messages import RecorderAnswers
    from appliance.protocol.record import Message


Answer = dict[str, Any]


class RecorderLink:
    """The stand-in's connection to the recorder. Any thread may ask.

    Args:
        send: sends a message to the supervisor.
        wait_s: for an answer.
    """

    def __init__(self, send: Callable[[Message], object], wait_s: float = SENDING_S) -> None:
        self._send = send
        self._wait_s = wait_s
        self._numbers = count(1)
        self._changed = threading.Condition()
        self._answers: dict[int, Answer | None] = {}  # None: not yet

    def ask(self, ask: str, *, within_s: float | None = None, **more: Any) -> Answer:
        """Return the answer to a question (``desk.replay.replayer``); ``error`` in it says why there is none.

        Args:
            ask: the question's name.
            within_s: wait no longer than that.
            more: what else the question has.
        """
        number = next(self._numbers)
        with self._changed:
            self._answers[number] = None
        try:
            self._send(AskRecorder(number=number, question={"ask": ask, **more}))
            with self._changed:
                self._changed.wait_for(lambda: self._answers[number] is not None, within_s or self._wait_s)
        except ChannelError:  # this process ends
            return {"error": NO_ANSWER}
        finally:
            with self._changed:
                answer = self._answers.pop(number)
        return {"error": NO_ANSWER} if answer is None else answer

    def answered(self, message: RecorderAnswers) -> None:
        """Take an answer; one that nobody waits for any longer is dropped."""
        with self._changed:
            if message.number in self._answers:
                self._answers[message.number] = message.answer
                self._changed.notify_all()
