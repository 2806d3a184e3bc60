"""The protocol: each request has its answer, and nothing ends the server."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any

import pytest

from appliance.assistants.mcp_server import VERSIONS
from tests.assistants.conftest import Site


@pytest.mark.parametrize(
    ("wanted", "given"), [*((each, each) for each in VERSIONS), ("2031-01-01", VERSIONS[0]), (None, VERSIONS[0])]
)
def test_the_handshake_agrees_on_a_version(site: Site, wanted: str | None, given: str):
    """A version that is known is taken; for every other the newest is offered."""
    result = site.ask("initialize", {"protocolVersion": wanted, "capabilities": {}, "clientInfo": {}})["result"]
    assert result["protocolVersion"] == given
    assert result["capabilities"] == {"tools": {"listChanged": False}}
    assert "wait_for_reload" in result["instructions"]


def test_a_ping_has_an_answer(site: Site):
    """A ping is answered with nothing, also before the handshake."""
    assert site.ask("ping") == {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.mark.parametrize("method", ["server/discover", "resources/list", "prompts/get", "x" * 10_000, ""])
def test_an_unknown_method_is_named(site: Site, method: str):
    """A method that is not served has the error that clients expect."""
    error = site.ask(method)["error"]
    assert error["code"] == -32601
    assert len(error["message"]) < 200


@pytest.mark.parametrize("params", [[], "x", 1])
def test_parameters_must_be_an_object(site: Site, params: Any):
    """Other JSON values are refused."""
    answer = site.server.answer({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params})
    assert answer is not None
    assert answer["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("tool", "argument"), [("list_requests", "q"), ("get_log", "text"), ("replay_request", "fields")]
)
def test_half_a_character_is_refused(site: Site, tool: str, argument: str):
    """An argument with half of a pair that JSON escapes is a mistake of the call, and no defect."""
    site.mode = "write"
    arguments: dict[str, Any] = {argument: "X: \ud83d"} | ({"number": 1} if tool == "replay_request" else {})
    result = site.ask("tools/call", {"name": tool, "arguments": arguments})["result"]
    assert result["isError"]
    assert f"{argument} is 'X: " in result["content"][0]["text"]


@pytest.mark.parametrize("message", [1, [], {}, {"jsonrpc": "2.0", "id": []}])
def test_a_wrong_value_has_an_error(site: Site, message: Any):
    """A value other than a message is answered, without an id."""
    answer = site.server.answer(message)
    assert answer is not None
    assert (answer["id"], answer["error"]["code"]) == (None, -32600)


def test_a_notification_has_no_answer(site: Site):
    """Notifications and answers of the client are taken, whatever they say."""
    for method in ("notifications/initialized", "notifications/cancelled", "nonsense"):
        assert site.server.answer({"jsonrpc": "2.0", "method": method}) is None
    assert site.server.answer({"jsonrpc": "2.0", "id": 1, "result": {}}) is None
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": {"a": []}}}
    assert site.server.answer(cancelled) is None


@pytest.mark.parametrize("params", [{}, {"name": None}, {"name": []}, {"name": "nonsense"}])
def test_an_unknown_tool_is_an_error(site: Site, params: dict[str, Any]):
    """A tool that does not exist is an error of the protocol."""
    assert site.ask("tools/call", params)["error"]["code"] == -32602


def test_a_result_is_values_and_text(site: Site):
    """A result has the values, and a text that says the same."""
    result = site.ask("tools/call", {"name": "status", "arguments": {}})["result"]
    assert result["structuredContent"]["state"] == "serving"
    assert "state: serving" in result["content"][0]["text"]


def test_a_supervisor_that_is_gone_is_reported(site: Site):
    """If no supervisor answers, each tool says so, with the action."""
    site.socket.unlink()
    assert "No appliance answers" in site.error("status")
    assert "docker compose up" in site.error("list_requests")


def test_a_user_without_access_gets_the_right_user(site: Site):
    """For another user than the appliance's own and root, the error names the user to run the server as."""
    site.status = {"health": "healthy", "state": "serving"}
    assert "Only root and the appliance's own user" in site.error("status")


def test_nothing_recorded_is_reported(site: Site):
    """If recording is off, or no request has come, the tools of requests say so."""
    assert "Send a request" in site.error("list_requests")
    site.desk.write_bytes(b"no database" * 1000)
    assert "can't be read" in site.error("last_errors")
    site.status["desk"] = None
    assert "APPLIANCE_RECORD=on" in site.error("list_requests")


def test_a_defect_is_an_answer(site: Site):
    """A status of an unknown form is an error of the server, which goes on."""
    site.status["state"], site.status["generation"] = [], "x"
    del site.status["attempt"]
    assert site.ask("tools/call", {"name": "wait_for_reload"})["error"]["code"] == -32603
    assert site.ask("ping")["result"] == {}


def waiting(
    site: Site, request_id: int, session: str = ""
) -> tuple[threading.Thread, list[Any], queue.SimpleQueue[Any]]:
    """A call of wait_for_reload in a thread, its answers, and what it tells meanwhile."""
    answers: list[Any] = []
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    params = {
        "name": "wait_for_reload",
        "arguments": {"timeout_s": 60, "after_attempt": 2},
        "_meta": {"progressToken": "p"},
    }
    message = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
    thread = threading.Thread(
        target=lambda: answers.append(site.server.answer(message, told.put, session=session)), daemon=True
    )
    before = site.server.running_calls
    thread.start()
    site.until(lambda: site.server.running_calls > before)
    return thread, answers, told


def test_a_call_that_waits_is_cancelled(site: Site):
    """A cancellation of the same client ends a call at once, and it has no answer; that of another client does not."""
    thread, answers, _ = waiting(site, 5, "mine")
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    site.server.answer(cancelled, session="another")
    asked = site.questions
    site.until(lambda: site.questions >= asked + 2)  # the first of them may have been on its way
    site.server.answer(cancelled, session="mine")
    thread.join(5)
    assert answers == [None]


def test_an_id_is_used_once_at_a_time(site: Site):
    """A second call with the id of one that runs is refused."""
    thread, _, _ = waiting(site, 5)
    assert site.ask("tools/call", {"name": "status"}, request_id=5)["error"]["code"] == -32600
    site.server.cancel_all()
    thread.join(5)
    assert "result" in site.ask("tools/call", {"name": "status"}, request_id=5)


def test_too_many_calls_are_refused(site: Site):
    """Sixteen calls may run; the answer to the next one is to try again."""
    threads = [waiting(site, number)[0] for number in range(16)]
    assert site.ask("tools/call", {"name": "status"}, request_id=99)["error"]["code"] == -32000
    site.server.cancel_all()
    for thread in threads:
        thread.join(5)


def test_a_wait_reports_its_progress(site: Site):
    """A client that asks for progress gets it while a reload is under way, and the result at its end."""
    thread, answers, told = waiting(site, 1)
    site.status = {**site.status, "state": "booting", "generation": 2, "attempt": 3}
    first = told.get(timeout=10)
    assert first["method"] == "notifications/progress"
    assert first["params"]["progressToken"] == "p"
    assert "booting, generation 2" in first["params"]["message"]
    site.status = {**site.status, "state": "serving", "desk": None}
    thread.join(10)
    assert json.loads(json.dumps(answers))[0]["result"]["structuredContent"]["good"] is True
