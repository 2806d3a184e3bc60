"""The Model Context Protocol: which request gets which answer. Knows no transport.

Implements the handshake, the ping, the list of tools, their calls, and the notifications of cancellation and progress.
Clients of versions without a handshake ask for another method first, and go back to the handshake when it is unknown.

Decision 52 says why.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance import DISTRIBUTION, __version__
from appliance.assistants import json_rpc
from appliance.assistants.json_rpc import RpcError
from appliance.assistants.result_text import as_text, fitted
from appliance.assistants.tool_call import Call, ToolError
from appliance.assistants.tool_table import BY_NAME, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.assistants.json_rpc import Message
    from appliance.assistants.tool import Tool
    from appliance.assistants.tool_sources import Sources

    Tell = Callable[[Message], object]

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")  # the newest first
_AT_ONCE = 16  # calls of one server: each holds a thread
_INSTRUCTIONS = (
    "The development server of this project records every request with its errors, queries, and log lines, and reloads "
    "the code at each save. Begin with status and last_errors. After you have saved a file, call wait_for_reload, send "
    "the request that the change is about, and look at it with list_requests and get_request: it is recorded within "
    "half a second of its end. Values of secrets are masked as ********."
)
_ALLOW = "Ask the person to allow it: APPLIANCE_MCP=write, and a restart."


class _RunningCall(NamedTuple):
    """A call of a tool: what cancels it, and whether the tool waits for something."""

    cancelled: threading.Event
    waits: bool


class McpServer:
    """Answers the messages of one client, or of several that send no session.

    Args:
        sources: what the tools read.
        mode: returns ``APPLIANCE_MCP``: "off", "read" or "write".
    """

    def __init__(self, sources: Sources, mode: Callable[[], str]) -> None:
        self._sources = sources
        self._mode = mode
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str | int], _RunningCall] = {}

    @property
    def running_calls(self) -> int:
        """The number of calls of tools that run now."""
        return len(self._running)

    def answer(
        self, message: Any, tell: Tell = lambda _: None, *, session: str = "", gone: threading.Event | None = None
    ) -> Message | None:
        """Return the answer to one message; None if it gets none.

        Args:
            message: JSON values.
            tell: sends a notification to the client.
            session: names the client: an id of a request is one of its own.
            gone: set once the client has gone.
        """
        request_id: str | int | None = None
        try:
            request_id = json_rpc.id_of(message)
            if request_id is None:
                self._notified(message, session)
                return None
            params = json_rpc.params_of(message)
            if message["method"] == "tools/call":
                return self._call(request_id, params, tell, session, gone or threading.Event())
            return json_rpc.result(request_id, self._answer(message["method"], params))
        except RpcError as error:
            return json_rpc.failure(request_id, error)
        except Exception as error:  # noqa: BLE001  a defect of ours must not end the server
            text = f"a defect of the appliance: {type(error).__name__}: {error}"
            return json_rpc.failure(request_id, RpcError(json_rpc.INTERNAL_ERROR, text[:500]))

    def is_slow(self, message: Any) -> bool:
        """Whether a message may take longer than a moment."""
        return isinstance(message, dict) and message.get("method") == "tools/call"

    def waits(self, message: Any) -> bool:
        """Whether a message is the call of a tool that waits for something."""
        params = message.get("params") if self.is_slow(message) else None
        tool = BY_NAME.get(str(params.get("name"))) if isinstance(params, dict) else None
        return tool is not None and tool.waits

    def cancel_all(self) -> None:
        """End every call that waits."""
        with self._lock:
            for call in self._running.values():
                if call.waits:
                    call.cancelled.set()

    def _notified(self, message: Message, session: str) -> None:
        params = message.get("params")
        if message.get("method") == "notifications/cancelled" and isinstance(params, dict):
            request_id = params.get("requestId")
            if isinstance(request_id, str | int):
                with self._lock:
                    call = self._running.get((session, request_id))
                if call is not None:
                    call.cancelled.set()

    def _answer(self, method: str, params: Message) -> Message:
        if method == "initialize":
            wanted = params.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": {"name": DISTRIBUTION, "title": "WSGI appliance", "version": __version__},
                "instructions": _INSTRUCTIONS,
            }
        if method == "ping":
            return {}
        if method == "tools/list":
            writes = self._mode() == "write"
            return {"tools": [each.described() for each in TABLE if writes or not each.writes]}
        raise RpcError(json_rpc.METHOD_NOT_FOUND, f"there is no method {method[:100]!r}")

    def _call(
        self, request_id: str | int, params: Message, tell: Tell, session: str, cancelled: threading.Event
    ) -> Message | None:
        tool = BY_NAME.get(str(params.get("name")))
        if tool is None:
            raise RpcError(json_rpc.INVALID_PARAMS, f"there is no tool {str(params.get('name'))[:100]!r}")
        key = (session, request_id)
        with self._lock:
            if key in self._running:
                raise RpcError(json_rpc.INVALID_REQUEST, "a call with this id is running")
            if len(self._running) >= _AT_ONCE:
                raise RpcError(json_rpc.BUSY, f"{_AT_ONCE} calls are running: try again when one has ended")
            self._running[key] = _RunningCall(cancelled, tool.waits)
        try:
            found = self._result(tool, params, _progress(params, tell), cancelled)
        finally:
            with self._lock:
                del self._running[key]
        return None if cancelled.is_set() else json_rpc.result(request_id, found)

    def _result(
        self, tool: Tool, params: Message, progress: Callable[[float, str], object], cancelled: threading.Event
    ) -> Message:
        try:
            writes = self._may(tool)
            call = Call(tool.checked(params.get("arguments")), cancelled, progress, writes=writes)
            found = fitted(json.loads(json.dumps(tool.run(self._sources, call), default=str)))
        except ToolError as error:
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}
        return {"content": [{"type": "text", "text": as_text(found)}], "structuredContent": found, "isError": False}

    def _may(self, tool: Tool) -> bool:
        """Return whether the client may change something.

        Raises:
            ToolError: the tool does, and the client may not.
        """
        writes = self._mode() == "write"
        if tool.writes and not writes:
            raise ToolError(f"{tool.name} changes something, and this server only reads.", action=_ALLOW)
        return writes


def _progress(params: Message, tell: Tell) -> Callable[[float, str], object]:
    """Return a function that reports the progress of a call; it does nothing unless the client has asked for that."""
    meta = params.get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    if isinstance(token, bool) or not isinstance(token, str | int):
        return lambda _done, _text: None

    def progress(done: float, text: str) -> object:
        report = {"progressToken": token, "progress": round(done, 1), "message": text}
        return tell(json_rpc.notification("notifications/progress", report))

    return progress
