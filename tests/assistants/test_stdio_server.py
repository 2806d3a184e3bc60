"""MCP over stdio: lines in, lines out, and an end."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import pytest

from appliance.assistants.json_rpc import MESSAGE_MAX
from appliance.assistants.stdio_server import StdioServer
from appliance.assistants.tool_sources import Sources
from tests.assistants.conftest import Site


class Client:
    """The client's ends of the pipes."""

    def __init__(self, to_server: BinaryIO, from_server: BinaryIO) -> None:
        self.to_server = to_server
        self.from_server = from_server

    def send(self, line: bytes) -> None:
        """One line."""
        self.to_server.write(line + b"\n")
        self.to_server.flush()

    def ask(self, method: str, request_id: Any = 1, **params: Any) -> None:
        """One request."""
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.send(json.dumps(message).encode())

    def answer(self) -> Any:
        """The next line of the server."""
        return json.loads(self.from_server.readline())


@contextmanager
def served(site: Site) -> Iterator[tuple[Client, threading.Thread]]:
    """A client, and the thread that serves it."""
    (source, to_server), (from_server, sink) = os.pipe(), os.pipe()
    files = os.fdopen(source, "rb"), os.fdopen(to_server, "wb"), os.fdopen(from_server, "rb"), os.fdopen(sink, "wb")
    thread = threading.Thread(target=StdioServer(site.server, files[0], files[3]).serve)
    thread.start()
    yield Client(files[1], files[2]), thread
    for file in (files[1], files[2]):
        with suppress(OSError):
            file.close()
    thread.join(10)
    assert not thread.is_alive()
    for file in (files[0], files[3]):
        with suppress(OSError):
            file.close()


def test_bad_lines_are_answered_and_left(site: Site):
    """A line that can't be read, or is too long, has an error; an empty one has none; the server goes on."""
    with served(site) as (client, _):
        for line, code in [(b"{", -32700), (b"1", -32600), (b"x" * (MESSAGE_MAX + 5000), -32600), (b"[]", -32600)]:
            client.send(line)
            assert client.answer()["error"]["code"] == code
        client.send(b"")
        client.ask("ping")
        assert client.answer()["result"] == {}


def test_a_ping_is_answered_while_a_tool_waits(site: Site):
    """A call that waits holds up nothing, and is cancelled without an answer."""
    with served(site) as (client, _):
        client.ask("tools/call", 1, name="wait_for_reload", arguments={"timeout_s": 60})
        client.ask("ping", 2)
        assert client.answer()["id"] == 2
        client.send(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
        client.ask("tools/call", 3, name="status")
        assert client.answer()["id"] == 3


def test_a_batch_has_one_answer(site: Site):
    """Older clients send several messages in a list: the answers come in one."""
    with served(site) as (client, _):
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        calls = [
            {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "status"}} for number in (1, 2)
        ]
        client.send(json.dumps([note, *calls]).encode())
        assert [each["id"] for each in client.answer()] == [1, 2]


def test_the_last_answers_are_written(site: Site):
    """A client that closes its end at once still gets the answers, and a call that waits ends."""
    with served(site) as (client, thread):
        client.ask("tools/call", 1, name="wait_for_reload", arguments={"timeout_s": 60})
        client.ask("tools/call", 2, name="status")
        client.to_server.close()
        assert client.answer()["id"] == 2
        thread.join(5)
        assert not thread.is_alive()


def test_a_slow_answer_is_written_too(site: Site, monkeypatch: pytest.MonkeyPatch):
    """Only a call that waits is cancelled at the end of the input: a slow machine takes longer for the others."""
    status, cancel_all, cancelled = Sources.status, site.server.cancel_all, threading.Event()

    def cancel() -> None:
        cancel_all()
        cancelled.set()

    def slow_status(sources: Sources) -> dict[str, Any]:
        assert cancelled.wait(10)
        return status(sources)

    monkeypatch.setattr(site.server, "cancel_all", cancel)
    monkeypatch.setattr(Sources, "status", slow_status)
    with served(site) as (client, thread):
        client.ask("tools/call", 1, name="status")
        client.to_server.close()
        thread.join(10)
        assert client.answer()["id"] == 1


def test_a_client_that_does_not_read_ends_the_server(site: Site):
    """If the answers can't be written, the server ends."""
    with served(site) as (client, thread):
        client.from_server.close()
        for _ in range(3):
            with suppress(OSError):
                client.ask("ping")
        thread.join(5)
        assert not thread.is_alive()
