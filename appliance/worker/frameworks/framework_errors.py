"""Add advice to errors that a framework answers itself: in one event, and on the framework's page.

Connects to Flask's and Django's own signals, and imports neither. ``pages/advice/exception_advice`` has the texts. Runs
in the worker: ``add_advice`` once, the rest in each request's thread.

Theory of operation. An exception that a framework catches never reaches the server. The framework sends its own page.
Without debug this page says nothing about the exception, and our page replaces it. Django's page with debug says much,
but not what to do. The framework's signal reports the exception, which is stored in the request's exchange. When the
application returns, before anything was sent, its response is examined. If the application raises after all, the server
reports that, and the stored exception is dropped, because it holds frames. Flask before 2.3 has signals only if blinker
is installed; without it, the method that would send them is wrapped.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

from ...server.wsgi.access_log.exchange import current
from ...server.wsgi.failure_events import LEAD, request_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..app import Application
    from ..hooks import Hooks

    Note = Callable[[object], None]

# The pages that frameworks send where debugging is off. A page that the project wrote is larger.
_EMPTY_PAGES = (b"<title>500 Internal Server Error</title>", b"<title>Server Error (500)</title>")  # Flask's, Django's
_EMPTY_PAGE_MAX = 600
_PAGE_MAX = 1_048_576
_BANNER = (
    '<div style="margin:0;padding:.8rem 1.2rem;border-bottom:3px solid #b42318;background:#fff4ed;color:#1d2129;'
    'font:16px/1.5 system-ui,sans-serif">{}</div>'
)


def add_advice(application: Application, root: str, hooks: Hooks) -> Application:
    """Wrap the application to add advice; return it unchanged if no known framework is loaded."""
    listens = [
        hooks.call(f"failures of {name}", listen, hooks, otherwise=False) for name, listen in _FRAMEWORKS.items()
    ]
    if not any(listens):
        return application

    def application_with_help(environ: dict[str, Any], start_response: Any) -> Any:
        exchange = current.get()
        try:
            response = application(environ, start_response)
        except BaseException:
            if exchange is not None:
                exchange.framework_error = None
            raise
        if exchange is None or exchange.framework_error is None:
            return response
        error, exchange.framework_error = exchange.framework_error, None
        return _with_advice(environ, start_response, response, error, root, hooks)

    return application_with_help


def note_error(error: object) -> None:
    """Store an exception of the present request; its response may still be another one."""
    exchange = current.get()
    if exchange is not None and isinstance(error, BaseException) and not exchange.answered:
        exchange.framework_error = error


def _listen_to_flask(hooks: Hooks) -> bool:
    signals: Any = sys.modules.get("flask.signals")
    if signals is None:
        return False
    note = hooks.guarded("failures of Flask", note_error, otherwise=None)

    def failed(_sender: object, exception: object = None, **_: object) -> None:
        note(exception)

    if vars(signals).get("signals_available", True):  # a plain access is a DeprecationWarning since 2.3
        signals.got_request_exception.connect(failed, weak=False)
    else:
        _wrap_handler(sys.modules["flask.app"].Flask, note)
    return True


def _wrap_handler(flask: Any, note: Note) -> None:
    handle = flask.handle_exception

    @functools.wraps(handle)
    def handle_exception(app: Any, e: Any) -> Any:  # the parameter's name is Flask's
        note(e)
        return handle(app, e)

    flask.handle_exception = handle_exception


def _listen_to_django(hooks: Hooks) -> bool:
    signals: Any = sys.modules.get("django.core.signals")
    if signals is None:
        return False
    note = hooks.guarded("failures of Django", note_error, otherwise=None)

    keep_form = hooks.guarded("failures of Django", _keep_form, otherwise=None)

    def failed(request: object = None, **_: object) -> None:
        note(sys.exc_info()[1])
        keep_form(request)

    signals.got_request_exception.connect(failed, weak=False)
    # A host that is not allowed is answered with 400: there is no signal, but a record in a logger of its own.
    logging.getLogger("django.security.DisallowedHost").addHandler(_LogListener(note))
    return True


_FRAMEWORKS: dict[str, Callable[[Hooks], bool]] = {"Flask": _listen_to_flask, "Django": _listen_to_django}


def _keep_form(request: Any) -> None:
    """Put the form that Django has parsed where an error page finds it; it does not keep its request there."""
    known = vars(request)
    form = known.get("_post")
    if form is not None:
        known["environ"]["appliance.form"] = [(name, each) for name, values in form.lists() for each in values]


class _LogListener(logging.Handler):
    def __init__(self, note: Note) -> None:
        super().__init__()
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        """Store the exception of a log record."""
        if record.exc_info:
            self._note(record.exc_info[1])


def _with_advice(
    environ: dict[str, Any], start_response: Any, response: Any, error: BaseException, root: str, hooks: Hooks
) -> Any:
    """Add advice to the response; return it unchanged if there is none to give, or if it is not an error page."""
    found: dict[str, Any] = hooks.call("help on a failure", _report, environ, start_response, error, root, otherwise={})
    if not found or not hooks.call("help on a failure", _may_be_changed, start_response, response, otherwise=False):
        return response
    parts, rest = _read_content(response)  # the project's own iterable, which may raise
    if rest is not None:
        return _PartlyRead(chain(parts, rest), response)
    if hasattr(response, "close"):
        response.close()
    content = b"".join(parts)
    return [
        hooks.call("help on a failure", _new_content, environ, start_response, content, error, found, otherwise=content)
    ]


def _report(environ: dict[str, Any], start_response: Any, error: BaseException, root: str) -> dict[str, Any]:
    from ...server.pages.error_page import report  # noqa: PLC0415  costs 10 ms, which every reload would pay

    run = start_response.__self__  # the server's own: this is the outermost callable
    found = report(error, root=root, kind="request", environ=environ, context=run.page_context())
    found["remedies"] = run.offer(found.pop("remedies", None))
    if action := found.get("action", ""):
        place = {"error": found["title"], "file": found["file"], "line": found["line"], "action": action}
        run.log_event("error", "application.failed", **place)
    return found


def _may_be_changed(start_response: Any, response: Any) -> bool:
    """Whether the response is an error page of limited length, of which nothing was sent yet."""
    run = start_response.__self__
    if run.headers_sent or run.status is None or run.status[:1] not in {"4", "5"}:
        return False
    headers = run.headers
    length = str(headers.get("Content-Length") or "")
    whole = length.isdigit() or isinstance(response, (list, tuple)) or getattr(response, "streaming", True) is False
    kind = str(headers.get("Content-Type", ""))
    return whole and not headers.get("Content-Encoding") and kind.startswith(("text/html", "text/plain"))


def _read_content(response: Iterable[bytes]) -> tuple[list[bytes], Any]:
    """Return the response's content; if it is too long for a page, the part read, and an iterator of the rest."""
    parts: list[bytes] = []
    size = 0
    iterator = iter(response)
    for part in iterator:
        parts.append(part)
        size += len(part)
        if size > _PAGE_MAX:
            return parts, iterator
    return parts, None


class _PartlyRead:
    """A response that was partly read, from its start."""

    def __init__(self, parts: Iterable[bytes], response: Any) -> None:
        self._parts = parts
        if hasattr(response, "close"):
            self.close = response.close

    def __iter__(self) -> Any:
        return iter(self._parts)


def _new_content(
    environ: dict[str, Any], start_response: Any, content: bytes, error: BaseException, found: dict[str, Any]
) -> bytes:
    """Return the content with advice, and tell the server its new length."""
    from ...server.pages.error_page import response  # noqa: PLC0415  as above

    run, action = start_response.__self__, found.get("action", "")
    kind = str(run.headers.get("Content-Type", ""))
    new = [("Content-Type", kind)]
    if len(content) < _EMPTY_PAGE_MAX and any(title in content for title in _EMPTY_PAGES):
        page = {"status": 500, "lead": LEAD, **request_id_of(run), **found}
        new, content = response(page, environ.get("HTTP_ACCEPT", ""))
    elif action:
        content = insert_advice(content, action, found["remedies"], html=kind.startswith("text/html"))
    new.append(("Content-Length", str(len(content))))
    replaced = {name.lower() for name, _ in new}
    fields = [(name, value) for name, value in run.headers.items() if name.lower() not in replaced]
    start_response(run.status, fields + new, (type(error), error, None))
    return content


def insert_advice(content: bytes, advice: str, remedies: object, *, html: bool) -> bytes:
    """Return a page of a framework with the advice: in HTML at the top of the body, in text at the end."""
    if not html:
        return content + f"\n\n{advice}\n".encode()
    from html import escape  # noqa: PLC0415  as above

    from ...server.pages.live_parts.remedy_html import remedies_html  # noqa: PLC0415  as above

    banner = _BANNER.format(escape(advice) + remedies_html(remedies, script=True)).encode()
    body = re.search(rb"<body[^>]{0,1000}>", content)
    end = body.end() if body else 0
    return content[:end] + banner + content[end:]
