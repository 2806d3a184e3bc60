"""The WSGI callable that serves an ASGI application.

Handles the thread's side of a request, refuses WebSockets, and ends running requests when serving ends. Called in each
request's thread, except where a method says that it runs in the loop.

Decision 33 says why.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from ...server.wsgi.access_log.exchange import current
from .asgi_places import place_of
from .bridge import Bridge
from .conversation import ClientLeft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .lifespan import Lifespan

    Report = Callable[[str, str, "dict[str, object]"], None]
    StartResponse = Callable[..., Any]

_ENDLESS = 2**62  # a2wsgi needs a length: for a chunked body a huge one, since ``read`` returns b"" at its end
_CANCEL_S = 0.2  # for a cancelled task
_MAX_REPORTED = 20  # tasks that are reported by name


class Adapter:
    """Serves ``application`` through ``middleware`` (a2wsgi's ASGIMiddleware), in ``loop``.

    Its ``__qualname__`` is that of the application's class, so that logs name the application.

    Attributes:
        live: the requests whose application has not ended; used only in the loop.
        action: what to do about a WebSocket.
    """

    def __init__(
        self,
        application: Any,
        *,
        middleware: Any,
        loop: asyncio.AbstractEventLoop,
        lifespan: Lifespan,
        report: Report,
        action: str,
        named: Any,
    ) -> None:
        kind = named if hasattr(named, "__qualname__") else type(named)
        self.__module__, self.__qualname__ = kind.__module__, kind.__qualname__
        self.application = application
        self.state = lifespan.state
        self.live: set[Bridge] = set()
        self.action = action
        self._middleware = middleware
        self._loop = loop
        self._lifespan = lifespan
        self._report = report
        self._has_refused = threading.Lock()  # taken once, by the first WebSocket

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Any:
        """Answer one request."""
        if _is_websocket(environ):
            return self._refuse(environ, start_response)
        exchange = current.get()
        run = getattr(start_response, "__self__", None)  # the server's own: this is the outermost callable
        bridge = Bridge(self, environ, exchange, getattr(run, "stdout", None))
        if exchange is not None:
            exchange.stack = bridge.stack

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if exc_info:  # a2wsgi's error page: the server has a better one
                raise exc_info[1]
            return start_response(status, headers)

        chunks = self._middleware(bridge, loop=self._loop)(_copy_environ(environ), started)
        return Response(chunks, bridge, run, self._loop).begin()

    def failed(self, error: BaseException, request_id: str) -> None:
        """Log an exception raised after a response, with the fields that the server logs for a failed request."""
        from ...server.pages.error_page import report  # noqa: PLC0415  costs 10 ms, which every reload would pay

        found = report(error, root=os.getcwd(), kind="request")
        fields: dict[str, object] = {
            "error": found["title"],
            "file": found["file"],
            "line": found["line"],
            "traceback": found["text"],
            "request_id": request_id,
        }
        self._report("error", "application.failed", {**fields, **_subset(found, "action")})

    def _refuse(self, environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        """Refuse a WebSocket with 501, which a browser's console shows (RFC 9110, 15.6.2; RFC 6455, 4.1)."""
        reason = "WebSockets are not served: the application is ASGI, and served by WSGI"
        exchange = current.get()
        if exchange is not None:
            exchange.reason = reason
        if self._has_refused.acquire(blocking=False):
            path = environ.get("PATH_INFO", "")
            self._report("warning", "websocket.refused", {"url.path": path, "action": self.action})
        content = f"{reason}. {self.action}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(content)))]
        start_response("501 Not Implemented", headers)
        return [content]

    def end(self, within_s: float) -> None:
        """End running requests after the last one, and shut the application down. Any thread may call this."""
        try:
            asyncio.run_coroutine_threadsafe(self._end(within_s * 0.9), self._loop).result(within_s * 0.95)
        except RuntimeError:
            return  # the loop has ended
        except (TimeoutError, concurrent.futures.TimeoutError):  # one class since Python 3.11
            self._report("error", "lifespan.failed", {"reason": "code without await blocks the event loop"})

    async def _end(self, within_s: float) -> None:
        """End streams, tasks and lifespan, in the loop. The shutdown gets a quarter of the time, at most one second."""
        began = self._loop.time()
        shutdown_s = min(1.0, within_s / 4)
        for bridge in list(self.live):
            bridge.leave()
        tasks = {bridge.task for bridge in self.live if bridge.task is not None}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s - shutdown_s)
            await self._cancel(late)
        left_s = max(0.05, within_s - (self._loop.time() - began) - _CANCEL_S / 2)
        reason = await self._lifespan.end(min(left_s, within_s))
        if reason:
            self._report("error", "lifespan.failed", {"reason": reason})

    async def _cancel(self, late: set[asyncio.Task[None]]) -> None:
        if not late:
            return
        for task in list(late)[:_MAX_REPORTED]:
            self._report("warning", "work.cut", place_of(task))
        for task in late:
            task.cancel()
        await asyncio.wait(late, timeout=_CANCEL_S)


class Response:
    """The content of one response, as a WSGI iterable."""

    def __init__(self, chunks: Iterator[bytes], bridge: Bridge, run: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._chunks = chunks
        self._bridge = bridge
        self._run = run
        self._loop = loop
        self._first: bytes | None = None

    def begin(self) -> Response | list[bytes]:
        """Wait for the first part of the content; return that alone if it is complete."""
        try:
            self._first = self._take()
            if not self._bridge.last:
                return self
            for _ in self._chunks:  # a2wsgi's own end
                pass
        except BaseException:
            self.close()
            raise
        return [self._first]

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        data = self._take() if first is None else first
        run = self._run
        if not data and run is not None and run.status is not None and not run.headers_sent:
            run.send_headers()  # the content of a stream may take long
        return data

    def close(self) -> None:
        """End the request: the server needs no more content."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._bridge.leave)

    def _take(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException as end:
            error = self._bridge.error
            # a2wsgi may end without an error although there was one: it first checks whether the application has ended,
            # then why.
            if error is None or (isinstance(end, StopIteration) and self._bridge.last):
                raise
            if isinstance(error, ClientLeft):
                return self._abort()
            raise error.with_traceback(self._bridge.trace) from error.__cause__

    def _abort(self) -> bytes:
        """Make the server notice, by a failed send as always, that the client has left."""
        if self._run.status is None:
            self._run.start_response("500 Internal Server Error", [])
        self._run.stdout.abort()
        return b"\n"


def _is_websocket(environ: dict[str, Any]) -> bool:
    return str(environ.get("HTTP_UPGRADE", "")).strip().lower() == "websocket"


def _copy_environ(environ: dict[str, Any]) -> dict[str, Any]:
    """Copy the environ for a2wsgi, which can't parse every target, and ignores a body without a length."""
    given = {**environ, "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "", "REMOTE_ADDR": ""}
    given["wsgi.input"] = _Input(environ["wsgi.input"])
    if not environ.get("CONTENT_LENGTH") and not getattr(environ["wsgi.input"], "ended", True):
        given["CONTENT_LENGTH"] = str(_ENDLESS)
    return given


class _Input:
    """Reads the available bytes, where a2wsgi would wait for 64 KiB."""

    def __init__(self, body: Any) -> None:
        self.read: Callable[[int], bytes] = getattr(body, "read1", body.read)


def _subset(found: dict[str, Any], *names: str) -> dict[str, object]:
    return {name: found[name] for name in names if name in found}
