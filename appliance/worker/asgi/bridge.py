"""One request, between a2wsgi and the application.

Adds the parts that a2wsgi leaves out: the rest of the scope, the end of either side, errors, the application's work
after its response. Runs in the event loop. It knows of only one thread: the request's, which calls ``leave``.

Theory of operation. For a2wsgi the bridge is the application. The real application runs in a task of its own; its calls
of ``receive`` and ``send`` go through a queue, which the bridge processes. So a2wsgi ends together with the response,
and no client waits for later work of the application (background tasks). A client that leaves ends only the bridge;
after that ``receive`` returns http.disconnect and ``send`` raises an OSError, as ASGI specifies.
"""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, Any, Protocol

from . import asgi_failures
from .asgi_places import stack_of
from .conversation import BODY, CHECK_S, START, ClientLeft, Conversation, is_disconnect
from .pending_calls import PendingCall, PendingCalls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from ...server.wsgi.access_log.exchange import Exchange
    from .pending_calls import Message

    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

_SPEC = "2.3"  # as uvicorn announces: frameworks know this version best, and then listen for a disconnect themselves
_HEAD_S = 0.05  # how long a head waits for the first part of its content
_RAISES_S = 0.5  # how long a framework may take to raise an exception that it has answered
_CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class NoResponse(RuntimeError):  # noqa: N818  named for what the application did
    """The application has returned without an answer."""

    __module__ = "builtins"  # shown without our module's name


class Host(Protocol):
    """The object that serves the requests of one application."""

    application: Any
    state: dict[str, Any]
    live: set[Bridge]

    def failed(self, error: BaseException, request_id: str) -> None:
        """An exception was raised that no response shows."""


class Bridge:
    """The ASGI application of one request, which a2wsgi calls once.

    Args:
        host: the adapter.
        environ: the request's environ; a2wsgi has a copy.
        exchange: the request's record.
        wire: the request's connection, if known.

    Attributes:
        last: the part that a2wsgi got last is the end of the content.
        error: the exception that the request's thread should raise.
        trace: its traceback.
        caught: an exception that the framework has answered.
        framework_page: the framework has answered with its own page, whatever that contains.
        task: the application's task.
    """

    def __init__(self, host: Host, environ: dict[str, Any], exchange: Exchange | None, wire: Any) -> None:
        self._host = host
        self._environ = environ
        self._exchange = exchange
        self._wire = wire
        self._held: list[Message] = []  # the parts of a response that may be a framework's error page
        self._has_head = self._has_content = self._complete = False  # what a2wsgi has received
        self._pump: asyncio.Task[Any] | None = None
        self.task: asyncio.Task[None] | None = None
        self.last = False
        self.error: BaseException | None = None
        self.trace: TracebackType | None = None
        self.caught: BaseException | None = None
        self.framework_page = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve the request, up to the end of its response."""
        calls = PendingCalls()
        self._scope = self._complete_scope(scope)
        self._conversation = Conversation(calls, self._has_left, self._note_route)
        self._pump = asyncio.current_task()
        self.task = asyncio.get_running_loop().create_task(self._run())
        self._host.live.add(self)
        self.task.add_done_callback(lambda _: self._host.live.discard(self))
        self.task.add_done_callback(lambda _: calls.end())
        call = None
        try:
            while not self._complete:
                call = await calls.next(self._call_timeout_s())
                if call is not None:
                    await self._process(call, receive, send)
                elif calls.ended:
                    self._raise_incomplete()
                else:
                    await self._after_silence(send)
        finally:
            self._conversation.end(call)

    def leave(self) -> None:
        """The request's thread has gone. Called in the loop."""
        if self._pump is not None:
            self._pump.cancel()

    def stack(self) -> str:
        """Return the application's stack; any thread may call this."""
        return stack_of(self.task) if self.task is not None else ""

    # -- the request, as the application gets it

    def _complete_scope(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Add the keys that a2wsgi's scope lacks, or could not know from its copy of the environ."""
        scope.pop("wsgi_environ", None)
        environ, head = self._environ, self._exchange.head if self._exchange is not None else None
        root = environ.get("SCRIPT_NAME", "").encode("latin-1")
        path = root + environ.get("PATH_INFO", "").encode("latin-1")
        scope["root_path"] = root.decode("utf-8", "replace")
        scope["path"] = path.decode("utf-8", "replace")
        scope["raw_path"] = path if head is None else head.path.encode("latin-1", "replace")
        scope["query_string"] = environ.get("QUERY_STRING", "").encode("latin-1")
        if environ.get("REMOTE_ADDR"):
            scope["client"] = (environ["REMOTE_ADDR"], int(environ.get("REMOTE_PORT") or 0))
        if not environ.get("CONTENT_LENGTH"):
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
        scope["asgi"] = {"version": "3.0", "spec_version": _SPEC}
        scope["state"] = self._host.state.copy()
        return scope

    def _note_route(self) -> None:
        """Record the framework's route pattern, if it is in the scope."""
        route = self._scope.get("route")
        path = self._scope.get("path_template") or getattr(route, "path", None)
        if self._exchange is not None and isinstance(path, str):
            self._exchange.route = path

    def _has_left(self) -> bool:
        """Whether the client has closed its side of the connection; a client that half-closes counts as gone too."""
        try:
            poller = select.poll()
            poller.register(self._wire.sock, _CLOSED)
            return bool(poller.poll(0))
        except (OSError, ValueError, AttributeError):  # closed, or not a connection of ours
            return False

    # -- what the application does

    async def _run(self) -> None:
        asgi_failures.running.set(self)
        try:
            await self._host.application(self._scope, self._conversation.receive, self._conversation.send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  SystemExit too: it would end the loop, and with it the worker
            if not self._complete and not self._conversation.left.done():
                self.error = error
            elif not is_disconnect(error):
                self._report_failure(error)

    def _report_failure(self, error: BaseException) -> None:
        self._host.failed(error, self._exchange.request_id if self._exchange is not None else "")

    def _call_timeout_s(self) -> float | None:
        if not self._has_head:
            return None
        return CHECK_S if self._has_content else _HEAD_S

    async def _after_silence(self, send: Send) -> None:
        """The response has begun, and nothing has come for some time."""
        if not self._has_content:
            self._has_content = True
            await send({"type": BODY, "body": b"", "more_body": True})  # the head is sent alone
        elif self._has_left():
            raise self._set_error(ClientLeft("the client has left"))

    def _raise_incomplete(self) -> None:
        """Raise in a2wsgi: the application has ended before its response."""
        if self._conversation.gone:
            if self.error is not None and not is_disconnect(self.error):
                self._report_failure(self.error)
            raise self._set_error(ClientLeft("the client has left"))
        if self.error is None:
            what = "before its response was complete" if self._has_head else "without a response"
            self.error = NoResponse(f"the ASGI application returned {what}")
        raise self._set_error(self.error)

    def _set_error(self, error: BaseException) -> BaseException:
        self.error, self.trace = error, error.__traceback__
        return error

    async def _process(self, call: PendingCall, receive: Receive, send: Send) -> None:
        message = call.message
        if message is None:
            part = self._conversation.received(await receive())
            if not call.resolve(part):
                self._conversation.keep(part)
        elif self._hold_back(message):
            call.resolve(None)
            if message["type"] == BODY and not message["more_body"]:
                await self._wait_for_error()
                await self._release(send)
        else:
            await self._release(send)
            await self._send(message, send)
            call.resolve(None)

    def _hold_back(self, message: Message) -> bool:
        """Hold back the message if it may be part of a framework's short error page; return whether it is held."""
        if message["type"] == START:
            held = bool(message["status"] == asgi_failures.STATUS)
        else:
            parts = (each["body"] for each in (*self._held[1:], message))
            held = bool(self._held) and asgi_failures.is_short(parts, framework_page=self.framework_page)
        if held:
            self._held.append(message)
        return held

    async def _release(self, send: Send) -> None:
        messages, self._held = self._held, []
        for message in messages:
            await self._send(message, send)

    async def _send(self, message: Message, send: Send) -> None:
        if message["type"] == START:
            self._has_head = True
            await send(message)
            return
        final = not message["more_body"]
        self._has_content = True
        self.last = final
        await send(message)
        self._complete = final

    async def _wait_for_error(self) -> None:
        """Raise the exception that a framework has answered with its own error page without a word about it."""
        content = b"".join(message["body"] for message in self._held[1:])
        if not asgi_failures.is_default_page(content, self.caught if self.framework_page else None):
            return
        if self.caught is None and self.task is not None:
            await asyncio.wait({self.task}, timeout=_RAISES_S)
        error = self.error or self.caught
        if error is not None:
            raise self._set_error(error)
