"""Questions to the recorder: each thread gets the answer to its own, or says that there was none."""

from __future__ import annotations

import threading
from typing import Any

from appliance.protocol.channel import ChannelClosedError
from appliance.protocol.page_messages import AskRecorder, RecorderAnswers
from appliance.standin.replay_pages.recorder_link import RecorderLink


def test_each_thread_gets_its_own_answer():
    """Answers come in any order, and find the thread that has asked."""
    asked: list[AskRecorder] = []
    all_asked = threading.Barrier(5)

    def send(message: Any) -> None:
        asked.append(message)
        all_asked.wait(20)

    link = RecorderLink(send)
    found: dict[int, Any] = {}

    def ask(number: int) -> None:
        found[number] = link.ask("form", number=number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    all_asked.wait(20)
    for each in reversed(asked):
        link.answered(RecorderAnswers(number=each.number, answer={"number": each.question["number"]}))
    for thread in threads:
        thread.join(20)
    assert found == {number: {"number": number} for number in range(4)}


def test_an_answer_that_does_not_come_is_an_error():
    """After the wait the page says so; an answer that comes later is dropped, and so is one to a closed channel."""
    asked: list[Any] = []
    link = RecorderLink(asked.append, wait_s=0.01)
    assert "has not answered" in link.ask("form")["error"]
    assert "has not answered" in RecorderLink(asked.append).ask("form", within_s=0.01)["error"]
    link.answered(RecorderAnswers(number=asked[0].number, answer={"late": True}))

    def gone(_: Any) -> None:
        raise ChannelClosedError("gone")

    assert "has not answered" in RecorderLink(gone).ask("form")["error"]
