"""The queries of a request: those that are repeated, and each with its bar on the time line of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.desk.units import duration

from .page_frame import table
from .texts import text

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 160, 12  # of a bar's plot, in CSS pixels


def queries_section(queries: Sequence[dict[str, Any]], repeated: Sequence[dict[str, Any]]) -> str:
    """Return the section; "" for a request without queries."""
    if not queries:
        return ""
    total = sum(each["duration_s"] for each in queries)
    end = max(each["began_s"] + each["duration_s"] for each in queries) or 1.0
    rows = "".join(_row(each, end) for each in queries)
    return (
        f'<section id="queries"><h2>Queries</h2><p>{len(queries)} in {duration(total)}.</p>{_repeated(repeated)}'
        f"{table('Queries in their order', ['Query', 'Line', 'Duration', 'When'], rows)}</section>"
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
    advice = "One query for each row of another one (N+1): load the related rows together."
    return f"<p>{advice}</p><ul>{rows}</ul>"


def _row(each: dict[str, Any], end: float) -> str:
    begin, width = each["began_s"] / end * _WIDTH, max(1.0, each["duration_s"] / end * _WIDTH)
    label = f"begins after {duration(each['began_s'])}"
    bar = (
        f'<svg class="bar" role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'<rect class="after" x="{begin:.1f}" y="2" width="{width:.1f}" height="{_HEIGHT - 4}"/></svg>'
    )
    return (
        f'<tr><td class="path"><code>{text(each["sql"])}</code></td><td class="path">{text(each["place"])}</td>'
        f'<td class="number">{duration(each["duration_s"])}</td><td>{bar}</td></tr>'
    )
