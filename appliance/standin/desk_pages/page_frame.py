"""The frame of the desk's pages: head, navigation, and the answer as HTML or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.server.browser.own_paths import PREFIX
from appliance.server.pages.error_page import preferred_format
from appliance.standin.page_responses import answer

from .shown_values import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    StartResponse = Callable[..., Any]

STYLE, SCRIPT = f"{PREFIX}/desk.css", f"{PREFIX}/desk.js"
_RECORDED = {"": "Requests", "routes": "Routes", "reloads": "Reloads", "errors": "Errors", "pins": "Pins"}
_OTHERS = {"processes": "Processes", "settings": "Settings", "packages": "Packages"}


_NOT_RECORDED = (
    "<p>Requests are not recorded: APPLIANCE_RECORD is off, or the cache can't be written; then the event desk.failed "
    "in the log says why.</p>"
)


class PageAnswers:
    """Answers with a page: HTML for a browser, JSON for everything else.

    Args:
        state: returns what the appliance does now, in one text.
        records: whether there are pages of recorded requests.
    """

    def __init__(self, state: Callable[[], str], *, records: bool) -> None:
        self._state = state
        self._pages = {**(_RECORDED if records else {}), **_OTHERS}
        self._records = records

    def answer(
        self,
        environ: dict[str, Any],
        start: StartResponse,
        title: str,
        page: Callable[[], str],
        values: dict[str, Any],
        *,
        page_name: str,
        status: str = "200 OK",
    ) -> Iterable[bytes]:
        """Answer with a page.

        Args:
            environ: of the request.
            start: PEP 3333's ``start_response``.
            title: plain text.
            page: makes the body.
            values: the same as JSON values.
            page_name: which of the pages it is, as in the navigation.
            status: of the response.
        """
        if preferred_format(environ.get("HTTP_ACCEPT", "")) != "html":
            return answer(start, status, "application/json", json.dumps(values).encode())
        note = "" if self._records else _NOT_RECORDED
        shown = _document(title, f"{note}{page()}", page=page_name, pages=self._pages, state=self._state())
        # Without a referrer, a form's Origin would be "null" (Fetch, "append a request Origin header").
        referrer = ("Referrer-Policy", "same-origin")
        return answer(start, status, "text/html; charset=utf-8", shown.encode("utf-8", "backslashreplace"), referrer)


def _document(title: str, body: str, *, page: str, pages: dict[str, str], state: str) -> str:
    links = "".join(f'<a href="{PREFIX}/{path}"{current(path == page)}>{label}</a>' for path, label in pages.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Without an icon of its own, a browser asks the project for /favicon.ico.
        '<link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="{STYLE}"><script src="{SCRIPT}" defer></script></head>'
        f'<body><header><nav aria-label="Pages">{links}<a href="/">The project</a></nav>'
        f'<p id="state">{text(state)}</p></header><main><h1>{text(title)}</h1>{body}</main></body></html>\n'
    )


def current(is_current: bool) -> str:  # noqa: FBT001  the only argument
    """Return the attribute of the link to the page that is shown."""
    return ' aria-current="page"' if is_current else ""


def table(caption: str, columns: list[str], rows: str, identity: str = "") -> str:
    """Return a table that can be scrolled on a narrow screen.

    Args:
        caption: what it shows, plain text.
        columns: the headings, plain text.
        rows: HTML.
        identity: the id of its body.
    """
    head = "".join(f'<th scope="col">{text(each)}</th>' for each in columns)
    own = f' id="{identity}"' if identity else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead><tbody{own}>{rows}</tbody></table></div>"
    )
