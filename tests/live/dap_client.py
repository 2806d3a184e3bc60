"""A debugger's client that speaks the Debug Adapter Protocol, as far as a test of ours has to."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import socket
import threading
from typing import Any


class DapClient:
    """Connects, attaches, sets breakpoints, waits for events. Every wait is bounded."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", within_s: float = 60) -> None:
        self._within_s = within_s
        self._socket = socket.create_connection((host, port), timeout=within_s)
        self._file = self._socket.makefile("rb")
        self._numbers = itertools.count(1)
        self._responses: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while header := self._file.readline():
                if header.lower().startswith(b"content-length:"):
                    length = int(header.partition(b":")[2])
                    self._file.readline()
                    message = json.loads(self._file.read(length))
                    if message["type"] == "response":
                        self._responses[message["request_seq"]].put(message)
                    elif message["type"] == "event":
                        self.events.put(message)
        self.events.put({"event": "closed"})

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; its number."""
        number = next(self._numbers)
        self._responses[number] = queue.SimpleQueue()
        request = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return number

    def response(self, number: int) -> dict[str, Any]:
        """The body of the response to that request, which must have succeeded."""
        message = self._responses[number].get(timeout=self._within_s)
        assert message["success"], message
        return message.get("body") or {}

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """A request and its response."""
        return self.response(self.send(command, **arguments))

    def wait_for(self, name: str) -> dict[str, Any]:
        """The body of the next event of that name."""
        while True:
            event = self.events.get(timeout=self._within_s)
            if event["event"] == name:
                return event.get("body") or {}
            assert event["event"] != "closed", f"the connection ended without {name}"

    def attach(self, port: int, breakpoints: dict[str, list[int]], *, local: str, remote: str) -> None:
        """Attach as an editor does with ``"restart": true``; breakpoints are lines by file."""
        self.ask("initialize", adapterID="debugpy", clientID="test", linesStartAt1=True, columnsStartAt1=True)
        attaching = self.send(
            "attach",
            name="attach",
            type="debugpy",
            request="attach",
            connect={"host": "127.0.0.1", "port": port},
            pathMappings=[{"localRoot": local, "remoteRoot": remote}],
            justMyCode=True,
            restart=True,
        )
        self.wait_for("initialized")
        for file, lines in breakpoints.items():
            answer = self.ask("setBreakpoints", source={"path": file}, breakpoints=[{"line": n} for n in lines])
            assert all(each["verified"] for each in answer["breakpoints"]), answer
        self.ask("configurationDone")
        self.response(attaching)

    def where_it_stopped(self) -> tuple[str, int, int]:
        """Wait for a breakpoint: the file's name, the line, the thread."""
        thread = self.wait_for("stopped")["threadId"]
        frame = self.ask("stackTrace", threadId=thread, startFrame=0, levels=1)["stackFrames"][0]
        return frame["source"]["path"], frame["line"], thread

    def leave(self) -> None:
        """Disconnect, as an editor does when it is told "terminated"."""
        with contextlib.suppress(OSError, AssertionError, queue.Empty):
            self.ask("disconnect", restart=False, terminateDebuggee=False)
        self.close()

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._reader.join()
        self._file.close()
