"""The page of one request: the tabs of its sections, and the section that the URL names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.duration_text import duration
from appliance.server.browser.own_paths import PREFIX

from .page_frame import current
from .sections.section_table import SECTIONS
from .shown_values import status_class, target, text

if TYPE_CHECKING:
    from appliance.desk.filters import Filters

_KEY_HELP = (
    "<p class=keys><kbd>h</kbd> <kbd>l</kbd> previous and next tab <kbd>j</kbd> <kbd>k</kbd> older and newer request "
    "<kbd>r</kbd> send again <kbd>u</kbd> back to the list</p>"
)


def request_title(found: dict[str, Any]) -> str:
    """Return the title of the page, plain text."""
    return f"{found['method'] or 'Request'} {target(found)}"


def request_page(found: dict[str, Any], name: str, filters: Filters) -> str:
    """Return the body of the page.

    Args:
        found: the request, with ``older`` and ``newer``: the ids of its neighbours in the list.
        name: which of ``SECTIONS``.
        filters: of the list that the request was opened from.
    """
    query = filters.query(limit=filters.limit, before=None, after=None)
    rest = f"?{text(query)}" if query else ""
    section = SECTIONS[name]
    return (
        f"{_summary(found, name, rest)}{_tabs(found, name, rest)}"
        f'<section class="tab"><h2>{section.label}</h2>{section.content(found)}</section>{_KEY_HELP}'
    )


def _summary(found: dict[str, Any], name: str, rest: str) -> str:
    """Return the line below the title: the main facts of the request, and links to other requests."""
    status = found["status"] or found["event"].partition(".")[2]
    parts = [f'<span class="{status_class(found["status"])}">{text(status)}</span>', duration(found["duration_s"])]
    part = f"/{name}" if name else ""
    ways = [f'<a href="{PREFIX}/{rest}" data-key="u">All requests</a>']
    for key, which, label in (("j", "older", "Older"), ("k", "newer", "Newer")):
        if found[which] is not None:
            ways.append(f'<a href="{PREFIX}/requests/{found[which]}{part}{rest}" data-key="{key}">{label}</a>')
    return f'<p class="summary">{" ".join(filter(None, [*parts, *ways]))}</p>'


def _tabs(found: dict[str, Any], name: str, rest: str) -> str:
    own = f"{PREFIX}/requests/{found['id']}"
    links = []
    for each, section in SECTIONS.items():
        count = section.how_many(found)
        if count == 0 and each != name:
            continue
        number = f' <span class="count">{count}</span>' if count is not None else ""
        part = f"/{each}" if each else ""
        links.append(f'<a href="{own}{part}{rest}"{current(each == name)}>{section.label}{number}</a>')
    return f'<nav class="tabs" aria-label="Sections of the request">{"".join(links)}</nav>'
