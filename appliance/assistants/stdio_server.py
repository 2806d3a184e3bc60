"""Serve the Model Context Protocol over stdio: one message a line, from stdin to stdout.

The main thread reads. A call of a tool has a thread of its own, so that a ping and a cancellation are read while it
waits. At the end of the input, calls that run get a moment to end.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO

from appliance.assistants import json_rpc
from appliance.assistants.json_rpc import RpcError

if TYPE_CHECKING:
    from appliance.assistants.json_rpc import Message
    from appliance.assistants.mcp_server import McpServer

_LAST_S = 5.0  # for calls that run when the input ends; one that waits is cancelled
_QUICK_S = 0.5


class StdioServer:
    """Serves one client.

    Args:
        server: answers.
        source: lines from the client.
        sink: lines to the client.
    """

    def __init__(self, server: McpServer, source: BinaryIO, sink: BinaryIO) -> None:
        self._server = server
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._is_over = False

    def serve(self) -> None:
        """Serve until the input ends, or the output can't be written."""
        while not self._is_over:
            line = self._source.readline(json_rpc.MESSAGE_MAX + 2)
            if not line:
                break
            if len(line) > json_rpc.MESSAGE_MAX and not line.endswith(b"\n"):
                while (rest := self._source.readline(json_rpc.MESSAGE_MAX)) and not rest.endswith(b"\n"):
                    continue
            if line.strip():
                self._take(line.strip())
        self._finish()

    def _take(self, line: bytes) -> None:
        try:
            messages, is_batch = json_rpc.read(line)
        except RpcError as error:
            self._write(json_rpc.failure(None, error))
            return
        if any(map(self._server.is_slow, messages)):
            self._start(messages, is_batch=is_batch)
        else:
            self._answer(messages, is_batch=is_batch)

    def _start(self, messages: list[Any], *, is_batch: bool) -> None:
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=self._answer, args=(messages,), kwargs={"is_batch": is_batch}, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:  # no thread is free
            busy = RpcError(json_rpc.BUSY, f"no thread is free: {error}")
            for each in messages:
                with contextlib.suppress(RpcError):
                    self._write(json_rpc.failure(json_rpc.id_of(each), busy))
            return
        self._threads.append(thread)

    def _answer(self, messages: list[Any], *, is_batch: bool) -> None:
        answers = [self._server.answer(each, self._write) for each in messages]
        found = [each for each in answers if each is not None]
        if found:
            self._write(found if is_batch else found[0])

    def _write(self, message: Message | list[Message]) -> None:
        try:
            with self._lock:
                self._sink.write(json_rpc.written(message) + b"\n")
                self._sink.flush()
        except (OSError, ValueError):  # the client has gone
            self._is_over = True
            self._server.cancel_all()

    def _finish(self) -> None:
        began = time.monotonic()
        for thread in self._threads:
            thread.join(max(0.0, began + _QUICK_S - time.monotonic()))
        self._server.cancel_all()
        for thread in self._threads:
            thread.join(max(0.0, began + _LAST_S - time.monotonic()))
