"""Run an ASGI application in an event loop: import, startup, serving, shutdown.

The loop runs in the worker's main thread, as under an ASGI server, and the application is imported in it. The server
runs in another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

from . import asgi_failures
from .a2wsgi_library import load_middleware
from .adapter import Adapter
from .lifespan import Lifespan
from .recognise import as_asgi_3

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..hooks import Hooks

_LEAD = "The application's startup failed (ASGI's lifespan)."
_TASKS_S = 0.5  # for cancelled tasks of the project that nobody waits for


class EventLoopThread:
    """Serves one application, once.

    Args:
        folder: the folder of a2wsgi.
        action: what to do about a WebSocket, as text.
        hooks: guard our code, and take events.
        serving: serves a WSGI callable, and returns when that has ended; called in another thread.
    """

    def __init__(self, folder: str, action: str, hooks: Hooks, serving: Callable[[Any], None]) -> None:
        self._middleware = load_middleware(folder)
        self._action = action
        self._hooks = hooks
        self._serving = serving

    def run(self, make: Callable[[], Any], *, inside: bool) -> None:
        """Make the application, serve it, and return when that has ended.

        Args:
            make: imports the application.
            inside: import it while the loop runs, as uvicorn does. A Django application queries its database then,
                which is not allowed inside a loop.

        Raises:
            BaseException: what the import or the startup raises.
        """
        if asyncio._get_running_loop() is not None:  # noqa: SLF001  documented: a script that runs a loop of its own
            self._run_in_thread(make)
            return
        _show_uvicorn_logs()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            made = None if inside else make()
            raised = loop.run_until_complete(self._exception_of(make if inside else lambda: made))
        finally:
            loop.close()
        if raised is not None:
            raise raised

    def _run_in_thread(self, make: Callable[[], Any]) -> None:
        """Import the application in another thread, and wait for it."""
        raised: list[BaseException] = []

        def run() -> None:
            try:
                self.run(make, inside=True)
            except BaseException as error:  # noqa: BLE001  raised again in the waiting thread
                raised.append(error)

        thread = threading.Thread(target=run, name="asgi")
        thread.start()
        thread.join()
        if raised:
            raise raised[0]

    async def _exception_of(self, make: Callable[[], Any]) -> BaseException | None:
        """Return the exception that ended the application, or None; raising it in the loop would add frames."""
        try:
            await self._main(make)
        except BaseException as error:  # noqa: BLE001  raised again by run
            return error
        return None

    async def _main(self, make: Callable[[], Any]) -> None:
        found = make()
        asgi_failures.connect(found, self._hooks)
        application = as_asgi_3(found)
        lifespan = Lifespan(application, self._hooks.report)
        try:
            await lifespan.start()
        except BaseException as error:
            with contextlib.suppress(AttributeError):  # an exception with slots
                error.appliance_lead = _LEAD  # type: ignore[attr-defined]  # the error page reads it
            raise
        if lifespan.unsupported:
            level = "warning" if lifespan.asked else "debug"
            self._hooks.report(level, "lifespan.unsupported", {"reason": lifespan.unsupported})
        loop = asyncio.get_running_loop()
        adapter = Adapter(
            application,
            middleware=self._middleware,
            loop=loop,
            lifespan=lifespan,
            report=self._hooks.report,
            action=self._action,
            named=found,
        )
        await self._serve(adapter, loop)
        await _cancel_rest()

    async def _serve(self, adapter: Adapter, loop: asyncio.AbstractEventLoop) -> None:
        ended = asyncio.Event()
        raised: list[BaseException] = []

        def serve() -> None:
            try:
                self._serving(adapter)
            except BaseException as error:  # noqa: BLE001  raised again in the main thread
                raised.append(error)
            finally:
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=serve, name="serving", daemon=True).start()
        await ended.wait()
        if raised:
            raise raised[0]


async def _cancel_rest() -> None:
    """Cancel the tasks that the project has left running, as asyncio.run does."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_TASKS_S)
    await asyncio.get_running_loop().shutdown_asyncgens()


def _show_uvicorn_logs() -> None:
    """Show the log records of uvicorn's loggers, which many applications use for their own messages."""
    logger = logging.getLogger("uvicorn")
    if not logger.handlers and logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.propagate = False
