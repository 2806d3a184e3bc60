"""The lifespan protocol: an application's startup before the first request, its shutdown after the last.

Runs in the event loop.

Many applications do not know lifespan, and raise when they are called with this scope. The protocol tells servers to go
on then. Only ``lifespan.startup.failed`` ends the start.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .asgi_places import place_of, stack_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Report = Callable[[str, str, "dict[str, object]"], None]

SLOW_S = 5.0  # a longer startup is reported, with the place where it is
_EXCEPTION_S = 1.0  # for the exception that follows lifespan.startup.failed


class LifespanError(RuntimeError):
    """The application reported that its startup failed, but raised no exception."""

    __module__ = "builtins"  # shown without our module's name


class Lifespan:
    """The lifespan of one application. ``report`` takes an event.

    Attributes:
        state: what the application leaves for its requests (``scope["state"]``).
        unsupported: why the application does not take part; "" if it does.
        asked: the application received lifespan.startup before it raised, so it knows the protocol.
    """

    def __init__(self, application: Any, report: Report) -> None:
        self._application = application
        self._report = report
        self.state: dict[str, Any] = {}
        self.unsupported = ""
        self.asked = False
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.create_future()  # a message, or None if the application ended without one
        self._ending = asyncio.Event()
        self._ended = self._loop.create_future()
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the application; return when it can serve.

        Raises:
            LifespanError: it reported a failure without an exception.
            BaseException: the exception that caused the failure that it reported.
        """
        self._task = self._loop.create_task(self._run())
        await asyncio.wait({self._started}, timeout=SLOW_S)
        if not self._started.done():
            place = place_of(self._task)
            place.pop("thread")  # a task of ours, whose name says nothing
            stack = stack_of(self._task)
            self._report("warning", "lifespan.slow", {"running_s": SLOW_S, **place, "traceback": stack})
        message = await self._started
        if message is None:
            error = self._error
            if isinstance(error, (SystemExit, KeyboardInterrupt)):
                raise error
            self.unsupported = "it ended at once" if error is None else f"{type(error).__name__}: {error}"
        elif message["type"] == "lifespan.startup.failed":
            await asyncio.wait({self._task}, timeout=_EXCEPTION_S)
            if self._error is not None:
                raise self._error
            raise LifespanError(message.get("message") or "the application's lifespan sent lifespan.startup.failed")

    async def end(self, within_s: float) -> str:
        """Let the application shut down; return why it did not, or ""."""
        if self.unsupported or self._task is None or self._task.done():
            return ""
        self._ending.set()
        await asyncio.wait({self._task, self._ended}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done() and self._ended.result()["type"] == "lifespan.shutdown.complete":
            return ""
        if self._ended.done():
            await asyncio.wait({self._task}, timeout=within_s)
        if self._error is not None:
            return f"{type(self._error).__name__}: {self._error}"
        if self._ended.done():
            return str(self._ended.result().get("message") or "lifespan.shutdown.failed")
        return "" if self._task.done() else f"it did not end within {within_s:.1f} s"

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  SystemExit too, which would end the loop; start raises it again
            self._error = error
        finally:
            if not self._started.done():
                self._started.set_result(None)

    async def _receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "lifespan.startup"}
        await self._ending.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        waiting = self._started if kind.startswith("lifespan.startup.") else self._ended
        if not kind.startswith("lifespan.") or waiting.done():
            raise RuntimeError(f"{kind} was not expected here (ASGI's lifespan protocol)")
        waiting.set_result(message)
