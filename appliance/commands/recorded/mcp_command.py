"""``appliance mcp``: the tools for an assistant, over stdin and stdout, until the input ends.

Used as ``docker compose exec -T app appliance mcp``. Nothing but messages of the protocol is written to stdout.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.assistants.mcp_server import McpServer
from appliance.assistants.stdio_server import StdioServer
from appliance.assistants.tool_call import ToolError
from appliance.assistants.tool_sources import Sources
from appliance.config.settings import read_early
from appliance.conventions import OWN_PAGES
from appliance.errors import SettingsError
from appliance.supervisor.reporting.status_socket import ask

if TYPE_CHECKING:
    from collections.abc import Mapping


_FOR_PEOPLE = (
    "An assistant starts this command, and sends messages on stdin (MCP). Ctrl+C ends it.\n"
    "`appliance mcp --print-config stdio` prints the assistant's configuration.\n"
)
_COMPOSE = {"command": "docker", "args": ["compose", "exec", "-T", "app", "appliance", "mcp"]}


def command(process: Mapping[str, str], flags: Mapping[str, str], *, config: str | None) -> int:
    """Serve one client; ``config``: print the configuration of a client instead, "stdio" or "http".

    Raises:
        SettingsError: the running appliance has APPLIANCE_MCP=off, or does not answer over HTTP at a known URL.
        NotRunningError: no supervisor answers, for the configuration.
    """
    if config is not None:
        return _print_config(process, flags, config)
    sources = Sources(read_early(process, flags, Path.cwd()).status_socket)

    def mode() -> str:
        return str(sources.ask("assistants").get("mode", "read"))

    with contextlib.suppress(ToolError):  # it may start later: then each call says so
        if mode() == "off":
            raise SettingsError(
                "this appliance serves no assistants",
                expected="APPLIANCE_MCP=read or APPLIANCE_MCP=write",
                action="Set APPLIANCE_MCP, and restart the appliance.",
            )
    if sys.stdin is None or sys.stdin.isatty():
        sys.stderr.write(_FOR_PEOPLE)
    if sys.stdin is None:
        return 0
    with contextlib.suppress(KeyboardInterrupt):
        StdioServer(McpServer(sources, mode), sys.stdin.buffer, sys.stdout.buffer).serve()
    return 0


def _print_config(process: Mapping[str, str], flags: Mapping[str, str], kind: str) -> int:
    early = read_early(process, flags, Path.cwd())
    server: dict[str, Any] = _COMPOSE
    if kind == "http":
        server = _over_http(ask(Path(early.status_socket), "assistants"))
    elif "APPLIANCE_IMAGE" not in process:
        server = {"command": sys.executable, "args": ["-I", "-m", "appliance", "mcp", "--project", str(early.project)]}
    sys.stdout.write(json.dumps({"mcpServers": {"appliance": server}}, indent=2) + "\n")
    return 0


def _over_http(access: Mapping[str, Any]) -> dict[str, Any]:
    if not access.get("token"):
        raise SettingsError(
            "this appliance does not answer assistants over HTTP, or not to this user",
            expected="APPLIANCE_MCP=read or write, and the appliance's own user, or root",
            action="Set APPLIANCE_MCP, and restart the appliance; or run this command as its user.",
        )
    if not access.get("url"):
        raise SettingsError(
            "this appliance has no pages, or does not know the port at which a browser reaches it",
            expected="APPLIANCE_PAGES=on, and in a container APPLIANCE_PUBLIC_URL",
            action="Set APPLIANCE_PUBLIC_URL=http://localhost:8000, for example, and restart the appliance.",
        )
    fields = {"Authorization": f"Bearer {access['token']}"}
    return {"type": "http", "url": f"{access['url'].rstrip('/')}{OWN_PAGES}/mcp", "headers": fields}
