"""MCP over HTTP: heads that are taken, answers, streams, and clients that go."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest

from appliance.assistants.json_rpc import MESSAGE_MAX
from appliance.standin.page_responses import StreamedParts
from appliance.standin.programs.mcp_endpoint import McpEndpoint
from tests.assistants.conftest import Site, site
from tests.faults.injections import NO_THREAD, Faults, faults, thread_faults

__all__ = ["faults", "site", "thread_faults"]
BOTH = "application/json, text/event-stream"


def ask(endpoint: McpEndpoint, body: Any, **fields: str) -> tuple[str, dict[str, str], Any]:
    """One POST: the status, the fields, and the content; a stream is not read yet."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json", "HTTP_ACCEPT": BOTH,
        "wsgi.input": io.BytesIO(data), **fields,
    }  # fmt: skip
    heads: list[tuple[str, list[tuple[str, str]]]] = []
    content = endpoint.application(environ, lambda status, named: heads.append((status, named)))
    ((status, named),) = heads
    return status[:3], dict(named), content if isinstance(content, StreamedParts) else b"".join(content)


def message(method: str, request_id: int | None = 1, **params: Any) -> dict[str, Any]:
    """A request, or a notification."""
    found = {"jsonrpc": "2.0", "method": method, "params": params}
    return found if request_id is None else {**found, "id": request_id}


@pytest.fixture
def endpoint(site: Site) -> McpEndpoint:
    """The endpoint of a supervisor that serves."""
    return McpEndpoint(str(site.socket), "read")


def test_a_quick_answer_is_json(endpoint: McpEndpoint):
    """A handshake gets an id for its session; a call of a tool that does not wait gets its result."""
    status, fields, content = ask(endpoint, message("initialize", protocolVersion="2025-06-18"))
    assert (status, fields["Content-Type"]) == ("200", "application/json")
    assert len(fields["Mcp-Session-Id"]) == 32
    assert json.loads(content)["result"]["protocolVersion"] == "2025-06-18"
    status, fields, content = ask(endpoint, message("tools/call", name="status"))
    assert json.loads(content)["result"]["structuredContent"]["state"] == "serving"
    assert "Mcp-Session-Id" not in fields


def test_a_notification_is_accepted(endpoint: McpEndpoint):
    """A message that needs no answer has the status 202, and no content."""
    assert ask(endpoint, message("notifications/initialized", None))[::2] == ("202", b"")


@pytest.mark.parametrize(
    ("body", "fields", "status"),
    [
        (b"{", {}, "400"),
        (b"1", {}, "400"),
        (b" " * (MESSAGE_MAX + 1), {}, "413"),
        (message("ping"), {"CONTENT_TYPE": "text/plain"}, "415"),
        (message("ping"), {"HTTP_ACCEPT": "text/html"}, "406"),
        (message("ping"), {"HTTP_MCP_PROTOCOL_VERSION": "1999-01-01"}, "400"),
        (message("ping"), {"REQUEST_METHOD": "GET"}, "405"),
        (message("ping"), {"REQUEST_METHOD": "DELETE"}, "405"),
        (message("ping"), {"HTTP_MCP_PROTOCOL_VERSION": "2025-03-26"}, "200"),
        (message("ping"), {"HTTP_ACCEPT": "*/*"}, "200"),
        (message("nonsense"), {}, "200"),
    ],
    ids=["cut", "number", "long", "type", "accept", "version", "get", "delete", "known", "any", "method"],
)
def test_each_wrong_request_has_its_status(endpoint: McpEndpoint, body: Any, fields: dict[str, str], status: str):
    """A request that can't be read, or has a wrong head, has the status that HTTP has for it."""
    assert ask(endpoint, body, **fields)[0] == status


def test_a_batch_is_answered_in_a_list(endpoint: McpEndpoint):
    """Messages in a list are answered in a list."""
    _, _, content = ask(endpoint, [message("ping", 1), message("notifications/initialized", None), message("ping", 2)])
    assert [each["id"] for each in json.loads(content)] == [1, 2]


def test_a_wait_is_a_stream(site: Site, endpoint: McpEndpoint):
    """A call that waits begins at once with a comment, tells its progress, and ends with its result."""
    site.status |= {"state": "booting", "attempt": 3, "desk": None}
    params = {"name": "wait_for_reload", "arguments": {"after_attempt": 2}, "_meta": {"progressToken": 7}}
    status, fields, stream = ask(endpoint, message("tools/call", 1, **params))
    assert (status, fields["Content-Type"]) == ("200", "text/event-stream")
    parts = iter(stream)
    assert next(parts) == b":\n\n"
    assert b"notifications/progress" in next(parts)
    site.status = {**site.status, "state": "serving"}
    *_, last = (json.loads(part.partition(b"data: ")[2]) for part in parts if part != b":\n\n")
    assert last["result"]["structuredContent"]["good"] is True
    stream.close()


@pytest.mark.usefixtures("thread_faults")
def test_a_wait_is_answered_without_a_thread(site: Site, endpoint: McpEndpoint, faults: Faults):
    """If no thread is free, the call that waits is answered in the thread of its request."""
    faults.plan("assistant", NO_THREAD)
    site.status |= {"state": "serving", "attempt": 3, "desk": None}
    _, _, stream = ask(endpoint, message("tools/call", 1, name="wait_for_reload", arguments={"after_attempt": 2}))
    *_, last = (json.loads(part.partition(b"data: ")[2]) for part in stream if part != b":\n\n")
    assert last["result"]["structuredContent"]["good"] is True


def test_a_client_that_goes_ends_its_call(endpoint: McpEndpoint):
    """The thread of a call that waits ends with the response, however that ends."""
    _, _, stream = ask(endpoint, message("tools/call", 1, name="wait_for_reload", arguments={"timeout_s": 300}))
    assert next(iter(stream)) == b":\n\n"
    (thread,) = (each for each in threading.enumerate() if each.name == "assistant")
    stream.close()
    thread.join(5)
    assert not thread.is_alive()


def test_a_cancellation_ends_the_stream(site: Site, endpoint: McpEndpoint):
    """The client that waits cancels by another request with its session: the stream ends without a result."""
    own = {"HTTP_MCP_SESSION_ID": "mine"}
    _, _, stream = ask(endpoint, message("tools/call", 1, name="wait_for_reload", arguments={"timeout_s": 300}), **own)
    parts = iter(stream)
    next(parts)
    site.until(lambda: endpoint.running_calls)
    assert ask(endpoint, message("notifications/cancelled", None, requestId=1))[0] == "202"
    assert endpoint.running_calls == 1
    assert ask(endpoint, message("notifications/cancelled", None, requestId=1), **own)[0] == "202"
    assert [part for part in parts if part != b":\n\n"] == []


def test_the_end_of_the_process_ends_the_calls(site: Site, endpoint: McpEndpoint):
    """When the stand-in ends, no call keeps it waiting."""
    _, _, stream = ask(endpoint, message("tools/call", 1, name="wait_for_reload", arguments={"timeout_s": 300}))
    next(iter(stream))
    site.until(lambda: endpoint.running_calls)
    endpoint.close()
    assert [part for part in iter(stream) if part != b":\n\n"] == []


def test_two_clients_may_use_one_id(site: Site, endpoint: McpEndpoint):
    """Clients that send no session are told apart: each gets its own answer."""
    _, _, stream = ask(endpoint, message("tools/call", 1, name="wait_for_reload", arguments={"timeout_s": 300}))
    parts = iter(stream)
    next(parts)
    site.until(lambda: endpoint.running_calls)
    assert "result" in json.loads(ask(endpoint, message("tools/call", 1, name="status"))[2])
    stream.close()


def test_a_wait_over_https_is_not_a_stream(site: Site, endpoint: McpEndpoint):
    """The worker that relays ends its streams at a reload: the result comes as JSON."""
    site.status |= {"attempt": 3, "desk": None}
    call = message("tools/call", 1, name="wait_for_reload", arguments={"after_attempt": 2})
    _, fields, content = ask(endpoint, call, **{"wsgi.url_scheme": "https"})
    assert fields["Content-Type"] == "application/json"
    assert json.loads(content)["result"]["structuredContent"]["good"] is True
