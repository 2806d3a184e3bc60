"""The outgoing calls of a request: each with its status or failure, and the line of the project that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.duration_text import duration
from appliance.standin.desk_pages.page_frame import table
from appliance.standin.desk_pages.shown_values import status_class, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = ["Method", "URL", "Status", "Line", "Begins after", "Duration"]


def calls_of(found: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the outgoing calls of a request that are kept."""
    calls: Sequence[dict[str, Any]] = (found["details"] or {}).get("outgoing", ())
    return calls


def count_of(found: dict[str, Any]) -> int:
    """Return how many outgoing calls there were, those that are not kept too."""
    left_out: int = (found["details"] or {}).get("outgoing_left_out", 0)
    return len(calls_of(found)) + left_out


def outgoing_section(found: dict[str, Any]) -> str:
    """Return the calls in their order."""
    calls = calls_of(found)
    if not calls:
        return "<p>No outgoing call was recorded.</p>"
    count, total = count_of(found), sum(each["duration_s"] or 0.0 for each in calls)
    kept = f" The first {len(calls)} are shown." if count > len(calls) else ""
    rows = "".join(map(_row, calls))
    return f"<p>{count} in {duration(total)}.{kept}</p>{table('Outgoing calls in their order', _COLUMNS, rows)}"


def _row(each: dict[str, Any]) -> str:
    kind = "s5" if each["error"] else status_class(each["status"])
    result = each["error"] or each["status"] or "no response yet"
    return (
        f'<tr><td>{text(each["method"])}</td><td class="path">{text(each["url"])}</td>'
        f'<td class="{kind}">{text(result)}</td><td class="path">{text(each["place"])}</td>'
        f'<td class="number">{duration(each["began_s"])}</td>'
        f'<td class="number">{duration(each["duration_s"])}</td></tr>'
    )
