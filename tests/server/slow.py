"""Slow readers of large responses, and an application that answers in every way that there is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.server.served import PATIENCE_S, Client, Served, read_response

SIZE = 10_000_000
CONTENT = (bytes(range(251)) * (SIZE // 251 + 1))[:SIZE]  # no power of two, so that a shifted byte shows
PIECES = [CONTENT[at : at + 70_000] for at in range(0, SIZE, 70_000)]
LENGTH = [("Content-Length", str(SIZE))]


class Every:
    """An application that answers with the same content in every way that there is; ``/plain`` is a small answer."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.closed = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"].strip("/")
        return getattr(self, path)(environ, start_response)

    def plain(self, environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read() or b"plain"]

    def list(self, environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return [CONTENT]

    def items(self, environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return PIECES

    def chunks(self, environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return self._pieces()

    def sized(self, environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", LENGTH)
        return self._pieces()

    def written(self, environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [])
        for piece in PIECES[:-1]:
            write(piece)
        return PIECES[-1:]

    def mapped(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert self.file is not None
        file = self.file.open("rb")

        def close() -> None:
            file.close()
            self.closed.release()

        start_response("200 OK", LENGTH)
        wrapper = environ["wsgi.file_wrapper"](file)
        wrapper.close = close
        return wrapper

    def _pieces(self) -> Iterator[bytes]:
        try:
            yield from PIECES
        finally:
            self.closed.release()


WAYS = ["list", "items", "chunks", "sized", "written", "mapped"]


def small_connection(served: Served) -> socket.socket:
    """A connection to the server of which the kernel holds little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    sock.settimeout(PATIENCE_S)
    sock.connect(served.address)
    return sock


def slow(served: Served, data: bytes) -> Client:
    """A client that reads nothing, on a connection of which the kernel holds little."""
    return served.keep(Client.of(small_connection(served))).send(data)


def until(running: Served | threading.Thread, condition: Callable[[], object]) -> None:
    """Wait until the condition holds, while the server or the thread runs: for changes without an event."""
    thread = running if isinstance(running, threading.Thread) else running.thread
    while not condition():
        assert thread.is_alive()
        thread.join(0.001)


def until_late(served: Served) -> None:
    """Until no thread has looked for connections for so long that what comes now may have left before one does."""
    until(served, lambda: served.leader() is None)
    until(served, served.is_away)


def until_in_background(served: Served, count: int = 1) -> None:
    """Until so many transfers are under way, and no thread works."""
    until(served, lambda: len(served.transfers()) >= count and not served.server.busy)


def waiting(served: Served) -> int:
    """How many threads wait for their clients."""
    return sum(pool_thread.waiting_since > 0 for pool_thread in served.threads())


def body_of(client: Client, **options: Any) -> bytes:
    """The content of the next response."""
    return read_response(client.file, **options).body
