"""A server under test, in this process, and a client that believes nothing.

``Served`` runs a pooled server on a loopback port; ``Recorder`` is its sink; ``Client`` sends bytes as they are and
reads responses strictly; ``Echo`` is an application that remembers what it was asked.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from io import BufferedReader
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO

from appliance.server.http.limits import Limits
from appliance.server.pool.pool import PooledWSGIServer
from appliance.server.pool.tables.connection_states import STATES
from appliance.server.wsgi.access_log.exchange import Exchange

if TYPE_CHECKING:
    from appliance.server.io.background.background_sender import Transfer
    from appliance.server.pool.connection import Connection
    from appliance.server.pool.thread_pool import PoolThread

PATIENCE_S = 10.0
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(path: str = "/", *fields: str, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    """A request without a body."""
    return "\r\n".join([f"{method} {path} {version}", "Host: localhost", *fields, "", ""]).encode("latin-1")


def post(body: bytes, *fields: str, path: str = "/") -> bytes:
    """A request with a body of known length."""
    return get(path, f"Content-Length: {len(body)}", *fields, method="POST") + body


def chunked(*chunks: bytes, path: str = "/", fields: Iterable[str] = ()) -> bytes:
    """A request with a chunked body, its last chunk included."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return get(path, "Transfer-Encoding: chunked", *fields, method="POST") + body


class Recorder:
    """A sink that can be waited for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.records: list[dict[str, Any]] = []
        self.events: list[tuple[str, str, dict[str, object]]] = []
        self.flushes = 0
        self.flushed_by: Counter[int] = Counter()  # threads, by their identifiers

    def exchange(self, exchange: Exchange) -> None:
        with self._changed:
            self.records.append(asdict(exchange.record()))
            self._changed.notify_all()

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        with self._changed:
            self.events.append((level, event, fields))
            self._changed.notify_all()

    def flush(self) -> None:
        with self._changed:
            self.flushes += 1
            self.flushed_by[threading.get_ident()] += 1
            self._changed.notify_all()

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Until the condition holds of what was recorded."""
        with self._changed:
            found = self._changed.wait_for(condition, PATIENCE_S)
        assert found, f"records {self.records}, events {self.events}"
        return found

    def record(self, number: int = 0) -> dict[str, Any]:
        """Wait for and return the record with this index."""
        self.wait(lambda: len(self.records) > number)
        return self.records[number]

    def wait_for(self, name: str) -> dict[str, object]:
        """The fields of an event, waited for."""
        found: list[dict[str, object]] = self.wait(lambda: [each[2] for each in self.events if each[1] == name])
        assert found
        return found[0]


class Echo:
    """Answers with the body it was sent, and remembers each request."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read()
        self.seen.append({**environ, "body": body})
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [body or environ["PATH_INFO"].encode("latin-1")]


@dataclass
class Response:
    """One response, read strictly."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    line: str = ""
    chunks: list[bytes] = field(default_factory=list)

    def __getitem__(self, name: str) -> str | None:
        values = [value for field_name, value in self.fields if field_name.lower() == name.lower()]
        assert len(values) < 2, f"{name} is there more than once: {values}"
        return values[0] if values else None


def read_response(file: BinaryIO, *, head_only: bool = False) -> Response:
    """The next response, strictly."""
    line = read_line(file)
    assert line.startswith("HTTP/1.1 "), line
    status = int(line[9:12])
    assert line[12] == " "
    fields = []
    while text := read_line(file):
        name, colon, value = text.partition(": ")
        assert colon, text
        fields.append((name, value))
    response = Response(status, fields, b"", line)
    if not head_only and status not in (204, 304) and status >= 200:
        read_content(file, response)
    return response


def read_content(file: BinaryIO, response: Response) -> None:
    """A response's content, as its head delimits it."""
    if response["Transfer-Encoding"]:
        assert response["Transfer-Encoding"] == "chunked"
        assert response["Content-Length"] is None
        while size := int(read_line(file), 16):
            response.chunks.append(file.read(size))
            assert file.read(2) == b"\r\n"
        assert read_line(file) == ""
        response.body = b"".join(response.chunks)
    elif response["Content-Length"] is not None:
        response.body = file.read(int(response["Content-Length"] or 0))
    else:
        response.body = file.read()


def read_line(file: BinaryIO) -> str:
    """A line, without its CRLF."""
    line = file.readline(70_000)
    assert line.endswith(b"\r\n"), f"cut off: {line!r}"
    return line[:-2].decode("latin-1")


class Client:
    """One connection, by hand."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._use(socket.create_connection(address, timeout=PATIENCE_S))

    @classmethod
    def of(cls, sock: socket.socket) -> Client:
        """A client on a socket that is connected already."""
        client = cls.__new__(cls)
        client._use(sock)
        return client

    def _use(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file: BufferedReader = sock.makefile("rb")

    def send(self, data: bytes) -> Client:
        self.sock.sendall(data)
        return self

    def half_close(self) -> Client:
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def ask(self, data: bytes = GET) -> Response:
        """Send a request and read its response."""
        return self.send(data).response(head_only=data.startswith(b"HEAD "))

    def response(self, *, head_only: bool = False) -> Response:
        """The next response."""
        return read_response(self.file, head_only=head_only)

    def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        return self.file.read()

    def more_comes(self) -> bool:
        """Whether the server sends more; waits until it does, or has ended the connection."""
        return bool(self.file.peek(1))

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Served:
    """A pooled server that runs, and its clients."""

    def __init__(self, application: Any, stack: ExitStack, *, limits: Limits | None = None, **options: Any) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = listener.getsockname()
        self.sink = Recorder()
        self._stack = stack
        limits = limits or Limits()
        self.server = PooledWSGIServer(listener, application, sink=self.sink, limits=limits, **options)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        stack.callback(listener.close)
        stack.callback(self.thread.join, PATIENCE_S)
        stack.callback(self.server.stop)

    def client(self) -> Client:
        """A new connection, closed at the end of the test."""
        return self.keep(Client(self.address))

    def keep(self, client: Client) -> Client:
        """Close the client at the end of the test."""
        self._stack.callback(client.close)
        return client

    def ask(self, data: bytes = GET) -> Response:
        """One request on a connection of its own."""
        return self.client().ask(data)

    # -- what the server does now, read from its parts

    def threads(self) -> list[PoolThread]:
        """The threads of its pool."""
        return list(self.server.parts.thread_pool.pool_threads)

    def leader(self) -> PoolThread | None:
        """The thread that waits for requests, or serves one that it has taken; None while all others have one."""
        return self.server.parts.thread_pool.leader

    def is_away(self) -> bool:
        """Whether nobody has looked for connections for so long that clients may have left since."""
        return self.server.parts.connections.is_away(monotonic())

    def connections(self, *states: int) -> list[Connection]:
        """The connections in one of these states; without states all that the server still knows."""
        with self.server.parts.lock:
            return self.server.parts.connections.locked_in_state(*(states or range(len(STATES))))

    def goes_on(self) -> None:
        """Wait until the server, which ends, has asked once more whether it is over, and is not.

        It flushes its sink after each look, and once more at its end: a third flush comes from a server that goes on.
        """
        thread = self.thread.ident or 0
        before = self.sink.flushed_by[thread]
        self.server.parts.wake_up.set()
        self.sink.wait(lambda: self.sink.flushed_by[thread] >= before + 3)
        assert self.thread.is_alive()

    def transfers(self) -> list[Transfer]:
        """The transfers that run in the background, without a thread."""
        return list(self.server.background._under_way.values())

    def sends_in_background(self) -> bool:
        """Whether anything is sent or received in the background."""
        return self.server.background.busy
