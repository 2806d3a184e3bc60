"""MCP over HTTP (the transport "Streamable HTTP"): one POST for each message, below ``/__appliance__/mcp``.

A quick answer is JSON. A call that waits is answered by a stream of events, where the client takes one and speaks plain
HTTP: progress, pings that find a client that has gone, and the result. The server keeps no session: the id that it
gives a client only tells whose call is cancelled. A restart of this process costs a client the call that it waits for,
and nothing else.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
from typing import TYPE_CHECKING, Any

from appliance.assistants import json_rpc
from appliance.assistants.json_rpc import RpcError
from appliance.assistants.mcp_server import VERSIONS, McpServer
from appliance.assistants.tool_sources import Sources
from appliance.standin.page_responses import StreamedParts, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    StartResponse = Callable[..., Any]

_PING_S = 5.0
_JSON = "application/json"
_EVENTS = "text/event-stream"
_SESSION_MAX = 100  # characters


class McpEndpoint:
    """Answers requests that passed the gate.

    Args:
        socket: the path of the supervisor's status socket.
        mode: ``APPLIANCE_MCP``.
    """

    def __init__(self, socket: str, mode: str) -> None:
        self._server = McpServer(Sources(socket), lambda: mode)

    @property
    def running_calls(self) -> int:
        """The number of calls of tools that run now."""
        return self._server.running_calls

    def close(self) -> None:
        """End every call that waits."""
        self._server.cancel_all()

    def application(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["REQUEST_METHOD"] != "POST":  # no stream without a request, and no session to end
            return answer(start, "405 Method Not Allowed", _JSON, b"{}", ("Allow", "POST"))
        if (wrong := _wrong_head(environ)) is not None:
            return _failed(start, *wrong)
        try:
            messages, is_batch = json_rpc.read(environ["wsgi.input"].read(json_rpc.MESSAGE_MAX + 1))
        except RpcError as error:
            status = "400 Bad Request" if error.code == json_rpc.PARSE_ERROR else "413 Content Too Large"
            return _failed(start, status, error.text, error.code)
        # Clients without a session may use the same message id, so each request of theirs gets a session of its own.
        session = environ.get("HTTP_MCP_SESSION_ID", "")[:_SESSION_MAX] or secrets.token_hex(16)
        fields = [("Mcp-Session-Id", secrets.token_hex(16))] if any(map(_is_greeting, messages)) else []
        # Over HTTPS the worker relays the connection. At a reload it ends streams, but finishes other responses.
        may_stream = _EVENTS in environ.get("HTTP_ACCEPT", "") and environ.get("wsgi.url_scheme") != "https"
        if may_stream and any(map(self._server.waits, messages)):
            start("200 OK", [("Content-Type", _EVENTS), ("X-Accel-Buffering", "no"), *fields])
            stream = _Stream(self._server, messages, session)
            return StreamedParts(stream.parts(), stream.ended)
        found = [each for message in messages if (each := self._server.answer(message, session=session)) is not None]
        if not found:
            return answer(start, "202 Accepted", _JSON, b"", *fields)
        status = "400 Bad Request" if all(_is_invalid(each) for each in found) else "200 OK"
        return answer(start, status, _JSON, json_rpc.written(found if is_batch else found[0]), *fields)


class _Stream:
    """The events of one POST."""

    def __init__(self, server: McpServer, messages: list[Any], session: str) -> None:
        self._server = server
        self._messages = messages
        self._session = session
        self._gone = threading.Event()
        self._events: queue.SimpleQueue[json_rpc.Message | None] = queue.SimpleQueue()

    def parts(self) -> Generator[bytes, None, None]:
        """Yield the events, until each message has its answer."""
        try:
            threading.Thread(target=self._run, name="assistant", daemon=True).start()
        except (RuntimeError, MemoryError):  # no thread is free: the answers come at once, without progress
            self._run()
        yield b":\n\n"
        while True:
            try:
                message = self._events.get(timeout=_PING_S)
            except queue.Empty:
                yield b":\n\n"
                continue
            if message is None:
                return
            yield b"event: message\ndata: " + json_rpc.written(message) + b"\n\n"

    def ended(self) -> None:
        """Note that the response has ended: the client may have gone."""
        self._gone.set()

    def _run(self) -> None:
        try:
            for message in self._messages:
                found = self._server.answer(message, self._events.put, session=self._session, gone=self._gone)
                if found is not None:
                    self._events.put(found)
        finally:
            self._events.put(None)


def _wrong_head(environ: dict[str, Any]) -> tuple[str, str] | None:
    """Return the status and the reason of a head that is not taken."""
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        return "415 Unsupported Media Type", f"the content is {kind[:100] or 'of no type'}; expected: {_JSON}"
    accepted = environ.get("HTTP_ACCEPT", "*/*")
    if not any(each in accepted for each in (_JSON, "application/*", "*/*", _EVENTS)):
        return "406 Not Acceptable", f"the answer would be {_JSON}, which the client does not accept"
    version = environ.get("HTTP_MCP_PROTOCOL_VERSION", "")
    if version and version not in VERSIONS:
        return "400 Bad Request", f"the version {version[:50]!r} of MCP is not known; known: {', '.join(VERSIONS)}"
    return None


def _failed(start: StartResponse, status: str, text: str, code: int = json_rpc.INVALID_REQUEST) -> Iterable[bytes]:
    body = json_rpc.written(json_rpc.failure(None, RpcError(code, text)))
    return answer(start, status, _JSON, body)


def _is_greeting(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") == "initialize"


def _is_invalid(found: json_rpc.Message) -> bool:
    """Whether an answer says that the body was not a message."""
    return found.get("id") is None and json.dumps(found.get("error", {}).get("code")) == str(json_rpc.INVALID_REQUEST)
