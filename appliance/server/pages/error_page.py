"""Describe an exception, and render it as a page: HTML, JSON or text, by the Accept header.

The server shows such a page when an application raised; the stand-in shows one when the project can't be imported or
its installation failed. This module knows neither of them. Runs in the worker and in the stand-in.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ...masking import Mask
from .error_html import html_page
from .tracebacks import MAX_LINE, describe, safe_str, shorten

Page = dict[str, Any]

_APPLIANCE = os.path.abspath(__file__).rpartition("/server/")[0]  # noqa: PTH100  pathlib costs 5 ms at import
_KINDS = {"text/html": "html", "application/xhtml+xml": "html", "application/json": "json", "text/plain": "text"}


def report(error: BaseException, *, root: str, kind: str) -> Page:
    """Describe what went wrong, as JSON values.

    Args:
        error: the exception, with its traceback.
        root: the project's folder; frames of files below it are marked as the project's.
        kind: "import" or "request": what failed.

    Returns:
        ``title`` (one line), ``type``, ``message``, ``file`` and ``line`` (of a SyntaxError: of the source; else of the
        innermost frame of the project), ``text`` (the whole traceback without frames of the appliance), ``frames`` (a
        list of ``file``, ``line``, ``function``, ``source``, ``project``), ``kind``; ``action`` if it is known what to
        do, ``lead`` if ``kind`` alone says too little.
        All of it is within the limits of ``tracebacks``, and contains no values of secret variables.
    """
    mask = Mask(os.environ)  # noqa: TID251  the project's environment, as it is now
    raised = describe(error, keep=_is_shown, mask=mask.masked)
    frames = [
        {
            "file": frame.filename,
            "line": frame.lineno or 0,
            "function": frame.name,
            "source": frame.line or "",
            "project": _is_in_project(frame.filename, root),
        }
        for frame in raised.frames
    ]
    place = next((frame for frame in reversed(frames) if frame["project"]), frames[-1] if frames else None)
    file, line = (place["file"], place["line"]) if place else ("", 0)
    message = raised.message
    if isinstance(error, SyntaxError):
        message = safe_str(error.msg)
        if error.filename:
            file, line = safe_str(error.filename, MAX_LINE), error.lineno if isinstance(error.lineno, int) else 0
    name = shorten(type(error).__name__, MAX_LINE)
    action = _action(error, root, raised.message)
    lead = _lead(error)
    found = {
        **({"lead": lead} if lead else {}),
        **({"action": shorten(action, MAX_LINE)} if action else {}),
        "kind": kind,
        "title": shorten(f"{name}: {message}".split("\n", 1)[0] if message else name, MAX_LINE),
        "type": name,
        "message": message,
        "file": file,
        "line": line,
        "frames": frames,
    }
    return {**mask.of(found), "text": raised.text(mask.masked)}


def _lead(error: BaseException) -> str:
    """Return the lead that the appliance set on the exception; an exception's attribute may run the project's code."""
    try:
        lead = vars(error).get("appliance_lead", "")
    except Exception:  # noqa: BLE001  see above
        return ""
    return lead if type(lead) is str else ""


def _action(error: BaseException, root: str, message: str) -> str:
    """Return what to do, if known. Imports late: ``ast`` alone costs 10 ms, which every reload would pay."""
    try:
        from .hints import hint  # noqa: PLC0415  see above

        return hint(error, root, message)
    except Exception:  # noqa: BLE001  a module of the project with a standard name must not hide the error
        return ""


def render(page: Page, accept: str) -> tuple[str, bytes]:
    """Render the page in the format of the Accept header; return Content-Type and content.

    A page has ``status`` and ``title``, and any of ``lead``, ``action``, ``file``, ``line``, ``details`` or ``text``,
    ``frames``, ``refresh`` (the HTML waits until the stand-in has another ``version``, then reloads).
    """
    wanted = preferred(accept)
    if wanted == "html":
        return "text/html; charset=utf-8", html_page(page).encode("utf-8", "backslashreplace")
    if wanted == "json":
        shown = {key: value for key, value in page.items() if key not in {"refresh", "version"} and value != ""}
        return "application/json", json.dumps(shown).encode()
    return "text/plain; charset=utf-8", _text(page).encode("utf-8", "backslashreplace")


def preferred(accept: str) -> str:
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
    where = f"{page['file']}:{page.get('line', '')}" if page.get("file") else ""
    parts = (page.get("title"), page.get("lead"), where, page.get("action"), page.get("details") or page.get("text"))
    return "\n\n".join(str(part).rstrip("\n") for part in parts if part) + "\n"


def _is_shown(file: str) -> bool:
    """Hide the frames of the appliance and of the import system: the user's mistake is not there."""
    machine = file.startswith(("<frozen importlib", _APPLIANCE + os.sep)) or file.endswith(
        f"importlib{os.sep}__init__.py"
    )
    return not machine


def _is_in_project(file: str, root: str) -> bool:
    if file.startswith("<"):
        return False  # <frozen os>, <string>: not a file, so not a path relative to the current folder
    below = os.path.abspath(file).startswith(root.rstrip(os.sep) + os.sep)  # noqa: PTH100  as above
    return below and f"{os.sep}site-packages{os.sep}" not in file
