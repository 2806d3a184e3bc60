"""A queue of the application's calls of ``receive`` and ``send``, each with a future for its result.

Runs in the event loop. Does not interpret messages.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, NamedTuple

Message = dict[str, Any]


class PendingCall(NamedTuple):
    """One call: send this message; or, if it is None, receive the next one."""

    message: Message | None
    answer: asyncio.Future[Any]

    def resolve(self, result: Any) -> bool:
        """Set the result; return False if nobody waits for it any more."""
        if self.answer.done():
            return False
        self.answer.set_result(result)
        return True


class PendingCalls:
    """A queue with one reader, who may wait for a limited time; it ends once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[PendingCall] = deque()
        self._wake: asyncio.Future[None] | None = None
        self.ended = False

    async def add(self, message: Message | None) -> Any:
        """Add a call, and wait for its result."""
        call = PendingCall(message, self._loop.create_future())
        self._waiting.append(call)
        self._wake_reader()
        return await call.answer

    def end(self) -> None:
        """End the queue: no calls will come any more."""
        self.ended = True
        self._wake_reader()

    async def next(self, timeout_s: float | None) -> PendingCall | None:
        """Return the next call; None if none came in this time, or the queue has ended."""
        if not self._waiting and not self.ended:
            self._wake = self._loop.create_future()
            timer = None if timeout_s is None else self._loop.call_later(timeout_s, self._wake_reader)
            try:
                await self._wake
            finally:
                if timer is not None:
                    timer.cancel()
        return self._waiting.popleft() if self._waiting else None

    def take_all(self) -> list[PendingCall]:
        """Remove and return the calls that nobody will process."""
        calls = list(self._waiting)
        self._waiting.clear()
        return calls

    def _wake_reader(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
