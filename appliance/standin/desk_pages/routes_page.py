"""The page of routes: the durations of each before and after the last save, with a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from appliance.duration_text import duration
from appliance.plural import counted
from appliance.server.browser.own_paths import PREFIX

from .page_frame import table
from .shown_values import moment, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 180, 44  # of a plot, in units of its own; the style scales it
_OUTLIER = 3  # a bar of more than three times the 95th percentile is cut: it would flatten all others
_COMPARED = 5  # requests on each side that a comparison needs
_STEADY = 0.1  # a smaller change of the median is noise
_COLUMNS = ["Method", "Route", "Durations", "Requests", "Errors", "Median", "Change", "95 %"]
_REFRESH_S = 3
_NONE_YET = "No request yet. Open the project, and its routes appear here."


def routes_page(found: Sequence[dict[str, Any]], saved: float) -> str:
    """Return the routes with their durations before and after the last save, at ``saved``."""
    if not found:
        return f'<div data-refresh="{_REFRESH_S}"><p>{_NONE_YET}</p></div>'
    lead = f"<p>Before → after the last save, at {moment(saved)}.</p>" if saved else "<p>Nothing was saved yet.</p>"
    rows = "".join(_route(each, saved) for each in found)
    shown = table("Durations by route", _COLUMNS, rows)
    return f'<div data-refresh="{_REFRESH_S}">{lead}{shown}</div>{_LEGEND}'


def _key(kind: str) -> str:
    return (
        f'<svg class="key" aria-hidden="true" viewBox="0 0 10 10"><rect class="{kind}" width="10" height="10"/></svg>'
    )


_LEGEND = (
    f"<p class=keys>{_key('before')} before {_key('after')} after the save; the newest request is at the right. "
    "A pale bar is longer than shown.</p>"
)


def _route(each: dict[str, Any], saved: float) -> str:
    link = f"{PREFIX}/?{urlencode({'method': each['method'], 'route': each['route']})}"
    before, after = (each[name] or {} for name in ("before", "after"))
    counts = "".join(f'<td class="number">{text(value or "")}</td>' for value in (each["count"], each["errors"]))
    return (
        f'<tr><td>{text(each["method"])}</td><td class="path"><a href="{text(link)}">{text(each["route"])}</a></td>'
        f"<td>{plot(each['samples'], saved)}</td>{counts}{_sides(before, after, 'p50_s')}{change(before, after)}"
        f"{_sides(before, after, 'p95_s')}</tr>"
    )


def _sides(before: dict[str, Any], after: dict[str, Any], name: str) -> str:
    """Return the cell of a duration before and after the save."""
    first, second = (duration(part.get(name)) or "-" for part in (before, after))
    return f'<td class="number">{f"{first} → {second}" if before else second}</td>'


def change(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return the cell that says how much the median has changed: "" if there are too few requests to say so."""
    known = min(before.get("count", 0), after.get("count", 0)) >= _COMPARED and before["p50_s"] > 0
    if not known:
        return "<td></td>"
    ratio = after["p50_s"] / before["p50_s"] - 1
    if abs(ratio) < _STEADY:
        return '<td class="number">steady</td>'
    kind, word = ("s4", "slower") if ratio > 0 else ("s2", "faster")
    shown = f"{abs(ratio):.0%} {word}" if ratio < 1 else f"{ratio + 1:.1f} times"
    return f'<td class="number {kind}">{shown}</td>'


def plot(samples: Sequence[Sequence[float]], saved: float) -> str:
    """Return the durations as a plot, the newest at the right; those after the last save have a class of their own."""
    ordered = sorted(took for _, took in samples)
    top = min(ordered[-1], ordered[len(ordered) * 95 // 100] * _OUTLIER) if ordered else 0.0
    step = _WIDTH / max(len(samples), 30)
    bars = []
    for index, (at, took) in enumerate(samples, start=max(30 - len(samples), 0)):
        height = min(max(1.0, took / (top or 1.0) * _HEIGHT), _HEIGHT)
        kind = "after" if at >= saved else "before"
        bars.append(
            f'<rect class="{kind}{" cut" if took > top else ""}" x="{index * step:.1f}" y="{_HEIGHT - height:.1f}" '
            f'width="{max(step - 0.5, 0.5):.1f}" height="{height:.1f}"/>'
        )
    return (
        f'<svg class="plot" role="img" aria-label="{text(_words(samples, saved))}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'preserveAspectRatio="none">'
        f"{''.join(bars)}</svg>"
    )


def _words(samples: Sequence[Sequence[float]], saved: float) -> str:
    """Return the plot in words, for a person who does not see it."""
    if not samples:
        return "No request"
    sides = {
        "before the save": [took for at, took in samples if at < saved],
        "after the save": [took for at, took in samples if at >= saved],
    }
    return "; ".join(
        f"{counted(len(took), 'request')} {name}: {duration(min(took))} to {duration(max(took))}"
        for name, took in sides.items()
        if took
    )
