"""Exceptions that a framework answers for by itself: the hint that they need, in one event and on its page.

Owns the hooks into Flask's and Django's own signals. Imports neither; ``server.hints`` owns the words. Runs in the
worker: ``told`` once, the rest in each request's thread.

Theory of operation. What a framework catches never reaches the server: it sends a page of its own, which says nothing
(Flask's, without debug), or much, but not what to do (Django's). The signal is heard, the exception is noted under the
request's exchange, and when the application returns, before anything was sent, its response is looked at once more.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

from ..server.exchange import Exchange, current

if TYPE_CHECKING:
    from .app import Application

# A page that somebody wrote has more to say.
_FLASKS_OWN = b"<title>500 Internal Server Error</title>"
_OWN_MAX = 600
_BANNER = (
    '<div style="margin:0;padding:.8rem 1.2rem;border-bottom:3px solid #b42318;background:#fff4ed;color:#1d2129;'
    'font:16px/1.5 system-ui,sans-serif">{}</div>'
)


def told(application: Application, root: str) -> Application:
    """The application, made to say what to do; itself where no framework that is known is loaded."""
    noted: dict[Exchange | None, BaseException] = {}
    if not _listen(noted):
        return application

    def application_with_help(environ: dict[str, Any], start_response: Any) -> Any:
        response = application(environ, start_response)
        if not noted:
            return response
        error = noted.pop(current.get(), None)
        return response if error is None else _helped(environ, start_response, response, error, root)

    return application_with_help


def _listen(noted: dict[Exchange | None, BaseException]) -> bool:
    def flask_failed(_sender: object, exception: BaseException, **_: object) -> None:
        noted[current.get()] = exception

    def django_failed(**_: object) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            noted[current.get()] = error

    flask, django = sys.modules.get("flask.signals"), sys.modules.get("django.core.signals")
    if flask is not None:
        flask.got_request_exception.connect(flask_failed, weak=False)
    if django is not None:
        django.got_request_exception.connect(django_failed, weak=False)
        # A host that is not allowed is answered with 400: no signal, but a line in a log of its own.
        logging.getLogger("django.security.DisallowedHost").addHandler(_Listener(noted))
    return flask is not None or django is not None


class _Listener(logging.Handler):
    def __init__(self, noted: dict[Exchange | None, BaseException]) -> None:
        super().__init__()
        self._noted = noted

    def emit(self, record: logging.LogRecord) -> None:
        """Note what was logged."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._noted[current.get()] = error


def _helped(environ: dict[str, Any], start_response: Any, response: Any, error: BaseException, root: str) -> Any:
    from ..server.errorpage import render, report  # noqa: PLC0415  it costs 10 ms, and every reload would pay them

    run = start_response.__self__  # the server's own: we are the outermost
    found = report(error, root=root, kind="request")
    action = found.get("action", "")
    if action:
        place = {"error": found["title"], "file": found["file"], "line": found["line"], "action": action}
        run.tell("error", "application.failed", **place)
    if run.status is None or run.status[:1] not in {"4", "5"} or run.headers.get("Content-Encoding"):
        return response
    kind = str(run.headers.get("Content-Type", ""))
    if not kind.startswith(("text/html", "text/plain")):
        return response
    content = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    status = run.status
    if _FLASKS_OWN in content and len(content) < _OWN_MAX:
        page = {"status": 500, "lead": "The application raised while it answered this request.", **found}
        kind, content = render(page, environ.get("HTTP_ACCEPT", ""))
    elif action:
        content = _with_words(content, action, html=kind.startswith("text/html"))
    fields = [(name, value) for name, value in run.headers.items() if name.lower() not in _REPLACED]
    fields += [("Content-Type", kind), ("Content-Length", str(len(content)))]
    start_response(status, fields, (type(error), error, None))
    return [content]


_REPLACED = frozenset({"content-type", "content-length"})


def _with_words(content: bytes, words: str, *, html: bool) -> bytes:
    if not html:
        return content + f"\n\n{words}\n".encode()
    from html import escape  # noqa: PLC0415  as above

    banner = _BANNER.format(escape(words)).encode()
    body = re.search(rb"<body[^>]{0,1000}>", content)
    end = body.end() if body else 0
    return content[:end] + banner + content[end:]
