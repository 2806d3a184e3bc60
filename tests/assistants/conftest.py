"""A supervisor that answers on a status socket, and a desk with what a test has logged."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from appliance.assistants.mcp_server import McpServer
from appliance.assistants.tool_sources import Sources
from appliance.desk.store import Store
from appliance.desk.table_rows import rows
from appliance.supervisor.loop import Loop
from appliance.supervisor.reporting.status_socket import Answerer, StatusSocket, WithArgument

PROJECT = "/workspace"
PATIENCE_S = 10.0


class Site:
    """A supervisor's answers, and the recorded requests."""

    def __init__(self, socket: Path, desk: Path) -> None:
        self.socket = socket
        self.desk = desk
        self.mode = "read"
        self.stacks = ""
        self.remedies: list[dict[str, Any]] = []
        self.runs: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.questions = 0  # for the status
        self._was_asked = threading.Condition()
        self.status: dict[str, Any] = {
            "health": "healthy", "state": "serving", "stuck": None, "generation": 1, "attempt": 2, "project": PROJECT,
            "url": "http://localhost:8000", "error": None, "last_error": None, "last_reload": None, "desk": str(desk),
        }  # fmt: skip
        self.server = McpServer(Sources(str(socket)), lambda: self.mode)

    def record(self, *lines: bytes, run: str = "run") -> None:
        """Store these lines of the log."""
        store = Store(self.desk)
        store.add(rows(lines, run))
        store.close()

    def answer_status(self, answer: Callable[[Any], Any]) -> None:
        """A supervisor that says how it is."""
        with self._was_asked:
            self.questions += 1
            self._was_asked.notify_all()
        answer(self.status)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds; it is looked at whenever a tool asks for the status."""
        with self._was_asked:
            assert self._was_asked.wait_for(condition, PATIENCE_S)

    def run_remedy(self, asked: dict[str, Any], answer: Callable[[Any], Any]) -> None:
        """A supervisor that runs whatever it is asked."""
        self.asked.append(asked)
        answer({"remedies": self.remedies, "runs": self.runs} if self.mode == "write" else {"error": "not write"})

    def ask(self, method: str, params: dict[str, Any] | None = None, request_id: Any = 1) -> dict[str, Any]:
        """One request of the protocol."""
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}
        answer = self.server.answer(message)
        assert answer is not None
        return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool."""
        result: dict[str, Any] = self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]
        assert not result["isError"], result["content"]
        found: dict[str, Any] = result["structuredContent"]
        return found

    def error(self, tool: str, **arguments: Any) -> str:
        """Return the message of a tool that can't do what it was asked."""
        result: dict[str, Any] = self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]
        assert result["isError"]
        return str(result["content"][0]["text"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A supervisor that serves, and nothing recorded yet."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))  # a short path: it is a socket's
        loop = Loop()
        stack.callback(loop.close)
        found = Site(folder / "status.sock", tmp_path / "desk.sqlite3")
        answerers: dict[str, Answerer] = {
            "status": found.answer_status,
            "stacks": lambda answer: answer({"pid": 7, "stacks": found.stacks}),
            "assistants": lambda answer: answer({"mode": found.mode}),
            "remedies": lambda answer: answer({"remedies": found.remedies, "runs": found.runs}),
            "run-remedy": WithArgument(found.run_remedy),
            "cancel-remedy": WithArgument(lambda asked, answer: found.run_remedy({**asked, "end": True}, answer)),
        }
        listening = StatusSocket(found.socket, answerers, loop)
        assert listening.open() is None
        thread = threading.Thread(target=loop.run)
        thread.start()
        for end in (listening.close, thread.join, loop.stop):
            stack.callback(end)
        yield found
