"""Transfers in the background: a kernel and a clock that a test controls, and a server that a test answers for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from appliance.server.http.limits import Limits
from appliance.server.io.background.background_sender import BackgroundSender, ServerCallbacks
from appliance.server.io.background.byte_queue import Storage
from appliance.server.io.wire import Wire

PATIENCE_S = 10
LARGE = bytes(range(256)) * 4096


class Clock:
    """The clock of the transfers; it moves when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeWire:
    """A wire whose kernel takes and gives what a test says; it notes what was done to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.unsent = 0
        self.resets = 0
        self.sent = b""
        self.takes: list[int | OSError] = []  # of each send: how much is taken; then everything
        self.gives: list[bytes | OSError | None] = []

    def send_now(self, data: memoryview) -> int:
        """Take the next number of bytes in ``takes``."""
        step = self.takes.pop(0) if self.takes else len(data)
        if isinstance(step, OSError):
            raise step
        self.sent += data[:step]
        return min(step, len(data))

    def receive_now(self) -> bytes | None:
        """Give the next bytes in ``gives``."""
        step = self.gives.pop(0)
        if isinstance(step, OSError):
            raise step
        return step

    def reset(self) -> None:
        """Note the reset."""
        self.resets += 1


def never(*_: object) -> None:
    """Must not be called."""
    raise AssertionError


class Server:
    """The server of a background sender: a test sets its answers."""

    def __init__(self) -> None:
        self.ahead = 2 * len(LARGE)
        self.may_wait = self.may_hold = True
        self.may_run = False
        self.asked: list[object] = []
        self.ended = threading.Semaphore(0)
        self.senders: list[BackgroundSender] = []
        self.sockets: list[socket.socket] = []
        self.storage = Storage(4 * len(LARGE))

    def start(self, limits: Limits | None = None) -> BackgroundSender:
        """A background sender."""
        callbacks = ServerCallbacks(
            is_pressed=self.is_pressed,
            max_ahead=lambda wire: self.ask(wire, self.ahead),
            begin_wait=lambda wire: self.ask(wire, self.may_wait),
            begin_wait_in_memory=lambda wire: self.ask(wire, self.may_hold),
            may_run=lambda: self.may_run,
            transfers_ended=self.ended.release,
        )
        self.senders.append(BackgroundSender(limits or Limits(), self.storage, callbacks))
        return self.senders[-1]

    def is_pressed(self) -> bool:
        """Whether requests wait for a thread."""
        return False

    def ask(self, wire: object, answer: Any) -> Any:
        """Note which wire it was asked about."""
        self.asked.append(wire)
        return answer

    def connect(self, sender: BackgroundSender) -> tuple[Wire, socket.socket]:
        """A connection whose client has not read anything, and of which the kernel holds little."""
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.settimeout(PATIENCE_S)
        self.sockets += ours, theirs
        wire = Wire(ours, Limits())
        wire.background = sender
        return wire, theirs

    def close(self) -> None:
        """End everything; all memory must be free then."""
        for sender in self.senders:
            sender.close()
            if sender.thread is not None:
                sender.thread.join(PATIENCE_S)
                assert not sender.thread.is_alive()
            assert not sender.busy
        for each in self.sockets:
            each.close()
        assert (self.storage.memory_left, self.storage.held, self.storage.files) == (4 * len(LARGE), {}, 0)


def read(client: socket.socket, size: int) -> bytes:
    """Return the bytes that a client gets."""
    parts = []
    while size and (part := client.recv(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def follow(sender: BackgroundSender, transfer_: Any) -> Callable[[], Any]:
    """Follow a transfer; the returned function waits for its end, and returns it."""
    done = threading.Event()
    seen: list[Any] = []

    def note(found: Any) -> None:
        seen.append((found, threading.current_thread().name))
        done.set()

    assert sender.follow(transfer_, note)

    def wait() -> Any:
        assert done.wait(PATIENCE_S)
        ((found, name),) = seen
        assert found is transfer_
        return name

    return wait
