"""One request as its application sees it: ``receive``, ``send``, and the client's disconnect.

Enforces the order of messages that ASGI requires. Runs in the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .pending_calls import Message, PendingCall, PendingCalls

START, BODY = "http.response.start", "http.response.body"
CHECK_S = 1.0  # between two checks whether an idle client has left
_FRAMEWORK_ERRORS = frozenset({"ClientDisconnect", "RequestAborted"})  # Starlette's and Django's exceptions for it
# By PEP 3333 the server alone decides about the connection, and ASGI lets servers ignore these fields. "close" is
# respected.
_CONNECTION = frozenset({b"keep-alive", b"transfer-encoding", b"proxy-connection", b"te", b"trailers", b"upgrade"})


class ClientLeft(ConnectionResetError):  # noqa: N818  like the server's ClientGone
    """The client has gone; ``send`` raises this."""

    __module__ = "builtins"  # shown without our module's name


class Conversation:
    """The functions that one request's application may call.

    Args:
        calls: the queue of pending calls.
        has_left: tells whether the client has closed its side.
        starts: called when the response begins.

    Attributes:
        left: done when the client or the server has ended the exchange.
        over: the application has sent the last part of its response.
        gone: the application was told that its client has left.
    """

    def __init__(self, calls: PendingCalls, has_left: Callable[[], bool], starts: Callable[[], None]) -> None:
        self._calls = calls
        self._has_left = has_left
        self._starts = starts
        self._started = self._body_ended = False
        self._undelivered: deque[Message] = deque()  # parts of the body that were read, but not delivered yet
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = self.gone = False

    async def receive(self) -> Message:
        """Return the next part of the body; after its end wait, and return http.disconnect once the client has left."""
        if self._undelivered:
            return self._undelivered.popleft()
        if not self._body_ended and not self.over and not self.left.done():
            message: Message = await self._calls.add(None)
            return message
        while not (self.left.done() or self.over or self.gone):
            self.gone = self._has_left()  # checked before any wait: an application that only polls does not wait
            if not self.gone:
                await asyncio.wait({self.left}, timeout=CHECK_S)  # wait_for would hide a cancellation (bpo-42130)
        return disconnect_message()

    async def send(self, message: Message) -> None:
        """Send a part of the response, as soon as there is room for it.

        Raises:
            ClientLeft: the client has left.
            RuntimeError: the message is out of order.
        """
        kind = message["type"]
        if self.over or kind != (BODY if self._started else START):
            after = " after the response was complete" if self.over else ""
            raise RuntimeError(f"the ASGI message {kind!r} was not expected{after}")
        if self.left.done() or self.gone:
            raise ClientLeft("the client has left")
        if kind == START:
            self._started = True
            self._starts()
            message = {**message, "headers": _passed_on(message.get("headers") or ())}
        else:
            self.over = not message.get("more_body")
            message = {**message, "body": bytes(message.get("body", b"")), "more_body": not self.over}
        await self._calls.add(message)

    def received(self, message: Message) -> Message:
        """Pass on a part of the body. The body's end becomes a part of its own: Sanic waits for one."""
        if message["type"] != "http.request":
            self._body_ended = True
            return message
        content = message.get("body")
        self._body_ended = not content or not message.get("more_body")  # empty: a body of unknown length
        if content and self._body_ended:
            self._undelivered.append({"type": "http.request", "body": b"", "more_body": False})
        return {**message, "more_body": bool(content)}

    def keep(self, message: Message) -> None:
        """Keep a part that no call waits for any more: the next call of ``receive`` gets it."""
        self._undelivered.appendleft(message)

    def end(self, current: PendingCall | None) -> None:
        """End the exchange; ``current`` is the call that was being processed.

        Content that is being sent is lost, and only later calls of ``send`` raise. So a framework that waits for
        http.disconnect, as Starlette does, cancels its generator, and the generator's ``finally`` blocks run at once.
        """
        if not self.left.done():
            self.left.set_result(None)
        for call in [*([current] if current else ()), *self._calls.take_all()]:
            call.resolve(disconnect_message() if call.message is None else None)


def disconnect_message() -> Message:
    """Return the message by which ``receive`` reports the end."""
    return {"type": "http.disconnect"}


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    pairs = [(bytes(name), bytes(value)) for name, value in headers]
    return [pair for pair in pairs if pair[0].lower() not in _CONNECTION and not _is_connection(pair)]


def _is_connection(pair: tuple[bytes, bytes]) -> bool:
    return pair[0].lower() == b"connection" and pair[1].strip().lower() != b"close"


def is_disconnect(error: BaseException | None) -> bool:
    """Whether the exception was raised because the client has left: by ``send``, or by a framework."""
    seen: Any = error
    while seen is not None:
        if isinstance(seen, ClientLeft) or type(seen).__name__ in _FRAMEWORK_ERRORS:
            return True
        if any(map(is_disconnect, getattr(seen, "exceptions", ()))):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
