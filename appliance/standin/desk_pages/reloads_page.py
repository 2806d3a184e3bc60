"""The page of reloads: each start and save with what was saved, its time line, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.desk.reload_history import SERVES
from appliance.duration_text import duration
from appliance.server.browser.own_paths import PREFIX

from .page_frame import table
from .shown_values import moment, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 240, 12  # of a time line, in CSS pixels
_FILES_MAX = 5
_REFRESH_S = 2
_HOWS = {
    "swapped": "functions swapped",
    "checkpoint": "imported from a checkpoint",
    "forked": "forked",
    "cold": "started cold",
}
# The colour of each phase, by its class in desk.css.
_CLASSES = {
    "noticed": "p1", "installed": "p2", "before start": "p3", "process started": "p4", "imported": "p5",
    "made ready": "p6",
}  # fmt: skip


def reloads_page(found: Sequence[dict[str, Any]], run: str) -> str:
    """Return the effects of the recorded saves; ``run`` is the current one, whose generations have requests."""
    if not found:
        return f'<div data-refresh="{_REFRESH_S}"><p>Nothing was started yet.</p></div>'
    columns = ["Time", "Generation", "What happened", "Duration", "Phases", "Saved"]
    rows = "".join(_reload(each, run) for each in found)
    shown = table("Reloads and starts, the newest first", columns, rows)
    return f'<div data-refresh="{_REFRESH_S}">{shown}</div>'


def _reload(each: dict[str, Any], run: str) -> str:
    good = each["event"] in SERVES
    took = each.get("duration_s") or each.get("total_s")
    files = list(map(str, each["files"]))
    more = f" and {len(files) - _FILES_MAX} more" if len(files) > _FILES_MAX else ""
    saved = f"<code>{'</code> <code>'.join(map(text, files[:_FILES_MAX]))}</code>{more}" if files else ""
    generation = text(each["generation"])
    if each["generation"] is not None and each["run"] == run and good:
        generation = f'<a href="{PREFIX}/?generation={generation}">{generation}</a>'
    return (
        f'<tr><td>{moment(each["at"])}</td><td class="number">{generation}</td>'
        f'<td class="{"" if good else "path"}">{_how(each) if good else _failure(each)}</td>'
        f'<td class="number">{duration(took)}</td><td>{time_line(each["phases"])}</td>'
        f'<td class="path">{saved}</td></tr>'
    )


def _how(each: dict[str, Any]) -> str:
    if each["event"] == "worker.ready":
        return '<span class="s2">started</span>'
    how = _HOWS.get(each.get("how", ""), "forked" if each.get("forked") else "started cold")
    why = f'<span class="meaning">{text(each["reason"])}</span>' if each.get("reason") else ""
    return f'<span class="s2">reloaded, {how}</span>{why}'


def _failure(each: dict[str, Any]) -> str:
    """Return the failure, its place, and the advice."""
    names = ("error", "message", "found", "how", "reason", "event")
    what = next(str(each[name]) for name in names if each.get(name))
    what = f"{each['type']}: {what}" if each.get("type") else what
    place = f"<br><code>{text(each['file'])}:{text(each.get('line'))}</code>" if each.get("file") else ""
    action = f'<span class="meaning">{text(each["action"])}</span>' if each.get("action") else ""
    return f'<span class="s5">{text(what)}</span>{place}{action}'


def time_line(phases: Sequence[Sequence[Any]]) -> str:
    """Return the phases one after the other, with their durations as text below."""
    whole = sum(took for _, took in phases)
    if not whole:
        return ""
    parts, at = [], 0.0
    for name, took in phases:
        width = took / whole * _WIDTH
        parts.append(
            f'<rect class="{_CLASSES.get(name, "p6")}" x="{at:.1f}" y="0" width="{max(width - 0.5, 0.5):.1f}" '
            f'height="{_HEIGHT}"/>'
        )
        at += width
    words = ", ".join(f"{text(name)} {duration(took)}" for name, took in phases)
    return (
        f'<svg class="line" aria-hidden="true" viewBox="0 0 {_WIDTH} {_HEIGHT}">{"".join(parts)}</svg>'
        f'<span class="meaning">{words}</span>'
    )
