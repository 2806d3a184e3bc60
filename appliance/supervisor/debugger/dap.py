"""The messages of the Debug Adapter Protocol, as far as a proxy needs them.

This module knows the framing (``Content-Length: N``, an empty line, N bytes of JSON) and the three messages that
matter to a proxy. It knows no sockets. https://microsoft.github.io/debug-adapter-protocol/overview#base-protocol

An editor asks for a restart by ``"restart": true`` in its attach request. debugpy respects this if the editor listens,
and ignores it if the debugger listens. Through a published port only the debugger can listen. An editor that gets
"terminated" without "restart" does not connect again. So the proxy adds the "restart" that the editor has asked for.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 * 1024 * 1024
_LENGTH = re.compile(rb"(?:\A|\r\n)Content-Length: *([0-9]{1,9})(?=\r\n)", re.IGNORECASE)
_HEADER_END = b"\r\n\r\n"
_MAX_HEADER = 4096


class Frames:
    """Splits bytes into complete messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each message that is complete now.

        Raises:
            ValueError: these bytes are not the protocol.
        """
        self._buffer += data
        while self._buffer:
            # Two searches, each linear: one pattern for the whole header takes 4 ms for lines that all name a length.
            found = _LENGTH.search(self._buffer, 0, _MAX_HEADER)
            header_end = self._buffer.find(_HEADER_END, found.end(), _MAX_HEADER) if found is not None else -1
            if found is None or header_end < 0:
                if len(self._buffer) > _MAX_HEADER:
                    raise ValueError("no header of the Debug Adapter Protocol")
                return
            length = int(found[1])
            if length > MAX_BYTES:
                raise ValueError(f"a message of {length} bytes")
            begin = header_end + len(_HEADER_END)
            end = begin + length
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[begin:end])
            del self._buffer[:end]
            yield message


def framed(message: bytes) -> bytes:
    """Return one message with its header."""
    return b"Content-Length: %d\r\n\r\n" % len(message) + message


class Session:
    """The requests of one client that matter to the proxy."""

    def __init__(self) -> None:
        self._restart = False
        self._disconnects = False
        self._terminated = False  # the client knows that its debugger has ended
        self._sequence = 1_000_000_000  # for messages of our own; beyond the numbers that an adapter reaches

    def from_client(self, message: bytes) -> bytes:
        """Note an ``attach`` that asks for a restart, and a client that disconnects itself."""
        if b'"attach"' in message or b'"disconnect"' in message or b'"terminate"' in message:
            request = _loaded(message)
            if request.get("command") == "attach":
                arguments = request.get("arguments")
                self._restart = bool(isinstance(arguments, dict) and arguments.get("restart"))
            elif request.get("command") in {"disconnect", "terminate"}:
                self._disconnects = True
        return message

    def from_debugger(self, message: bytes) -> bytes:
        """Return a message of the debugger, unchanged except that "terminated" gets the restart that was asked for."""
        if b'"terminated"' in message:
            event = _loaded(message)
            if event.get("event") == "terminated":
                self._terminated = True
                if self._restart and not self._disconnects:
                    event["body"] = {**(event.get("body") or {}), "restart": True}
                    return json.dumps(event).encode()
        return message

    def termination(self) -> bytes:
        """Return the message for a client whose debugger ended without one; nothing if the client knows."""
        if self._terminated or self._disconnects:
            return b""
        self._terminated = True
        body = {"restart": True} if self._restart else {}
        return json.dumps({"seq": self._sequence, "type": "event", "event": "terminated", "body": body}).encode()


def _loaded(message: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(message)
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
