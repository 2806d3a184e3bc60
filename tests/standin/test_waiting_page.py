"""The answers to a waiting page's script: the new page, the end of the page, or nothing yet."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from appliance.standin.waiting_page import WaitingPage

PROGRESS = {"status": 503, "title": "Installing", "lead": "7 of 11", "details": "", "progress": {"done": 7}}


def ask(page: WaitingPage, version: int, accept: str = "application/json") -> tuple[str, dict[str, str], bytes]:
    """One request of the script."""
    answer: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        answer.update(status=status, headers=dict(headers))

    environ = {"QUERY_STRING": f"version={version}", "HTTP_ACCEPT": accept}
    body = b"".join(page.wait(environ, start_response))
    return answer["status"], answer["headers"], body


def test_a_pages_progress_is_replaced_in_place():
    """While something is under way, the answer is the page's new content."""
    page = WaitingPage()
    page.show({**PROGRESS, "version": 2, "secret": "unshown"})
    status, headers, body = ask(page, 1)
    assert (status, headers["X-Appliance-Wait"]) == ("200 OK", "progress")
    assert json.loads(body) == {
        "version": 2, "title": "Installing", "lead": "7 of 11", "details": "", "progress": {"done": 7}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "accept"),
    [
        ({**PROGRESS, "version": 2}, "*/*"),
        ({"status": 500, "title": "Broken", "version": 2}, "application/json"),
    ],
)
def test_another_page_has_to_be_loaded_again(content: dict[str, Any], accept: str):
    """A failure, or a client that takes no JSON: the page has to be loaded again."""
    page = WaitingPage()
    page.show(content)
    status, headers, body = ask(page, 1, accept)
    assert (status, headers["X-Appliance-Wait"], body) == ("204 No Content", "changed", b"")


def test_once_a_worker_serves_the_page_is_loaded_again():
    """Once a worker serves, the page has to be loaded again: that is the application."""
    page = WaitingPage()
    page.show({**PROGRESS, "version": 2})
    answers: list[tuple[str, dict[str, str], bytes]] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(page, 2)))
    waiting.start()
    page.stop()
    waiting.join(10)
    assert answers[0][1]["X-Appliance-Wait"] == "changed"


def test_a_long_poll_ends_before_a_proxys_timeout():
    """Before a proxy's timeout the answer is that nothing has changed."""
    page = WaitingPage(max_wait_s=0.0)
    page.show({**PROGRESS, "version": 2})
    assert ask(page, 2)[1]["X-Appliance-Wait"] == "same"
