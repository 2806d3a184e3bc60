"""The frame of the desk's pages: head, navigation, and the fields of the response."""

from __future__ import annotations

from appliance.server.browser.own_paths import PREFIX

from .texts import text

STYLE, SCRIPT = f"{PREFIX}/desk.css", f"{PREFIX}/desk.js"
_PAGES = {"": "Requests", "routes": "Routes", "reloads": "Reloads", "errors": "Errors"}


def document(title: str, body: str, *, page: str, state: str) -> str:
    """Return a whole page.

    Args:
        title: plain text.
        body: HTML.
        page: which of the pages it is, as in the navigation.
        state: what the appliance does now, plain text.
    """
    links = "".join(f'<a href="{PREFIX}/{path}"{current(path == page)}>{label}</a>' for path, label in _PAGES.items())
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
