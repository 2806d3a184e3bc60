"""The Debug Adapter Protocol's frames, as far as a relay has to read them.

Owns the framing (``Content-Length: N``, an empty line, N bytes of JSON) and the three messages that a relay cares for.
Knows nothing of sockets. https://microsoft.github.io/debug-adapter-protocol/overview#base-protocol

debugpy honours ``"restart": true`` of an attach request where the editor listens, and ignores it where the debugger
does, which is the only form that goes through a published port: an editor that is told "terminated" without "restart"
does not come back. So the relay adds the word that the editor asked for.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 64 * 1024 * 1024
_HEADER = re.compile(rb"(?:[^\r\n]*\r\n)*?Content-Length: *([0-9]{1,9})\r\n(?:[^\r\n]*\r\n)*?\r\n", re.IGNORECASE)
_LONGEST_HEADER = 4096


class Frames:
    """Bytes in, whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Each message that is whole now.

        Raises:
            ValueError: this is not the protocol.
        """
        self._buffer += data
        while self._buffer:
            header = _HEADER.match(self._buffer, 0, _LONGEST_HEADER)
            if header is None:
                if len(self._buffer) > _LONGEST_HEADER:
                    raise ValueError("no header of the Debug Adapter Protocol")
                return
            length = int(header[1])
            if length > LONGEST:
                raise ValueError(f"a message of {length} bytes")
            end = header.end() + length
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[header.end() : end])
            del self._buffer[:end]
            yield message


def framed(message: bytes) -> bytes:
    """One message for the wire."""
    return b"Content-Length: %d\r\n\r\n" % len(message) + message


class Session:
    """What the messages of one client say of its wishes."""

    def __init__(self) -> None:
        self._restart = False
        self._leaves = False
        self._told = False
        self._sequence = 1_000_000_000  # of messages of our own; beyond what an adapter reaches

    def from_client(self, message: bytes) -> bytes:
        """Note an ``attach`` that asks for a restart, and a client that leaves by its own will."""
        if b'"attach"' in message or b'"disconnect"' in message or b'"terminate"' in message:
            request = _loaded(message)
            if request.get("command") == "attach":
                arguments = request.get("arguments")
                self._restart = bool(isinstance(arguments, dict) and arguments.get("restart"))
            elif request.get("command") in {"disconnect", "terminate"}:
                self._leaves = True
        return message

    def from_debugger(self, message: bytes) -> bytes:
        """The same message; "terminated" with the restart that the client asked for."""
        if b'"terminated"' in message:
            event = _loaded(message)
            if event.get("event") == "terminated":
                self._told = True
                if self._restart and not self._leaves:
                    event["body"] = {**(event.get("body") or {}), "restart": True}
                    return json.dumps(event).encode()
        return message

    def cut(self) -> bytes:
        """What a client has to be told when its debugger has gone without a word; nothing if it knows."""
        if self._told or self._leaves:
            return b""
        self._told = True
        body = {"restart": True} if self._restart else {}
        return json.dumps({"seq": self._sequence, "type": "event", "event": "terminated", "body": body}).encode()


def _loaded(message: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(message)
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
