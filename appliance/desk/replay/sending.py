"""Send one request to the appliance's own listening socket, as any client does, and read the response.

So it waits at a reload as all requests do, and has its line of the log. One deadline holds for all of it.
"""

from __future__ import annotations

import contextlib
import io
import socket
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.desk.replay.sent_request import ReplayError

if TYPE_CHECKING:
    from http.client import HTTPResponse

CONTENT_MAX = 4 * 1024 * 1024  # bytes of a response that are read
_PIECE = 64 * 1024
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


class Place(NamedTuple):
    """The address at which the appliance listens."""

    host: str
    port: int
    secure: bool = False


class Received(NamedTuple):
    """A response.

    Attributes:
        fields: in their order.
        content: as it was sent, without the chunked coding, up to ``CONTENT_MAX``.
        is_cut: there is more, or it did not end in time.
        took_s: until its end.
    """

    status: int
    reason: str
    fields: list[tuple[str, str]]
    content: bytes
    is_cut: bool
    took_s: float


def send(place: Place, method: str, head: bytes, body: bytes, timeout_s: float) -> Received:
    """Send a request, and return its response.

    Raises:
        ReplayError: there was none.
    """
    from http.client import HTTPException, HTTPResponse  # noqa: PLC0415  30 ms of each start, with email and ssl

    began = time.monotonic()
    deadline = began + timeout_s
    try:
        with contextlib.closing(_connected(place, deadline)) as connection:
            connection.settimeout(_left_s(deadline))
            connection.sendall(head + b"\r\n\r\n" + body)
            limited: Any = _LimitedSocket(connection, deadline)
            response = HTTPResponse(limited, method=method)
            with contextlib.closing(response):
                response.begin()
                content, is_cut = _content(response)
                fields = list(response.getheaders())
    except TimeoutError:
        raise ReplayError(
            f"There was no response within {timeout_s:g} s.", action="Look at the log, then send it again."
        ) from None
    except (OSError, HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise ReplayError(
            f"There was no response: {reason}.", action="Send it again when the project is served."
        ) from error
    return Received(response.status, response.reason, fields, content, is_cut, time.monotonic() - began)


class _LimitedReader(io.RawIOBase):
    """The bytes of a connection, until the deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        """Whether bytes can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive.

        Raises:
            TimeoutError: the deadline is over.
        """
        self._connection.settimeout(_left_s(self._deadline))
        return self._connection.recv_into(buffer)


class _LimitedSocket(NamedTuple):
    """The part of a socket that ``HTTPResponse`` uses."""

    connection: socket.socket
    deadline: float

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a file of the bytes that come."""
        return io.BufferedReader(_LimitedReader(self.connection, self.deadline), _PIECE)


def _left_s(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline is over")
    return left


def _connected(place: Place, deadline: float) -> socket.socket:
    host = _ANY.get(place.host, place.host)
    connection = socket.create_connection((host, place.port), timeout=_left_s(deadline))
    if not place.secure:
        return connection
    import ssl  # noqa: PLC0415  as above

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # it is our own socket, whatever name its certificate is for
    context.verify_mode = ssl.CERT_NONE
    try:
        connection.settimeout(_left_s(deadline))
        return context.wrap_socket(connection, server_hostname="localhost")
    except BaseException:
        connection.close()
        raise


def _content(response: HTTPResponse) -> tuple[bytes, bool]:
    """Return the content, and whether there is more of it: a stream may never end, and a failed one ends early."""
    from http.client import HTTPException  # noqa: PLC0415  as above

    parts: list[bytes] = []
    size = 0
    while size < CONTENT_MAX:
        try:
            part = response.read1(_PIECE)
        except (OSError, HTTPException):  # the deadline is over, or the connection has ended within the content
            return b"".join(parts), True
        if not part:
            return b"".join(parts), bool(response.length)
        parts.append(part)
        size += len(part)
    return b"".join(parts)[:CONTENT_MAX], True
