"""The templates that a request rendered, and its use of caches."""

from __future__ import annotations

from typing import Any

from appliance.duration_text import duration
from appliance.standin.desk_pages.page_frame import table
from appliance.standin.desk_pages.shown_values import text

_CACHE_COLUMNS = ["Cache", "Hits", "Misses", "Writes", "Duration"]


def templates_count(found: dict[str, Any]) -> int:
    """Return how often a template was rendered."""
    return sum(each["count"] for each in _templates(found))


def templates_section(found: dict[str, Any]) -> str:
    """Return the templates in the order in which they were first rendered."""
    templates = _templates(found)
    if not templates:
        return "<p>No template was recorded.</p>"
    rows = "".join(
        f'<tr><td class="path">{text(each["name"] or "made from a text")}</td><td>{text(each["engine"])}</td>'
        f'<td class="number">{each["count"]}</td><td class="number">{duration(each["duration_s"])}</td></tr>'
        for each in templates
    )
    more = found["details"].get("templates_left_out", 0)
    left_out = f"<p>{more} times other templates, which are not kept.</p>" if more else ""
    shown = table("Templates with what they include", ["Template", "Engine", "Times", "Duration"], rows)
    return f"<p>A duration is that of the template with all that it includes.</p>{shown}{left_out}"


def cache_count(found: dict[str, Any]) -> int:
    """Return how many times a cache was asked or written."""
    return sum(each["hits"] + each["misses"] + each["writes"] for each in _caches(found))


def cache_section(found: dict[str, Any]) -> str:
    """Return each cache with its hits and misses."""
    caches = _caches(found)
    if not caches:
        return "<p>No use of a cache was recorded.</p>"
    rows = "".join(
        f'<tr><td class="path">{text(each["name"])}</td><td class="number">{each["hits"]}</td>'
        f'<td class="number">{each["misses"]}</td><td class="number">{each["writes"]}</td>'
        f'<td class="number">{duration(each["duration_s"])}</td></tr>'
        for each in caches
    )
    return table("Caches", _CACHE_COLUMNS, rows)


def _templates(found: dict[str, Any]) -> list[dict[str, Any]]:
    templates: list[dict[str, Any]] = (found["details"] or {}).get("templates", [])
    return templates


def _caches(found: dict[str, Any]) -> list[dict[str, Any]]:
    caches: list[dict[str, Any]] = (found["details"] or {}).get("cache", [])
    return caches
