"""The answer to a probe, for each state and for any request of a client."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from appliance.probes.probe_answers import Answer, ProbeAnswers
from appliance.protocol.probe_state import ProbeState

READY = ProbeState("serving", 3)


class Asked:
    """Answers from a state that the test sets, and counts questions."""

    def __init__(self, state: ProbeState = READY, stalled_s: float = 0.0) -> None:
        self.questions = 0
        self._answers = ProbeAnswers(lambda: state, lambda: stalled_s, self._count)

    def _count(self) -> None:
        self.questions += 1

    def ask(self, head: bytes) -> Answer:
        """The response to a head."""
        return self._answers(head)

    def get(self, path: str, *fields: str, method: str = "GET", minor: int = 1) -> tuple[int, str, str]:
        """Status, head and body of a response."""
        lines = [f"{method} {path} HTTP/1.{minor}", "Host: 10.0.0.7:8081", *fields]
        head, _, body = self.ask("\r\n".join(lines).encode()).data.decode().partition("\r\n\r\n")
        return int(head.split()[1]), head, body


@pytest.mark.parametrize(
    "stage",
    ["starting", "analysing", "installing", "before-start", "importing", "broken", "hanging", "stopping", "unheard-of"],
)
def test_readiness_names_each_stage(stage: str):
    """Readiness is 503 in every stage but one, with a plain line that names the stage; liveness is 200."""
    asked = Asked(ProbeState(stage, 2))
    status, _, body = asked.get("/readyz")
    assert (status, body.count("\n")) == (503, 1)
    assert body.startswith(f"not ready: {stage}: ")
    assert asked.get("/livez")[0] == 200
    facts: dict[str, Any] = json.loads(asked.get("/readyz", "Accept: application/json")[2])
    assert (facts["ready"], facts["stage"], facts["generation"]) == (False, stage, 2)


def test_a_served_project_is_ready():
    """Readiness is 200 while the current generation serves, and each question is counted."""
    asked = Asked()
    assert asked.get("/readyz")[0] == asked.get("/readyz?verbose=1")[0] == 200
    assert asked.get("http://10.0.0.7:8081/readyz")[0] == 200
    assert asked.questions == 3
    assert asked.get("/livez")[0] == 200
    assert asked.questions == 3


def test_a_reload_keeps_the_readiness_for_a_while():
    """The project is ready until the time that the supervisor names, and not after it."""
    now = time.monotonic()
    assert Asked(ProbeState("importing", 2, now + 60)).get("/readyz")[0] == 200
    assert Asked(ProbeState("importing", 2, now - 1)).get("/readyz")[0] == 503


def test_a_supervisor_without_progress_is_not_live():
    """Neither probe succeeds if the supervisor has made no progress for long, whatever its last state was."""
    asked = Asked(ProbeState("serving", 3, time.monotonic() + 60), stalled_s=11.0)
    assert asked.get("/livez")[0] == 503
    status, _, body = asked.get("/readyz")
    assert (status, "stalled" in body) == (503, True)
    assert Asked(stalled_s=9.0).get("/livez")[0] == 200


def test_head_has_the_fields_and_no_body():
    """HEAD is answered as GET is, without the body (RFC 9110, 9.3.2)."""
    _, head, body = Asked().get("/readyz")
    asked, headless, nothing = Asked().get("/readyz", method="HEAD")
    assert (asked, nothing) == (200, "")
    assert f"Content-Length: {len(body)}" in head
    assert headless.replace("\r\n", "").split("Content-Type")[1] == head.replace("\r\n", "").split("Content-Type")[1]


@pytest.mark.parametrize(
    ("head", "status", "close"),
    [
        (b"GET /other HTTP/1.1", 404, False),
        (b"POST /readyz HTTP/1.1\r\nContent-Length: 3", 405, True),
        (b"GET /readyz HTTP/1.1\r\nContent-Length: 3", 200, True),
        (b"GET /readyz HTTP/1.1\r\nTransfer-Encoding: chunked", 200, True),
        (b"GET /readyz HTTP/1.1\r\nConnection: Upgrade, Close", 200, True),
        (b"GET /readyz HTTP/1.0", 200, True),
        (b"GET /readyz HTTP/1.0\r\nConnection: Keep-Alive", 200, False),
        (b"GET /readyz HTTP/1.1\nHost: a\nAccept: */*", 200, False),
        (b"GET /readyz", 400, True),
        (b"GET /readyz HTTP/2.0", 400, True),
        (b"GET  /readyz HTTP/1.1", 400, True),
        (b"GET /readyz HTTP/1.1\r\nno colon", 400, True),
        (b"GET /readyz HTTP/1.1\r\n folded: 1", 400, True),
        (b"\x16\x03\x01\x02\x00\x01", 400, True),
        (b"", 400, True),
        (b"\xff" * 1000, 400, True),
    ],
)  # fmt: skip
def test_each_head_has_an_answer(head: bytes, status: int, *, close: bool):
    """A head is answered with its status whatever it is, and a connection that can't go on is closed."""
    answer = Asked().ask(head)
    assert int(answer.data.split()[1]) == status
    assert answer.close is close
