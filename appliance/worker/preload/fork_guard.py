"""End a process that the project forks within its import or a request, when it leaves the project's code.

Runs in the worker: ``guard_application`` once, its wrapper in each request's thread, ``end_copy`` at the end of the
import; ``EndingQueue`` runs in the stand-in too.

Theory of operation. ``os.fork()`` copies the calling thread, in the middle of the application. The child may then call
``sys.exit()``, raise or return. In a server with a thread for each connection, this ends the thread, and so the child.
Here the thread would go on with the worker's listening socket, as a server whose requests are in no log, and whose code
becomes outdated. So the child ends when the application returns. The parent sends the response.

It is the same with a child of the import that goes on, raises or calls ``sys.exit()``: it would report on the worker's
channel that the import has failed, or that it serves, and no message of the supervisor would ever reach it.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from ...protocol.access_record import ACCESS
from ...server.pages.tracebacks import describe

if TYPE_CHECKING:
    from ..app import Application

_RETURNED = (
    "a process that os.fork() made in this request returned from the application, and was ended: its parent sends the "
    "response. End it with os._exit().\n"
)
_IMPORTED = (
    "a process that os.fork() made in the project's import has gone on with the import, and was ended: only its parent "
    "serves the project. End it with os._exit().\n"
)
own_number = os.getpid  # the original: a project may replace it


def guard_application(application: Application) -> Application:
    """Wrap the application, so that only this process returns from it."""
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


class EndingQueue(deque[list[Any]]):
    """Replaces the queue of records in a forked process; ends the process at a request's record.

    A process that was forked in the middle of a response, by an iterable, gets that far.
    """

    def append(self, record: list[Any], /) -> None:
        """Drop the record."""
        if record[0] == ACCESS:
            end()


def end_copy(worker: int, error: BaseException | None = None) -> None:
    """End this process if it is not the worker (a process id), at the end of the import; ``error`` ended the import."""
    if own_number() != worker:
        end(error, _IMPORTED)


def end(error: BaseException | None = None, returned: str = _RETURNED) -> NoReturn:
    """End this process as Python would have: with its exit status, its traceback, or a message that says why."""
    code: object = 0
    try:
        if error is None:
            sys.stderr.write(returned)
        elif isinstance(error, SystemExit):
            code = error.code if error.code is not None else 0
            if not isinstance(code, int):
                sys.stderr.write(f"{code}\n")
        else:
            code = 1
            seen = error.__traceback__  # the first frame is the wrapper's
            sys.stderr.write(describe(error.with_traceback(seen.tb_next if seen else None)).text())
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: BLE001, S110  the streams may be closed; the process still ends
        pass
    os._exit(code & 0xFF if isinstance(code, int) else 1)
