"""``appliance mcp``: the tools for an assistant, over stdin and stdout, until the input ends.

Used as ``docker compose exec -T app appliance mcp``. Nothing but messages of the protocol is written to stdout.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.assistants.mcp_server import McpServer
from appliance.assistants.sources import Sources
from appliance.assistants.stdio_server import StdioServer
from appliance.assistants.tool_call import ToolError
from appliance.config.settings import read_early
from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


def command(process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Serve one client.

    Raises:
        SettingsError: the running appliance has APPLIANCE_MCP=off.
    """
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
    with contextlib.suppress(KeyboardInterrupt):
        StdioServer(McpServer(sources, mode), sys.stdin.buffer, sys.stdout.buffer).serve()
    return 0
