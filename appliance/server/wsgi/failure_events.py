"""Log and show that an application failed, or that its Content-Length was wrong.

Runs in the thread of its request. ``pages.error_page`` is imported when it is needed: it and ``traceback`` cost 10 ms,
and every reload would pay them.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .recording.exchange import Exchange


class FailingRun(Protocol):
    """The run of an application, as far as a failure concerns it: ``ApplicationRun``."""

    exchange: Exchange | None
    bytes_sent: int
    failure: tuple[BaseException | None, dict[str, Any]]

    def log_event(self, level: str, event: str, **fields: object) -> None:
        """Put an event of this request into the server's sink."""


def log_failure(run: FailingRun, error: BaseException | None) -> None:
    """Log one event, with the traceback."""
    if error is None:
        return
    found = _report(run, error)
    run.log_event(
        "error",
        "application.failed",
        error=found["title"],
        file=found["file"],
        line=found["line"],
        traceback=found["text"],
        **({"action": found["action"]} if "action" in found else {}),
    )


def _report(run: FailingRun, error: BaseException) -> dict[str, Any]:
    """Make the report of an exception, once for the event and the page: it reads the project's files."""
    from ..pages.error_page import report  # noqa: PLC0415  see above

    known, found = run.failure
    if known is not error:
        found = report(error, root=os.getcwd(), kind="request")  # noqa: PTH109  the worker's folder is the project's root
        run.failure = (error, found)
    return found


def failure_page(run: FailingRun, error: BaseException | None, accept: str) -> tuple[str, bytes]:
    """Return Content-Type and content of the page for an application that raised."""
    from ..pages.error_page import render  # noqa: PLC0415  see above

    if error is None:
        return "text/plain", b"The application failed.\n"
    found = _report(run, error)
    return render(
        {"status": 500, "lead": "The application raised an exception while it answered this request.", **found}, accept
    )


def log_wrong_length(run: FailingRun, *, left: int, surplus: int) -> None:
    """Log that the application's Content-Length was wrong: too large by ``left``, or too small by ``surplus``."""
    sent = run.bytes_sent
    if left > 0:
        if run.exchange is not None:
            run.exchange.reason = f"the application gave {sent} of the {sent + left} bytes that it promised"
        run.log_event("warning", "response.short", promised=sent + left, sent=sent)
    else:
        run.log_event("warning", "response.long", promised=sent, surplus=surplus)


def close_quietly(result: Any) -> None:
    """Close an iterable whose response is not sent; an error of its ``close`` would hide the first one."""
    closing = getattr(result, "close", None)
    if closing is not None:
        with contextlib.suppress(Exception):
            closing()
