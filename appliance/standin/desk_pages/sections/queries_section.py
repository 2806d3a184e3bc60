"""The queries of a request: those that are repeated, and each with its bar on the time line of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.desk.queries import repeated_queries
from appliance.desk.queries.recorded_queries import count_queries
from appliance.duration_text import duration
from appliance.standin.desk_pages.page_frame import table
from appliance.standin.desk_pages.shown_values import text

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 160, 12  # of a bar's plot, in CSS pixels


def queries_of(found: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the queries of a request."""
    queries: Sequence[dict[str, Any]] = (found["details"] or {}).get("queries", ())
    return queries


def queries_count(found: dict[str, Any]) -> int:
    """Return how many there were, those that are not kept included."""
    return len(queries_of(found)) + ((found["details"] or {}).get("queries_left_out") or 0)


def queries_section(found: dict[str, Any]) -> str:
    """Return the queries as a waterfall: each with its bar on the time line of the request."""
    queries = queries_of(found)
    left_out = (found["details"] or {}).get("queries_left_out")
    if not queries:
        none_kept = f"<p>{left_out} queries are not kept: the record of the request was too large with them.</p>"
        return none_kept if left_out else "<p>No query was recorded.</p>"
    total = sum(each["duration_s"] for each in queries)
    end = max(found["duration_s"] or 0.0, *(each["began_s"] + each["duration_s"] for each in queries)) or 1.0
    rows = "".join(_row(each, end) for each in queries)
    columns = ["Query", "Line", "Rows", "Duration", f"0 to {duration(end)}"]
    further = f" {left_out} more are not kept." if left_out else ""
    return (
        f"<p>{count_queries(queries)} in {duration(total)}, of the request's {duration(end)}.{further}</p>"
        f"{_repeated(found['details']['repeated'])}{table('Queries in their order', columns, rows)}"
    )


def _repeated(repeated: Sequence[dict[str, Any]]) -> str:
    """Say which queries one line repeats, and what that usually is."""
    rows = "".join(
        f'<li><span class="s4">{each["count"]} times</span> from {text(each["place"] or "outside of the project")}, '
        f"{duration(each['duration_s'])}: <code>{text(each['sql'])}</code></li>"
        for each in repeated
    )
    if not rows:
        return ""
    return f"<p>{repeated_queries.ADVICE}</p><ul>{rows}</ul>"


def _row(each: dict[str, Any], end: float) -> str:
    begin, width = each["began_s"] / end * _WIDTH, max(2.0, each["duration_s"] / end * _WIDTH)
    label = f"begins after {duration(each['began_s'])}"
    bar = (
        f'<svg class="bar" role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'<rect class="after" x="{begin:.1f}" y="2" width="{width:.1f}" height="{_HEIGHT - 4}"/></svg>'
    )
    notes = f"<br>Parameters: {text(each['parameters'])}" if each.get("parameters") else ""
    if each.get("error"):
        notes += f'<br><span class="s5">{text(each["error"])}</span>'
    return (
        f'<tr><td class="path"><code>{text(each["sql"] or "(text not kept)")}</code>{notes}</td>'
        f'<td class="place">{text(each["place"])}</td><td class="number">{text(each.get("rows"))}</td>'
        f'<td class="number">{duration(each["duration_s"])}</td><td>{bar}</td></tr>'
    )
