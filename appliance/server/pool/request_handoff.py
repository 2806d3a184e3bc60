"""Hand off a request to the server that answers its path, with the connection and the bytes that were read of it.

Idle connections, which ``serving_loop`` hands over at a reload, do not come here.

A TLS connection can't move: its keys are this process's. Its request is relayed instead, over a socket pair of which
the other server gets the far end.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..http.head import Head

_PART = 65_536
_BODY_MAX = 262_144  # bytes of a relayed request's content: the pages of the appliance send little
_END = b"\r\n\r\n"


class RequestHandoff:
    """The requests that another server answers, and the way to that server.

    Args:
        applies: whether the other server answers a request with this head.
        take: called with connections, each with the bytes that were read of it, and with the addresses of their
            clients, "" where the socket knows it. It owns the connections from then on.
        prefix: of the paths for which ``applies`` is asked; "" asks for each request.
    """

    def __init__(
        self,
        applies: Callable[[Head], bool],
        take: Callable[[list[tuple[socket.socket, bytes]], list[str]], None],
        prefix: str = "",
    ) -> None:
        self.applies = applies
        self.take = take
        self.prefix = prefix

    def relay_application(
        self, raw: bytes, *, chunked: bool = False
    ) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
        """Return a WSGI application that answers the request with this head as the other server answers it."""

        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            from http.client import HTTPResponse  # noqa: PLC0415  15 ms, which only HTTPS needs

            body = environ["wsgi.input"].read(_BODY_MAX + 1)
            if len(body) > _BODY_MAX:
                start_response("413 Content Too Large", [("Content-Length", "0")])
                return []
            if chunked:  # the head still says so, and the coding was decoded
                body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
            ours, theirs = socket.socketpair()
            ours.settimeout(None)  # the project's default timeout would end a quiet stream
            try:
                self.take([(theirs, raw + _END + body)], [environ["REMOTE_ADDR"]])
                response = HTTPResponse(ours, method=environ["REQUEST_METHOD"])
                response.begin()
            except BaseException:
                ours.close()
                raise
            hop = {"connection", "keep-alive", "transfer-encoding", "date", "server"}
            fields = [(name, value) for name, value in response.getheaders() if name.lower() not in hop]
            start_response(f"{response.status} {response.reason}", fields)
            return _RelayedContent(ours, response)

        return application


class _RelayedContent:
    """The content of a relayed response, as it comes."""

    def __init__(self, sock: socket.socket, response: Any) -> None:
        self._sock = sock
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._response.read1(_PART), b"")

    def close(self) -> None:
        """Close the socket pair, so that the other server stops sending."""
        self._response.close()
        self._sock.close()
