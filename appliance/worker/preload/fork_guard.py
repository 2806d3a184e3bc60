"""A process that the project forks in a request, and that comes back from there as if it were the worker.

Owns its end. Knows nothing of sockets. Runs in the worker: ``bounded`` once, what it makes in each request's thread.

Theory of operation. ``os.fork()`` copies the thread that calls it, in the midst of the application. A child that then
says ``sys.exit()``, raises or returns ends with its thread under servers that have a thread for each connection. Here
the thread would go on: with the worker's listening socket, as a server whose requests are in no log and whose code is
of yesterday. So the child ends where the application does. The response is its parent's to send.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from ...server.pages.tracebacks import describe

if TYPE_CHECKING:
    from ..app import Application

_CAME_BACK = (
    "a process that os.fork() made in this request came back from the application, and was ended: the response is its "
    "parent's. Let it end with os._exit().\n"
)


def bounded(application: Application) -> Application:
    """The application, from which only this process returns."""
    worker = os.getpid()

    def application_of_one_process(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            response = application(environ, start_response)
        except BaseException as error:
            if os.getpid() != worker:
                end(error)
            raise
        if os.getpid() != worker:
            end()
        return response

    return application_of_one_process


class Nowhere(deque[list[Any]]):
    """The records of a process that is none of the supervisor's; with a request's record it ends.

    One that was forked in the midst of a response, by an iterable, comes as far as that.
    """

    def append(self, record: list[Any], /) -> None:
        """Keep nothing."""
        if record[0] == "access":
            end()


def end(error: BaseException | None = None) -> NoReturn:
    """End this process as it would have ended: with its exit status, or its traceback, or a word on why."""
    code: object = 0
    try:
        if error is None:
            sys.stderr.write(_CAME_BACK)
        elif isinstance(error, SystemExit):
            code = error.code if error.code is not None else 0
            if not isinstance(code, int):
                sys.stderr.write(f"{code}\n")
        else:
            code = 1
            seen = error.__traceback__  # the first frame is ours
            sys.stderr.write(describe(error.with_traceback(seen.tb_next if seen else None)).text())
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: BLE001, S110  streams that were closed; it ends all the same
        pass
    os._exit(code & 0xFF if isinstance(code, int) else 1)
