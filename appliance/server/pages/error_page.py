"""A failure as a page: HTML for browsers, JSON or text for who asks so.

Owns the report of an exception, and the choice by Accept; ``errorhtml`` owns the looks. Must not know who shows it: the
server (an application that raised) or the stand-in (a project that could not be imported, an installation that failed).
Runs in the worker and in the stand-in.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ...masking import Mask
from .error_html import html_page
from .tracebacks import MAX_LINE, cut, look_at, words_of

Page = dict[str, Any]

_OURS = os.path.abspath(__file__).rpartition("/server/")[0]  # noqa: PTH100  pathlib costs 5 ms at import
_KINDS = {"text/html": "html", "application/xhtml+xml": "html", "application/json": "json", "text/plain": "text"}


def report(error: BaseException, *, root: str, kind: str) -> Page:
    """What went wrong, as JSON values.

    Args:
        error: the exception, with its traceback.
        root: the project's folder; frames below it are the project's own.
        kind: "import" or "request": what was being done.

    Returns:
        ``title`` (one line), ``type``, ``message``, ``file`` and ``line`` (of a SyntaxError the source's; else of the
        innermost frame of the project's), ``text`` (the whole traceback, without our own frames), ``frames`` (a list of
        ``file``, ``line``, ``function``, ``source``, ``project``), ``kind``; ``action`` where it is known what to do,
        ``lead`` where ``kind`` says too little.
        All within the bounds of ``tracebacks``, without the values of secret variables.
    """
    mask = Mask(os.environ)  # noqa: TID251  the project's own environment, as it is now
    raised = look_at(error, keep=_is_shown, mask=mask.masked)
    frames = [
        {
            "file": frame.filename,
            "line": frame.lineno or 0,
            "function": frame.name,
            "source": frame.line or "",
            "project": _is_of(frame.filename, root),
        }
        for frame in raised.frames
    ]
    place = next((frame for frame in reversed(frames) if frame["project"]), frames[-1] if frames else None)
    file, line = (place["file"], place["line"]) if place else ("", 0)
    message = raised.words
    if isinstance(error, SyntaxError):
        message = words_of(error.msg)
        if error.filename:
            file, line = words_of(error.filename, MAX_LINE), error.lineno if isinstance(error.lineno, int) else 0
    name = cut(type(error).__name__, MAX_LINE)
    action = _action(error, root, raised.words)
    lead = _lead(error)
    found = {
        **({"lead": lead} if lead else {}),
        **({"action": cut(action, MAX_LINE)} if action else {}),
        "kind": kind,
        "title": cut(f"{name}: {message}".split("\n", 1)[0] if message else name, MAX_LINE),
        "type": name,
        "message": message,
        "file": file,
        "line": line,
        "frames": frames,
    }
    return {**mask.of(found), "text": raised.text(mask.masked)}


def _lead(error: BaseException) -> str:
    """What a note of ours on the exception says; an attribute of an exception may be the project's code."""
    try:
        lead = vars(error).get("appliance_lead", "")
    except Exception:  # noqa: BLE001  as said
        return ""
    return lead if type(lead) is str else ""


def _action(error: BaseException, root: str, words: str) -> str:
    """What to do, where it is known. Imported here: ``ast`` alone costs 10 ms, and every reload would pay them."""
    try:
        from .hints import hint  # noqa: PLC0415  see above

        return hint(error, root, words)
    except Exception:  # noqa: BLE001  a module of the project's that bears a standard name must not hide the error
        return ""


def render(page: Page, accept: str) -> tuple[str, bytes]:
    """The page as its Accept field wants it: Content-Type and content.

    A page has ``status`` and ``title``, and any of ``lead``, ``action``, ``file``, ``line``, ``details`` or ``text``,
    ``frames``, ``refresh`` (HTML waits for news of ``version``, then reloads).
    """
    wanted = preferred(accept)
    if wanted == "html":
        return "text/html; charset=utf-8", html_page(page).encode("utf-8", "backslashreplace")
    if wanted == "json":
        shown = {key: value for key, value in page.items() if key not in {"refresh", "version"} and value != ""}
        return "application/json", json.dumps(shown).encode()
    return "text/plain; charset=utf-8", _text(page).encode("utf-8", "backslashreplace")


def preferred(accept: str) -> str:
    """Of html, json and text the one of highest quality, the first of equals (RFC 9110, 12.5.1); text if none is."""
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
    """Our frames and the import machine's tell the user nothing of his mistake."""
    machine = file.startswith(("<frozen importlib", _OURS + os.sep)) or file.endswith(f"importlib{os.sep}__init__.py")
    return not machine


def _is_of(file: str, root: str) -> bool:
    if file.startswith("<"):
        return False  # <frozen os>, <string>: no file, and so no path that would be one of the current folder's
    below = os.path.abspath(file).startswith(root.rstrip(os.sep) + os.sep)  # noqa: PTH100  as above
    return below and f"{os.sep}site-packages{os.sep}" not in file
