"""The page of processes and their memory, which its script keeps current."""

from __future__ import annotations

from typing import Any

from appliance.standin.desk_pages.page_frame import table
from appliance.standin.desk_pages.shown_values import age, size, text

_COLUMNS = ["Process", "PID", "Generation", "State", "Age", "PSS", "Share", "USS", "RSS", "Threads"]
_ROLES = {"standin": "stand-in", "spare": "spare worker"}
_MEANINGS = {
    "supervisor": "starts and watches the others",
    "preloader": "has the project's packages imported, and forks workers",
    "spare": "a worker for the next save, forked already",
    "snapshot": "has the project imported, for the next save",
    "worker": "runs the project",
    "standin": "answers these pages",
    "recorder": "stores the requests",
    "installer": "installs the project's packages",
    "probes": "answers probes",
}
_BAR = 80  # CSS pixels of the largest one
_REFRESH_S = 2
_MEASURES = (
    "<p class=keys>PSS divides a page of memory by the processes that share it, so the sum is right. USS is what would "
    "be free if the process ended. RSS counts each shared page for each process.</p>"
)


def process_page(values: dict[str, Any]) -> str:
    """Return the body of the page."""
    found = values["processes"]
    most = max((_memory(each) or 0 for each in found), default=0) or 1
    limit = values["memory"]
    share = f" The container uses {size(limit['used'])} of its {size(limit['limit'])}." if limit else ""
    lead = f"<p>{size(values['total'])} in all.{share}</p>" if values["total"] is not None else ""
    rows = "".join(_row(each, most) for each in found)
    shown = table("Processes of the appliance and of the project", _COLUMNS, rows, "processes")
    return f'<div data-refresh="{_REFRESH_S}">{lead}{shown}</div>{_MEASURES}'


def _memory(each: dict[str, Any]) -> int | None:
    pss: int | None = each["pss"]
    rss: int | None = each["rss"]
    return rss if pss is None else pss


def _row(each: dict[str, Any], most: int) -> str:
    role = each["role"]
    meaning = _MEANINGS.get(role, "") if each["of"] is None else "was started by the process above"
    title = f' <span class="meaning">{meaning}</span>' if meaning else ""
    first = [each["pid"], each["generation"] or "", each["state"], age(each["age_s"]), size(each["pss"])]
    last = [size(each["uss"]), size(each["rss"]), "" if each["threads"] is None else each["threads"]]
    width = max((_memory(each) or 0) / most * _BAR, 1.0)
    bar = (
        f'<svg class="share" aria-hidden="true" viewBox="0 0 {_BAR} 12">'
        f'<rect class="after" y="2" width="{width:.1f}" height="8"/></svg>'
    )
    kind = "" if each["of"] is None else ' class="transitive"'
    return f"<tr{kind}><td>{text(_ROLES.get(role, role))}{title}</td>{_cells(first)}<td>{bar}</td>{_cells(last)}</tr>"


def _cells(values: list[Any]) -> str:
    return "".join(f'<td class="number">{text(value)}</td>' for value in values)
