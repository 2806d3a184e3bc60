"""Describe an exception, and render it as a page: HTML, JSON or text, by the Accept header.

The server shows such a page when an application raised; the stand-in shows one when the project can't be imported or
its installation failed. This module knows neither of them, and imports the packages ``report`` and ``html`` only when
there is something to show: every reload would pay for them. Runs in the worker and in the stand-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .tracebacks import MAX_LINE, describe, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

Page = dict[str, Any]

_KINDS = {"text/html": "html", "application/xhtml+xml": "html", "application/json": "json", "text/plain": "text"}


def report(
    error: BaseException,
    *,
    root: str,
    kind: str,
    environ: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> Page:
    """Describe the failure, as JSON values.

    Args:
        error: the exception, with its traceback.
        root: the project's folder; frames of files below it are marked as the project's.
        kind: "import" or "request": what failed.
        environ: of the request that failed.
        context: what else the page shows: ``log`` (the last lines), ``saved`` (what was saved last), ``editor`` (how to
            open a file), ``secret_names`` (the variables of ``.env`` files).

    Returns:
        ``title`` (one line), ``type``, ``message``, ``file`` and ``line`` (of a SyntaxError: of the source; else of the
        innermost frame of the project), ``text`` (the whole traceback without frames of the appliance), ``exception``
        (the tree, see ``report.exception_tree``), ``versions``, ``kind``, ``error`` (the event); ``request``, ``log``
        and ``saved`` as far as known; ``action`` if it is known what to do, ``remedies`` if a page may offer to do it
        (``remedy_kinds``), ``lead`` if there is more to say.
        All of it is within the limits of ``tracebacks`` and ``report``, and contains no values of secret variables.
    """
    try:
        from .report.make_report import make_report  # noqa: PLC0415  see above

        return make_report(error, root=root, kind=kind, environ=environ, context=context or {})
    except Exception:  # noqa: BLE001  a module of the project with a standard name must not hide the error
        return _short_report(error, root, kind)


def _short_report(error: BaseException, root: str, kind: str) -> Page:
    """Return a report that needs only ``tracebacks``, without unmasked texts."""
    raised = describe(error)
    place = raised.frames[-1] if raised.frames else None
    name = shorten(type(error).__name__, MAX_LINE)
    lines = [f'  File "{each.filename}", line {each.lineno}, in {each.name}\n' for each in raised.frames]
    return {
        "kind": kind,
        "error": "application.failed" if kind == "request" else "worker.failed",
        "title": name,
        "type": name,
        "message": "",
        "file": place.filename if place else "",
        "line": (place.lineno or 0) if place else 0,
        "text": "".join([*lines, name]),
        "root": root,
    }


def render(page: Page, accept: str) -> tuple[str, bytes]:
    """Render the page in the format of the Accept header; return Content-Type and content.

    A page has ``status`` and ``title``, and any of ``lead``, ``action``, ``file``, ``line``, ``details`` or ``text``,
    ``refresh`` (the HTML waits until the stand-in has another ``version``, then reloads), and what ``report`` returns.
    """
    wanted = preferred_format(accept)
    if wanted == "html":
        from .html.page_document import html_page  # noqa: PLC0415  as above

        return "text/html; charset=utf-8", html_page(page).encode("utf-8", "backslashreplace")
    if wanted == "json":
        from .problem_details import problem  # noqa: PLC0415  as above

        return "application/problem+json", problem(page)
    return "text/plain; charset=utf-8", _text(page).encode("utf-8", "backslashreplace")


def response(page: Page, accept: str) -> tuple[list[tuple[str, str]], bytes]:
    """Render the page; return its header fields and its content."""
    kind, content = render(page, accept)
    return [("Content-Type", kind), *fields(kind)], content


def fields(content_type: str) -> list[tuple[str, str]]:
    """Return the header fields of a rendered page, except Content-Type and Content-Length."""
    found = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer")]
    if content_type.startswith("text/html"):
        from .html.content_policy import POLICY  # noqa: PLC0415  as above

        found.append(("Content-Security-Policy", POLICY))
    return found


def preferred_format(accept: str) -> str:
    """Choose html, json or text by quality (RFC 9110, 12.5.1): the first of the best; text if none is acceptable."""
    best, quality = "text", 0.0
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        kind = _KINDS.get(name) or ("json" if name.endswith("+json") else None)
        if kind is None:
            continue
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if weight > quality:
            best, quality = kind, weight
    return best


def _text(page: Page) -> str:
    from .visible_text import visible  # noqa: PLC0415  as above

    where = f"{page['file']}:{page.get('line', '')}" if page.get("file") else ""
    facts = "\n".join(f"{name}: {value}" for name, value in (page.get("progress") or {}).get("facts", ()))
    output = page.get("details") or page.get("text")
    parts = (page.get("title"), page.get("lead"), where, facts, page.get("action"), output)
    return visible("\n\n".join(str(part).rstrip("\n") for part in parts if part)) + "\n"
