"""The client of the official ``mcp`` package, in an environment of its own: calls of tools, one after the other."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from tests.releases import environment

# Reads {"tool": ..., "arguments": ...} from stdin, and writes what the package returns to stdout.
PROGRAM = """
import json, os, sys
import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

def transport(place):
    if "command" in place:
        return stdio_client(StdioServerParameters(command=place["command"], args=place["args"], env=place["env"]))
    fields = {"Authorization": "Bearer " + place["token"]}
    try:
        import httpx2 as httpx
    except ImportError:
        import httpx
    return streamable_http_client(place["url"], http_client=httpx.AsyncClient(headers=fields, timeout=60))

def values(found):
    return found.model_dump(mode="json", by_alias=True)

def say(found):
    print(json.dumps(found), flush=True)

async def answer(session, asked):
    if asked["tool"] == "tools/list":
        return values(await session.list_tools())
    told = []
    async def progress(done, total, message):
        told.append(message)
    found = await session.call_tool(asked["tool"], asked["arguments"], progress_callback=progress)
    return {**values(found), "told": told}

async def main():
    async with transport(json.loads(sys.stdin.readline())) as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            say(values(await session.initialize()))
            while line := await anyio.to_thread.run_sync(sys.stdin.readline):
                try:
                    say(await answer(session, json.loads(line)))
                except Exception as error:
                    say({"raised": f"{type(error).__name__}: {error}"})

if __name__ == "__main__":
    anyio.run(main)
"""


class OfficialClient:
    """One client; ``greeting`` is the server's answer to its handshake."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.greeting = self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the package's result of a call."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"tool": tool, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool that does what it was asked."""
        answer = self.ask(tool, **arguments)
        assert not answer.get("isError"), answer
        assert answer["content"][0]["text"]
        found: dict[str, Any] = answer["structuredContent"]
        return found


@contextlib.contextmanager
def official_client(place: Mapping[str, Any], release: str = "mcp==2.3.0") -> Iterator[OfficialClient]:
    """Connect this release of the official package; ``place`` has command, args and env, or url and token."""
    python = environment("3.13", release, project=PROGRAM) / "bin" / "python"
    with subprocess.Popen(
        [python, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(place) + "\n")
        process.stdin.flush()
        try:
            yield OfficialClient(process)
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
