"""The overlay of an open page while the project is broken: a page of the supervisor, shortened."""

from __future__ import annotations

from typing import Any

from appliance.server.pages.html.editor_links import editor_name, editor_url
from appliance.server.pages.html.markup import relative

_TEXT_MAX = 2_000  # characters
_DETAILS_MAX = 8_000
_REMEDIES_MAX = 3


def overlay(page: dict[str, Any]) -> dict[str, Any] | None:
    """Return the texts of the overlay; None while something is under way, which is not a failure."""
    if page.get("status") == 503:
        return None
    file, line, editor = page.get("file"), page.get("line", ""), page.get("editor") or {}
    place = f"{relative(file, page.get('root'))}:{line}" if file else ""
    title, kind = str(page.get("title") or ""), str(page.get("type") or "")
    return {
        "title": _short(title),
        "kind": _short(kind) if kind and title.startswith(kind) else "",  # the beginning of the title
        "editor": {"name": editor_name(editor), "url": editor_url(editor, page.get("root"), file, line)},
        "lead": _short(page.get("lead")),
        "place": _short(place),
        "action": _short(page.get("action")),
        "source": _source(page.get("exception")),
        "remedies": [
            {"id": _short(each.get("id")), "label": _short(each.get("label"))}
            for each in (page.get("remedies") or [])[:_REMEDIES_MAX]
            if each.get("runs")
        ],
        "details": str(page.get("text") or page.get("details") or "")[-_DETAILS_MAX:],  # the cause is at the end
    }


def _source(tree: Any) -> list[list[Any]]:
    """Return the lines around the project's innermost place: number, text, whether it is the place, marked columns."""
    frames = tree.get("frames", []) if isinstance(tree, dict) else []
    frame = next((each for each in reversed(frames) if each.get("own") and each.get("lines")), None)
    if frame is None:
        return []
    marks = {number: [first, last] for number, first, last in frame.get("marks") or ()}
    return [[number, _short(text), number == frame["line"], marks.get(number)] for number, text in frame["lines"]]


def _short(text: object) -> str:
    return str(text or "")[:_TEXT_MAX]
