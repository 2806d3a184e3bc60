"""The pages of routes, reloads and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from appliance.desk.units import duration
from appliance.server.browser.own_paths import PREFIX

from .page_frame import table
from .texts import moment, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 160, 28  # of a plot, in CSS pixels


def routes_page(found: Sequence[dict[str, Any]], saved: float) -> str:
    """Return the routes with their durations before and after the last save, at ``saved``."""
    if not found:
        return "<p>No request yet. Open the project, and its routes appear here.</p>"
    columns = ["Method", "Route", "Requests", "Errors", "Before: median", "95 %", "After: median", "95 %", "Durations"]
    lead = f"<p>Before and after the last save, at {moment(saved)}.</p>" if saved else "<p>Nothing was saved yet.</p>"
    return lead + table("Durations by route", columns, "".join(_route(each, saved) for each in found))


def _route(each: dict[str, Any], saved: float) -> str:
    link = f"{PREFIX}/?{urlencode({'method': each['method'], 'route': each['route']})}"
    cells = [text(each["count"]), text(each["errors"] or "")]
    for part in (each["before"], each["after"]):
        cells += [duration(part["p50_s"]), duration(part["p95_s"])] if part else ["", ""]
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return (
        f'<tr><td>{text(each["method"])}</td><td class="path"><a href="{text(link)}">{text(each["route"])}</a></td>'
        f"{numbers}<td>{plot(each['samples'], saved)}</td></tr>"
    )


def plot(samples: Sequence[Sequence[float]], saved: float) -> str:
    """Return the durations as a plot, the newest at the right; those after the last save have a class of their own."""
    most = max((took for _, took in samples), default=0.0) or 1.0
    step = _WIDTH / max(len(samples), 1)
    bars = []
    for index, (at, took) in enumerate(samples):
        height = max(1.0, took / most * _HEIGHT)
        kind = "after" if at >= saved else "before"
        bars.append(
            f'<rect class="{kind}" x="{index * step:.1f}" y="{_HEIGHT - height:.1f}" '
            f'width="{max(step - 0.5, 0.5):.1f}" height="{height:.1f}"/>'
        )
    label = f"The last {len(samples)} durations, {duration(most)} at most"
    return f'<svg role="img" aria-label="{text(label)}" viewBox="0 0 {_WIDTH} {_HEIGHT}">{"".join(bars)}</svg>'


def reloads_page(found: Sequence[dict[str, Any]]) -> str:
    """Return what the saves of the day caused."""
    if not found:
        return "<p>Nothing was started yet.</p>"
    columns = ["Time", "Generation", "What happened", "Duration", "Saved"]
    return table("Reloads and starts, the newest first", columns, "".join(map(_reload, found)))


def _reload(each: dict[str, Any]) -> str:
    failed = each["event"] not in {"reload.finished", "worker.ready"}
    took = each.get("duration_s") or each.get("total_s")
    files = ", ".join(map(str, each["files"][:3])) + (" ..." if len(each["files"]) > 3 else "")
    what = each.get("reason") or each.get("error") or each["event"] if failed else _how(each)
    kind = "s5" if failed else "s2"
    return (
        f'<tr><td>{moment(each["at"])}</td><td class="number">{text(each["generation"])}</td>'
        f'<td class="{kind}">{text(what)}</td><td class="number">{duration(took)}</td><td>{text(files)}</td></tr>'
    )


def _how(each: dict[str, Any]) -> str:
    if each["event"] == "worker.ready":
        return "started"
    return "reloaded, forked" if each.get("forked") else "reloaded, started cold"


def errors_page(found: Sequence[dict[str, Any]]) -> str:
    """Return the exceptions of the day, in groups."""
    if not found:
        return "<p>No exception was raised.</p>"
    columns = ["Last", "Times", "Exception", "Place"]
    return table("Exceptions, the newest first", columns, "".join(map(_error, found)))


def _error(each: dict[str, Any]) -> str:
    error = text(each["error"])
    if each["request"] is not None:
        error = f'<a href="{PREFIX}/requests/{each["request"]}/exception">{error}</a>'
    place = f"{text(each['file'])}:{each['line']}" if each["file"] else ""
    return (
        f'<tr><td>{moment(each["last_at"])}</td><td class="number">{each["count"]}</td>'
        f'<td class="path">{error}</td><td class="path">{place}</td></tr>'
    )
