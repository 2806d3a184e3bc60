"""The way of a page's question to the recorder and back: who may send, and what happens where no recorder runs."""

from __future__ import annotations

from typing import Any, cast

import pytest

from appliance.protocol.page_messages import AskRecorder, RecorderAnswers
from appliance.protocol.record import Message
from appliance.supervisor.answering.recorder_questions import RecorderQuestions
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle

QUESTION, ANSWER = AskRecorder(number=1, question={"ask": "form"}), RecorderAnswers(number=1, answer={"a": 1})


class Sending:
    """The only part of ``Children`` that is used: it notes what is sent to living children."""

    def __init__(self) -> None:
        self.sent: list[tuple[Handle, Message]] = []
        self.dead: list[Handle] = []

    def send(self, child: Handle, message: Message, _descriptors: Any = ()) -> bool:
        """Note the message, unless its child has ended."""
        if child not in self.dead:
            self.sent.append((child, message))
        return child not in self.dead


def handle(role: str) -> Handle:
    """A child of this role."""
    return Handle(Role(role), 0, 1, {})


def test_a_question_goes_to_the_recorder_and_back():
    """The stand-in that asked last gets the answer; the supervisor changes neither."""
    children, standin, recorder = Sending(), handle("standin"), handle("recorder")
    made = RecorderQuestions(cast("Any", children), lambda: recorder)
    handlers = made.handlers()
    handlers[RecorderAnswers](recorder, ANSWER, [])  # nobody has asked
    handlers[AskRecorder](standin, QUESTION, [])
    handlers[RecorderAnswers](recorder, ANSWER, [])
    assert children.sent == [(recorder, QUESTION), (standin, ANSWER)]


@pytest.mark.parametrize("dies", [False, True])
def test_without_a_recorder_the_page_gets_an_error(dies: bool):
    """Without a recorder, or if it has just ended, the answer is an error at once."""
    children, standin, recorder = Sending(), handle("standin"), handle("recorder")
    children.dead = [recorder]
    made = RecorderQuestions(cast("Any", children), lambda: recorder if dies else None)
    made.handlers()[AskRecorder](standin, QUESTION, [])
    ((asked, answer),) = children.sent
    assert asked is standin
    assert isinstance(answer, RecorderAnswers)
    assert "does not run" in answer.answer["error"]


def test_a_worker_can_neither_ask_nor_answer():
    """A worker runs the project's code: its messages of these kinds are refused."""
    made = RecorderQuestions(cast("Any", Sending()), lambda: None)
    admitted = {
        (role, type(message))
        for role in ("worker", "standin", "recorder", "preloader")
        for message in (QUESTION, ANSWER)
        if made.admits(handle(role), message)
    }
    assert admitted == {("standin", AskRecorder), ("recorder", RecorderAnswers)}


def test_a_question_of_the_supervisor_has_its_own_answer():
    """A client of the status socket alone gets the answer to its question, once, unless it was forgotten."""
    children, recorder = Sending(), handle("recorder")
    made = RecorderQuestions(cast("Any", children), lambda: recorder)
    handlers, answers = made.handlers(), list[Any]()
    made.ask({"ask": "replay"}, answers.append)
    forget = made.ask({"ask": "replay"}, answers.append)
    numbers = [cast("Any", message).number for _, message in children.sent]
    assert (len(set(numbers)), max(numbers)) == (2, -1)
    forget()
    for number in (*numbers, *numbers):
        handlers[RecorderAnswers](recorder, RecorderAnswers(number=number, answer={"a": number}), [])
    assert answers == [{"a": numbers[0]}]
    children.dead.append(recorder)
    made.ask({"ask": "replay"}, answers.append)
    assert "error" in answers[1]
