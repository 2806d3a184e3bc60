"""The page of errors: the recorded exceptions, in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.server.browser.own_paths import PREFIX

from .page_frame import table
from .shown_values import moment, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_REFRESH_S = 2


def errors_page(found: Sequence[dict[str, Any]]) -> str:
    """Return the recorded exceptions, in groups."""
    if not found:
        return f'<div data-refresh="{_REFRESH_S}"><p>No exception was raised.</p></div>'
    columns = ["Last", "Times", "Exception", "Place"]
    shown = table("Exceptions, the newest first", columns, "".join(map(_error, found)))
    return f'<div data-refresh="{_REFRESH_S}">{shown}</div>'


def _error(each: dict[str, Any]) -> str:
    error = text(each["error"])
    if each["request"] is not None:
        error = f'<a href="{PREFIX}/requests/{each["request"]}/exception">{error}</a>'
    place = f"{text(each['file'])}:{each['line']}" if each["file"] else ""
    return (
        f'<tr><td>{moment(each["last_at"])}</td><td class="number">{each["count"]}</td>'
        f'<td class="path">{error}</td><td class="path">{place}</td></tr>'
    )
