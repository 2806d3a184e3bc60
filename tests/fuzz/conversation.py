"""A client's bytes through the server's own code, in memory; and a judge of what came of them.

Owns one connection without a kernel: the bytes arrive whole, or in pieces with nothing between them, by the loop of a
thread a connection or by the pool's lot. The judge holds the outcome to the slow reader in reference.py.
"""

from __future__ import annotations

import io
import random
import re
from collections import deque
from time import monotonic
from typing import Any, cast

from appliance.server.http.limits import Limits
from appliance.server.io.poller import Poller
from appliance.server.io.wire import Wire
from appliance.server.pool.connection import Connection
from appliance.server.pool.connections import Connections
from appliance.server.pool.tables import connection_states as states
from appliance.server.wsgi.handler import WSGIRequestHandler
from appliance.server.wsgi.server_context import ServerContext
from tests.fuzz.reference import Asked, Refused, read
from tests.server.served import Response, read_response

# Small, so that short inputs reach them; draining is not bounded but by the input's own length.
LIMITS = Limits(
    max_line_bytes=512,
    max_header_bytes=1024,
    max_fields=16,
    max_body_bytes=1024,
    max_trailer_bytes=128,
    max_extension_bytes=128,
)
FRAMING = {"HTTP_CONNECTION", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"}

Received = tuple[str, str, str, dict[str, str], bytes]


class Memory:
    """A socket whose client has sent these pieces, one after another, and its end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = deque(pieces)
        self._between = False
        self.sent = b""

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        self._between = not self._between
        if not self._between:
            raise BlockingIOError
        piece = self._pieces.popleft() if self._pieces else b""
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
        return piece[:size]

    def send(self, data: Any, flags: int = 0, /) -> int:
        self.sent += bytes(data)
        return len(data)

    def sendmsg(self, parts: list[bytes]) -> int:
        return self.send(b"".join(parts))

    def fileno(self) -> int:
        return 7

    def settimeout(self, seconds: float | None) -> None:
        """There is nothing to wait for."""

    def shutdown(self, how: int) -> None:
        """Keep the bytes that were sent."""

    def close(self) -> None:
        """As shutdown."""


class MemoryWire(Wire):
    """A wire that never waits: what there is arrives with the next look."""

    __slots__ = ()

    def wait(self, events: int, seconds: float) -> None:
        """Nothing is late."""


class Deaf:
    """A poller that tells nothing; who plays the pool tells the lot itself."""

    def register(self, descriptor: int) -> None:
        """Nothing."""

    def unregister(self, descriptor: int) -> None:
        """Nothing."""


class Witness:
    """Application, sink and server of one connection."""

    server_context: ServerContext

    def __init__(self, template: ServerContext) -> None:
        self.received: list[Received] = []
        self.begun = 0
        self.records = 0
        self.sink = self
        self.server_context = template

    def get_app(self) -> Any:
        return self

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.begun += 1
        path, source = environ["PATH_INFO"], environ["wsgi.input"]
        if path.startswith("/unread"):
            body = b""
        elif path.startswith("/lines"):
            body = b"".join(source)
        elif path.startswith("/bytes"):
            body = b"".join(iter(lambda: source.read(1), b""))
        else:
            body = source.read()
        fields = {key: value for key, value in environ.items() if key.startswith("HTTP_") or key in FRAMING}
        self.received.append((environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], fields, body))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter((b"ser", b"ved")) if path.startswith("/stream") else [b"served"]

    def exchange(self, exchange: Any) -> None:
        self.records += 1

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        raise AssertionError(f"{event}: {fields}")

    def flush(self) -> None:
        """Nothing waits."""


class Outcome:
    """The outcome of a conversation."""

    def __init__(self, pieces: list[bytes], *, pooled: bool) -> None:
        sock = Memory(pieces)
        server_context = ServerContext({}, sink=cast("Any", None), limits=LIMITS, multithread=True, persistent=True)
        witness = Witness(server_context)
        server_context.sink = witness
        handler = WSGIRequestHandler.__new__(WSGIRequestHandler)
        handler.request = handler.connection = cast("Any", sock)
        handler.client_address = ("127.0.0.1", 1)
        handler.server = witness
        wire = MemoryWire(cast("Any", sock), LIMITS)
        handler.begin(server_context, wire)
        if pooled:
            serve_as_the_pool(handler, wire)
        else:
            handler.handle()
        self.sent = sock.sent
        self.witness = witness

    @property
    def reported(self) -> tuple[list[Received], list[bytes]]:
        """Return the parts that never depend on the pieces: the received requests, and the responses' statuses."""
        statuses = re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", self.sent)
        return self.witness.received, [status for status in statuses if status != b"100"]


def serve_as_the_pool(handler: WSGIRequestHandler, wire: Wire) -> None:
    """Serve a connection as a thread of the pool does."""
    connections = Connections(cast("Poller", Deaf()), LIMITS)
    mine = Connection(handler, wire, monotonic())
    connections.locked_add(mine)
    while True:
        connection = connections.locked_next(0.0)
        if connection is None:
            if mine.state != states.PARKED:
                return
            connections.locked_readable(mine.descriptor)
            continue
        raw, connection.raw = connection.raw, None
        begun_at, connection.begun_at = connection.begun_at, 0.0
        handler.begin_request(raw, begun_at, connection.refusal)
        handler.handle_one_request()
        if handler.close_connection:
            return
        if wire.buffer:
            connections.locked_on(connection, states.PIPELINED)
        else:
            connections.locked_park(connection, monotonic())


def pieces_of(data: bytes, seed: int) -> list[bytes]:
    """The bytes cut into pieces, the same ones for the same seed: singly, in halves, or anyhow."""
    chance = random.Random(seed)
    longest = chance.choice((1, 3, 40, max(1, len(data) // 2)))
    pieces = []
    while data:
        size = chance.randint(1, longest)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def check(data: bytes) -> None:
    """Play the bytes in both ways, and hold what comes of them to the reference, and to each other."""
    expected = read(data, LIMITS)
    whole = Outcome([data], pooled=False)
    judge(data, expected, whole)
    seed = sum(data) + len(data)
    pieces = Outcome(pieces_of(data, seed), pooled=True)
    judge(data, expected, pieces)
    # Whether a body is waited for that nobody read, and that the client may not send, depends on what is there.
    unread = [item for item in expected if isinstance(item, Asked) and (item.own or item.path.startswith("/unread"))]
    unsure = any(item.expects for item in unread)
    assert unsure or whole.reported == pieces.reported, (whole.reported, pieces.reported)


def judge(data: bytes, expected: list[Asked | Refused], outcome: Outcome) -> None:
    """Hold an outcome to what is expected.

    Raises:
        AssertionError: it is another.
    """
    file = io.BytesIO(outcome.sent)
    witness = outcome.witness
    received = iter(witness.received)
    played = begun = 0
    for item in expected:
        played += 1
        head_only = data.startswith(b"HEAD ", item.start)
        if isinstance(item, Refused):
            closes = check_refusal(next_response(file, head_only=head_only), item.statuses)
        else:
            begun += not item.own
            response = next_response(file, head_only=head_only, greeted=item.expects)
            closes = check_answer(item, response, received)
        if closes:
            break
    assert file.read() == b"", "more was sent than was asked for"
    assert next(received, None) is None, "more was received than was asked"
    assert witness.begun == begun
    assert witness.records == played, "not one record for each request"


def next_response(file: io.BytesIO, *, head_only: bool, greeted: bool = False) -> Response:
    """The next final response; 100 (Continue) may stand before it, once, where it was expected."""
    response = read_response(file, head_only=head_only)
    if response.status == 100 and greeted:
        response = read_response(file, head_only=head_only)
    assert response.status != 100
    assert response["Date"]
    return response


def check_refusal(response: Response, statuses: set[int]) -> bool:
    """A refusal has one of these statuses and closes the connection."""
    assert response.status in statuses, f"{response.line} is not one of {statuses}"
    assert response["Connection"] == "close"
    return True


def check_answer(asked: Asked, response: Response, received: Any) -> bool:
    """Check that a request was received and answered; return whether the connection closes."""
    unread = asked.own or asked.path.startswith("/unread")
    if asked.body is None and not unread:
        return check_refusal(response, {400, 413})
    assert response.status == 200, response.line
    if not asked.own:
        body = b"" if unread else asked.body
        assert next(received) == (asked.method, asked.path, asked.query, asked.fields, body)
        assert response.body == (b"" if asked.method == "HEAD" else b"served")
    streamed = asked.path.startswith("/stream") and asked.method != "HEAD" and not asked.own
    if not asked.stays or (asked.minor == 0 and streamed):
        assert response["Connection"] == "close"
        return True
    if unread and asked.expects and response["Connection"] == "close":
        return True
    assert response["Connection"] == (None if asked.minor or asked.body is None else "keep-alive")
    return asked.body is None
