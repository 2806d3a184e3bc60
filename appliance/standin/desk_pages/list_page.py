"""The list of requests, with its filters in the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.duration_text import duration
from appliance.plural import counted
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.posted_form import PAGE_VALUE
from appliance.standin.replay_pages.replay_html import hidden_fields

from .page_frame import table
from .shown_values import form_text, moment, size, status_class, target, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.desk.filters import Filters

_COLUMNS = ["Time", "Method", "Path", "Status", "Duration", "Queries", "Size", "Generation"]
_REFRESH_S = 10  # seconds between two looks for a failure
_STATUSES = {"": "any", "2xx": "2xx", "3xx": "3xx", "4xx": "4xx", "5xx": "5xx"}
_NONE_YET = "No request yet. Open the project, and it appears here."
_NONE = f'No request matches. <a href="{PREFIX}/">Show all</a>'


def list_page(
    found: Sequence[dict[str, Any]],
    filters: Filters,
    newest: int,
    page_value: str = "",
    missing: dict[str, Any] | None = None,
) -> str:
    """Return the body of the page.

    Args:
        found: the requests, the newest first.
        filters: which were asked for.
        newest: the id of the newest request of all; the script asks for those after it.
        page_value: what a page of ours sends with each change; "": no request can be sent again.
        missing: the number of lines that were not recorded, and when that was (``left_out``).
    """
    query = filters.query(limit=filters.limit, before=None, after=None)
    rest = f"?{text(query)}" if query else ""
    rows = "".join(_row(each, rest) for each in found)
    empty = "" if found else f'<p id="empty">{_NONE if query else _NONE_YET}</p>'
    stream = f"{PREFIX}/requests/stream?{filters.query(before=None, after=newest)}"
    live = f' data-stream="{text(stream)}" data-query="{rest}"' if filters.before is None else ""
    older = "" if filters.before is None else f'<p><a href="{PREFIX}/{rest}">Newest requests</a></p>'
    if len(found) == filters.limit:
        older += f'<p><a href="?{text(filters.query(before=found[-1]["id"], after=None))}">Older requests</a></p>'
    body = table("The requests that were recorded, the newest first", _COLUMNS, rows, "requests")
    return f"{_form(filters)}{_missing(missing)}<div{live}>{empty}{body}</div>{older}{_keys(page_value)}"


def failure_note(failure: str) -> str:
    """Return the warning that new requests are missing, empty without a failure; the script keeps it current."""
    reason = f"{failure.rstrip('.')}."
    warning = (
        f"New requests are not recorded now: {text(reason)} The recorder tries again; the event desk.failed in the log "
        "says what to do."
    )
    return f'<div data-refresh="{_REFRESH_S}"><p class="s5" role="alert">{warning if failure else ""}</p></div>'


def _missing(missing: dict[str, Any] | None) -> str:
    """Return the sentence about requests that the list lacks."""
    if missing is None:
        return ""
    lines = counted(missing["count"], "line")
    return (
        f"<p>More lines came than are kept, up to {moment(missing['at'])}: {lines} of the log are not recorded, and "
        "requests may be missing here.</p>"
    )


def _keys(page_value: str) -> str:
    """Return the line that names the keys, and the form with which the script sends the chosen request again."""
    again = form = ""
    if page_value:
        again = " <kbd>r</kbd> send again"
        form = f'<form id="again" method="post" hidden>{hidden_fields({PAGE_VALUE: page_value})}</form>'
    keys = "<kbd>/</kbd> search <kbd>j</kbd> <kbd>k</kbd> next and previous <kbd>Enter</kbd> open"
    return f"<p class=keys>{keys}{again}</p>{form}"


def _row(each: dict[str, Any], rest: str) -> str:
    path = text(target(each))
    again = each["replay_of"]
    mark = "" if again is None else f' <span class="soft" title="It repeats request {again}">sent again</span>'
    return (
        f'<tr data-id="{each["id"]}"><td>{moment(each["at"])}</td><td>{text(each["method"])}</td>'
        f'<td class="path"><a href="{PREFIX}/requests/{each["id"]}{rest}">{path or "-"}</a>{mark}</td>'
        f'<td class="{status_class(each["status"])}">{text(each["status"] or each["event"].partition(".")[2])}</td>'
        f'<td class="number">{duration(each["duration_s"])}</td>'
        f'<td class="number">{text(each["queries"] or "")}</td><td class="number">{size(each["size"])}</td>'
        f'<td class="number">{text(each["generation"])}</td></tr>'
    )


def _form(filters: Filters) -> str:
    options = "".join(
        f'<option value="{value}"{" selected" if value == filters.status else ""}>{label}</option>'
        for value, label in _STATUSES.items()
    )
    if filters.status and filters.status not in _STATUSES:
        options += f'<option value="{text(filters.status)}" selected>{text(filters.status)}</option>'
    fields = (
        f'<label>Path <input type="search" name="q" id="q" value="{form_text(filters.q)}"></label>'
        f'<label>Method <input name="method" size="7" value="{form_text(filters.method)}"></label>'
        f'<label>Status <select name="status">{options}</select></label>'
        '<label>Slower than, ms <input name="slower_ms" inputmode="numeric" size="6" '
        f'value="{text(filters.slower_ms)}"></label>'
    )
    replays = "".join(
        f'<option value="{value}"{" selected" if value == filters.replays else ""}>{label}</option>'
        for value, label in (("", "shown"), ("off", "left out"))
    )
    fields += f'<label>Sent again <select name="replays">{replays}</select></label>'
    rest = "".join(
        f'<input type="hidden" name="{name}" value="{form_text(value)}">'
        for name, value in (("route", filters.route), ("generation", filters.generation))
        if value not in ("", None)
    )
    clear = f'<a href="{PREFIX}/">Show all</a>' if filters.query(limit=filters.limit, before=None) else ""
    return f'<form method="get" action="{PREFIX}/" role="search">{fields}{rest}<button>Filter</button>{clear}</form>'
