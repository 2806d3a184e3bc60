"""Serve probes over HTTP/1.1: one thread, many connections, none of which can hold up another.

A response is sent by one call, and fits into a socket's buffer. Three kinds of clients are disconnected: a client that
sends many requests and reads no response, a client that takes long to send a head, and, if there are too many clients,
the one that was idle longest.

Decision 48 says why.
"""

from __future__ import annotations

import contextlib
import re
import select
import selectors
import socket
import time
from typing import TYPE_CHECKING

from appliance.probes.liveness import TICK_S
from appliance.probes.probe_answers import MAX_HEAD, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.probes.probe_answers import Answer

MAX_CONNECTIONS = 512
HEAD_S = 5.0  # for a head, from its first byte on
IDLE_S = 75.0  # between two requests
_ACCEPTS = 64  # connections that are accepted before others are answered
_READ = 8192
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_NO_DESCRIPTOR_S = 0.05


class _Connection:
    """A client, and what it has sent of its next head."""

    def __init__(self, connection: socket.socket, now: float) -> None:
        self.socket = connection
        self.received = b""
        self.since = now  # the first byte of its head; before one, its last response


class ProbeServer:
    """Answers every connection of a listening socket until ``channel`` can be read: the supervisor has gone.

    Args:
        listener: the listening socket.
        channel: a descriptor, the supervisor's.
        answer: returns the response to a head.
        tick: is called about once a second.
    """

    def __init__(
        self, listener: socket.socket, channel: int, answer: Callable[[bytes], Answer], tick: Callable[[], None]
    ) -> None:
        self._listener = listener
        self._channel = channel
        self._answer = answer
        self._tick = tick
        self._selector = selectors.DefaultSelector()
        self._connections: dict[_Connection, None] = {}  # the one that sent least lately comes first

    def run(self) -> None:
        """Answer probes until the supervisor ends the channel."""
        self._listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._channel, selectors.EVENT_READ)
        due = 0.0
        while True:
            ready = self._selector.select(max(0.0, due - time.monotonic()))
            if (now := time.monotonic()) >= due:
                due = now + TICK_S
                self._tick()
                self._close_late(now)
            for key, _ in ready:
                if key.fileobj == self._channel:
                    return
                if key.data is None:
                    self._accept(now)
                elif key.data in self._connections:  # it may have been closed in this round
                    self._read(key.data, now)

    def close(self) -> None:
        """Close every connection, after the end of ``run``."""
        for connection in list(self._connections):
            self._close(connection)
        self._selector.close()

    def _accept(self, now: float) -> None:
        for _ in range(_ACCEPTS):
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:  # the client has gone, or there is no descriptor left
                if self._connections:
                    self._close(next(iter(self._connections)))
                else:
                    select.select([], [], [], _NO_DESCRIPTOR_S)
                return
            client.setblocking(False)  # noqa: FBT003  as above
            with contextlib.suppress(OSError):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(client, now)
            self._connections[connection] = None
            self._selector.register(client, selectors.EVENT_READ, connection)
            if len(self._connections) > MAX_CONNECTIONS:
                self._close(next(iter(self._connections)))

    def _read(self, connection: _Connection, now: float) -> None:
        try:
            data = connection.socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        if not connection.received:
            connection.since = now
        connection.received += data
        self._connections[connection] = self._connections.pop(connection)
        while connection in self._connections and self._answer_next(connection, now):
            continue

    def _answer_next(self, connection: _Connection, now: float) -> bool:
        """Answer the next request whose head is complete; return False if there is none."""
        received = connection.received.lstrip(b"\r\n")  # RFC 9112, 2.2
        end = _HEAD_END.search(received, 0, MAX_HEAD + 4)
        if end is None:
            connection.received = received
            if len(received) > MAX_HEAD:
                self._send(connection, refusal(431))
            return False
        connection.received, connection.since = received[end.end() :], now
        self._send(connection, self._answer(received[: end.start()]))
        return True

    def _send(self, connection: _Connection, answer: Answer) -> None:
        try:
            sent = connection.socket.send(answer.data)
        except OSError:
            sent = 0
        if answer.close or sent < len(answer.data):
            self._close(connection)

    def _close_late(self, now: float) -> None:
        late = [each for each in self._connections if now - each.since > (HEAD_S if each.received else IDLE_S)]
        for connection in late:
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._connections.pop(connection, None)
        self._selector.unregister(connection.socket)
        with contextlib.suppress(OSError):  # what it still sends must not turn the response into a reset
            connection.socket.shutdown(socket.SHUT_WR)
            connection.socket.recv(_READ)
        connection.socket.close()
