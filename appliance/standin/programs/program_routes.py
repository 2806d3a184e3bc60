"""The routes for programs. Their modules are loaded at the first request: that costs 15 ms and 4 MB."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from appliance.server.browser.own_paths import PREFIX
from appliance.standin.page_responses import answer

from .assistant_gate import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.protocol.start.start_options import AssistantOptions
    from appliance.standin.access_policy import AccessDenied, AccessPolicy, PageRequest

    from .json_pages import JsonPages
    from .mcp_endpoint import McpEndpoint

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
    Report = Callable[[str, str, dict[str, object]], None]

MCP = f"{PREFIX}/mcp"
_READ = (f"{PREFIX}/status", f"{PREFIX}/stacks", f"{PREFIX}/log", f"{PREFIX}/tools")
REFUSALS_S = 1.0  # one refusal a second is logged: an attacker must not fill the log
_STATUS = {401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not Found"}


class ProgramRoutes:
    """The routes of one stand-in.

    Args:
        socket: the path of the supervisor's status socket.
        access: what assistants may do, and their token.
        policy: knows this machine's own hosts.
        report: logs an event.
    """

    def __init__(self, socket: str, access: AssistantOptions, policy: AccessPolicy, report: Report) -> None:
        self._socket = socket
        self._mode = access["mode"]
        self._token = access["token"]
        self._policy = policy
        self._report = report
        self._refused_at = 0.0
        self._lock = threading.Lock()
        self._endpoint: McpEndpoint | None = None
        self._pages: JsonPages | None = None

    def find(self, path: str) -> Route | None:
        """Return the route of a path that the access policy of the pages protects."""
        if not path.startswith(_READ):
            return None
        from .json_pages import JsonPages  # noqa: PLC0415  as the module says

        with self._lock:
            self._pages = self._pages or JsonPages(self._socket)
        return self._pages.gets.get(path)

    def assistant(self, asked: PageRequest, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer an assistant, if it has the token."""
        if self._mode == "off" or not self._token:
            return answer(start, _STATUS[404], "application/json", b'{"error": "APPLIANCE_MCP is off"}')
        refused = refusal(asked, self._token, self._policy)
        if refused is not None:
            return self._refuse(refused, environ, start)
        from .mcp_endpoint import McpEndpoint  # noqa: PLC0415  as above

        with self._lock:
            self._endpoint = self._endpoint or McpEndpoint(self._socket, self._mode)
        return self._endpoint.application(environ, start)

    def close(self) -> None:
        """End every call that waits."""
        if self._endpoint is not None:
            self._endpoint.close()

    def _refuse(self, refused: AccessDenied, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        now = time.monotonic()
        if now - self._refused_at > REFUSALS_S:
            self._refused_at = now
            client = {"client.address": environ["REMOTE_ADDR"]}
            self._report("warning", "pages.refused", {"reason": refused.reason, "action": refused.action, **client})
        body = json.dumps({"error": refused.reason, "action": refused.action}).encode()
        fields = [("WWW-Authenticate", "Bearer")] if refused.status == 401 else []
        return answer(start, _STATUS[refused.status], "application/json", body, *fields)
