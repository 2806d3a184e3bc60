"""The WSGI callable that stands for an ASGI application.

Owns the thread's side of a request, the refusal of WebSockets, and the end of what still runs when serving ends. Must
not know how an event loop is run. Called in each request's thread, but for what is said to run in the loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from ...server.wsgi.exchange import current
from .asgi_places import place_of
from .bridge import Bridge
from .conversation import ClientLeft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .lifespan import Lifespan

    Tell = Callable[[str, str, "dict[str, object]"], None]
    StartResponse = Callable[..., Any]

_ENDLESS = 2**62  # a2wsgi reads a body by its length; one without a length ends by itself
_CANCEL_S = 0.2  # for a task that was cancelled
_SHOWN = 20  # tasks that are told of by name


class Adapter:
    """Serves ``application`` through ``middleware`` (a2wsgi's ASGIMiddleware), in ``loop``.

    It bears the name of the application's class, for whoever tells what is served.

    Attributes:
        live: the requests whose application has not ended, in the loop alone.
        action: what to do about a WebSocket.
    """

    def __init__(
        self,
        application: Any,
        *,
        middleware: Any,
        loop: asyncio.AbstractEventLoop,
        lifespan: Lifespan,
        tell: Tell,
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
        self._tell = tell
        self._told = threading.Lock()  # taken once, by the first WebSocket

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Any:
        """Answer one request."""
        if _is_websocket(environ):
            return self._refuse(environ, start_response)
        exchange = current.get()
        run = getattr(start_response, "__self__", None)  # the server's own: we are the outermost
        bridge = Bridge(self, environ, exchange, getattr(run, "stdout", None))
        if exchange is not None:
            exchange.stack = bridge.stack

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if exc_info:  # a2wsgi's page for an error: the server has a better one
                raise exc_info[1]
            return start_response(status, headers)

        chunks = self._middleware(bridge, loop=self._loop)(_copied(environ), started)
        return Response(chunks, bridge, run, self._loop).begun()

    def failed(self, error: BaseException, request_id: str) -> None:
        """As the server tells of an application that raised; for what comes behind a response."""
        from ...server.pages.error_page import report  # noqa: PLC0415  it costs 10 ms, and every reload would pay them

        found = report(error, root=os.getcwd(), kind="request")  # noqa: PTH109  pathlib costs 5 ms at import
        fields: dict[str, object] = {
            "error": found["title"],
            "file": found["file"],
            "line": found["line"],
            "traceback": found["text"],
            "request_id": request_id,
        }
        self._tell("error", "application.failed", {**fields, **_some(found, "action")})

    def _refuse(self, environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        """Answer the offer of a WebSocket: 501, which a browser's console shows (RFC 9110, 15.6.2; RFC 6455, 4.1)."""
        reason = "WebSockets are not served: the application is ASGI, and served by WSGI"
        exchange = current.get()
        if exchange is not None:
            exchange.reason = reason
        if self._told.acquire(blocking=False):
            path = environ.get("PATH_INFO", "")
            self._tell("warning", "websocket.refused", {"url.path": path, "action": self.action})
        content = f"{reason}. {self.action}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(content)))]
        start_response("501 Not Implemented", headers)
        return [content]

    def end(self, within_s: float) -> None:
        """Nothing is served any more: let what still runs end, and the application shut down. From any thread."""
        try:
            asyncio.run_coroutine_threadsafe(self._end(within_s * 0.9), self._loop).result(within_s * 0.95)
        except RuntimeError:
            return  # the loop has ended
        except (TimeoutError, concurrent.futures.TimeoutError):  # one class since Python 3.11
            self._tell("error", "lifespan.failed", {"reason": "something that does not await blocks the event loop"})

    async def _end(self, within_s: float) -> None:
        """The same in the loop: a quarter of the time, a second at most, is the shutdown's own."""
        began = self._loop.time()
        own_s = min(1.0, within_s / 4)
        for bridge in list(self.live):
            bridge.leave()
        tasks = {bridge.task for bridge in self.live if bridge.task is not None}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s - own_s)
            await self._cut(late)
        left_s = max(0.05, within_s - (self._loop.time() - began) - _CANCEL_S / 2)
        reason = await self._lifespan.end(min(left_s, within_s))
        if reason:
            self._tell("error", "lifespan.failed", {"reason": reason})

    async def _cut(self, late: set[asyncio.Task[None]]) -> None:
        if not late:
            return
        for task in list(late)[:_SHOWN]:
            self._tell("warning", "work.cut", place_of(task))
        for task in late:
            task.cancel()
        await asyncio.wait(late, timeout=_CANCEL_S)


class Response:
    """The content of one response, as WSGI iterates it."""

    def __init__(self, chunks: Iterator[bytes], bridge: Bridge, run: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._chunks = chunks
        self._bridge = bridge
        self._run = run
        self._loop = loop
        self._first: bytes | None = None

    def begun(self) -> Response | list[bytes]:
        """Wait for the start of the response; where its first part is the whole, that."""
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
            run.send_headers()  # the content of a stream may take long to come
        return data

    def close(self) -> None:
        """Nobody wants more of it."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._bridge.leave)

    def _take(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException as end:
            error = self._bridge.error
            # a2wsgi may end as if all were well: it looks whether the application has ended before it looks why.
            if error is None or (isinstance(end, StopIteration) and self._bridge.last):
                raise
            if isinstance(error, ClientLeft):
                return self._noticed()
            raise error.with_traceback(self._bridge.trace) from error.__cause__

    def _noticed(self) -> bytes:
        """The client has left: the server finds out as it always does, by what it can't send."""
        if self._run.status is None:
            self._run.start_response("500 Internal Server Error", [])
        self._run.stdout.cut()
        return b"\n"


def _is_websocket(environ: dict[str, Any]) -> bool:
    return str(environ.get("HTTP_UPGRADE", "")).strip().lower() == "websocket"


def _copied(environ: dict[str, Any]) -> dict[str, Any]:
    """The environ for a2wsgi, which can't read every target; and which takes a body without a length for none."""
    given = {**environ, "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "", "REMOTE_ADDR": ""}
    given["wsgi.input"] = _Input(environ["wsgi.input"])
    if not environ.get("CONTENT_LENGTH") and not getattr(environ["wsgi.input"], "ended", True):
        given["CONTENT_LENGTH"] = str(_ENDLESS)
    return given


class _Input:
    """Reads what is there, where a2wsgi would wait for 64 KiB."""

    def __init__(self, body: Any) -> None:
        self.read: Callable[[int], bytes] = getattr(body, "read1", body.read)


def _some(found: dict[str, Any], *names: str) -> dict[str, object]:
    return {name: found[name] for name in names if name in found}
