"""What a request costs in Python, system calls and log left out: ``python -m benchmarks.request``.

Head, environ, application and response of one kept-alive connection after the other, over a socket that is none; ours,
and Django's server, in the same process. CPU time, the best of several runs.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.servers import basehttp

from appliance.server.http.limits import Limits
from appliance.server.io.wire import Wire
from appliance.server.wsgi.access_log.sink import NullSink
from appliance.server.wsgi.handler import WSGIRequestHandler
from appliance.server.wsgi.server_context import ServerContext, base_environ
from benchmarks.apps.plain import app
from benchmarks.results import keep

if TYPE_CHECKING:
    from collections.abc import Callable

REQUESTS = 2_000
_RUNS = 7
_ADDRESS = ("127.0.0.1", 50_000)

HEADS = {
    "Host alone": b"GET / HTTP/1.1\r\nHost: localhost:8000\r\n\r\n",
    "a browser's 13 fields": (
        b"GET / HTTP/1.1\r\nHost: localhost:8000\r\nConnection: keep-alive\r\n"
        b'sec-ch-ua: "Chromium";v="143", "Not A(Brand";v="24"\r\nsec-ch-ua-mobile: ?0\r\n'
        b'sec-ch-ua-platform: "Linux"\r\n'
        b"Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
        b"Gecko) Chrome/143.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,"
        b"*/*;q=0.8\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
        b"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n"
    ),
}


class _Server:
    """What both handlers ask of a server."""

    server_name = "localhost"
    server_port = 8000
    base_environ: dict[str, Any] = {"SERVER_NAME": "localhost", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PORT": "8000"}  # noqa: RUF012  as wsgiref's servers have it

    def get_app(self) -> Any:
        """The application."""
        return app

    def close_request(self, _request: object) -> None:
        """Nothing was opened."""


class _Socket:
    """Receives the same head again and again, and sends to nobody."""

    def __init__(self, head: bytes, times: int) -> None:
        self._heads = iter([head] * times)

    def settimeout(self, _seconds: float) -> None:
        """As a socket's."""

    def recv(self, _most: int) -> bytes:
        """A head; at last the end."""
        return next(self._heads, b"")

    def send(self, data: bytes) -> int:
        """All of it."""
        return len(data)


def _ours(head: bytes) -> Callable[[], None]:
    server: Any = _Server()
    limits = Limits()
    server_context = ServerContext(
        base_environ(server), sink=NullSink(), limits=limits, multithread=True, persistent=True
    )

    def serve() -> None:
        handler = WSGIRequestHandler.__new__(WSGIRequestHandler)
        handler.client_address, handler.server = _ADDRESS, server
        wire: Any = Wire(_Socket(head, REQUESTS), limits)  # type: ignore[arg-type]
        handler.begin(server_context, wire)
        for _ in range(REQUESTS):
            handler.begin_request(wire.receive_head(), 0.0, None)
            handler.handle_one_request()

    return serve


def _djangos(head: bytes) -> Callable[[], None]:
    class Quiet(basehttp.WSGIRequestHandler):  # type: ignore[misc]  # Django has no types
        def log_message(self, *_args: Any) -> None:
            """Both are measured without a log."""

    def serve() -> None:
        handler = Quiet.__new__(Quiet)
        handler.client_address, handler.server = _ADDRESS, _Server()
        handler.rfile, handler.wfile = io.BytesIO(head * REQUESTS), io.BytesIO()
        for _ in range(REQUESTS):
            handler.close_connection = True
            handler.handle_one_request()

    return serve


def cost_us(serve: Callable[[], None]) -> float:
    """CPU time of one request, in microseconds: the best run's."""
    spent = []
    for _ in range(_RUNS):
        before = time.process_time()
        serve()
        spent.append(time.process_time() - before)
    return min(spent) / REQUESTS * 1e6


def table(result: dict[str, dict[str, float]]) -> str:
    """The result as Markdown."""
    lines = ["| head | ours, µs | Django's, µs | ratio |", "|---|---:|---:|---:|"]
    for name, cost in result.items():
        ratio = cost["django"] / cost["ours"]
        lines.append(f"| {name} | {cost['ours']:.1f} | {cost['django']:.1f} | {ratio:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the table, keep the result."""
    settings.configure()
    result = {name: {"ours": cost_us(_ours(head)), "django": cost_us(_djangos(head))} for name, head in HEADS.items()}
    print(table(result))
    keep("request", result)


if __name__ == "__main__":
    main()
