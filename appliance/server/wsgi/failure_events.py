"""Log and show that an application failed, or that its Content-Length was wrong.

Runs in the thread of its request. ``pages.error_page`` is imported when it is needed: it and ``traceback`` cost 10 ms,
and every reload would pay them.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .access_log.exchange import Exchange


LEAD = "Your application raised an exception"  # the report of a request names the request


class FailingRun(Protocol):
    """The run of an application, as far as a failure concerns it: ``ApplicationRun``."""

    exchange: Exchange | None
    bytes_sent: int
    base_env: Any
    failure: tuple[BaseException | None, dict[str, Any]]

    def log_event(self, level: str, event: str, **fields: object) -> None:
        """Put an event of this request into the server's sink."""

    def page_context(self) -> dict[str, Any]:
        """Return further facts for the page of an exception."""

    def offer(self, needs: object) -> list[dict[str, Any]]:
        """Offer remedies for the failure of this request; return those that its page can show."""


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
        root = os.getcwd()
        found = report(error, root=root, kind="request", environ=run.base_env, context=run.page_context())
        found["remedies"] = run.offer(found.pop("remedies", None))
        run.failure = (error, found)
    return found


def failure_page(run: FailingRun, error: BaseException | None, accept: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return header fields and content of the page for an application that raised."""
    from ..pages.error_page import response  # noqa: PLC0415  see above

    if error is None:
        return [("Content-Type", "text/plain"), ("Cache-Control", "no-store")], b"The application failed.\n"
    fields, content = response({"status": 500, "lead": LEAD, **request_id_of(run), **_report(run, error)}, accept)
    live_reload = run.page_context().get("live_reload")
    if live_reload is None:
        return fields, content
    began = 0.0 if run.exchange is None else run.exchange.started
    return live_reload.added_to_page(run.base_env, fields, content, began)  # type: ignore[no-any-return]  # of a context


def request_id_of(run: FailingRun) -> dict[str, str]:
    """Return the request's id for a page; the id's log lines say more."""
    return {} if run.exchange is None else {"request_id": run.exchange.request_id}


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
