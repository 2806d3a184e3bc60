"""Values as the desk's pages show them: escaped, short, with a unit."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from appliance.server.pages.visible_text import visible

_KIB = 1024
_TARGET_MAX = 200  # characters


def text(value: object) -> str:
    """Return a value as HTML; "" for None. Controls, and characters that reorder a text, become visible escapes."""
    return "" if value is None else escape(visible(str(value)))


def form_text(value: object) -> str:
    """Return a value that a form sends back, as HTML: unchanged, since an escape would be sent in its place."""
    return "" if value is None else escape(str(value)).replace("\r", "&#13;")


def target(found: dict[str, Any]) -> str:
    """Return the path and the query of a request, plain text; the beginning of a long one."""
    whole = (found["path"] or "") + (f"?{found['query']}" if found["query"] else "")
    return whole if len(whole) <= _TARGET_MAX else f"{whole[:_TARGET_MAX]}..."


def size(count: int | None) -> str:
    """Return a number of bytes with its unit."""
    if count is None:
        return ""
    if count < _KIB:
        return f"{count} B"
    return f"{count / _KIB:.1f} KiB" if count < _KIB * _KIB else f"{count / _KIB / _KIB:.1f} MiB"


def age(seconds: float | None) -> str:
    """Return how old something is."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def moment(at: float | None) -> str:
    """Return a time of day in UTC; the script shows it in the browser's zone."""
    if at is None:
        return ""
    when = datetime.fromtimestamp(at, UTC)
    return f'<time datetime="{when.isoformat(timespec="milliseconds")}">{when:%H:%M:%S}</time>'


def status_class(status: int | None) -> str:
    """Return the class of a status, for its colour."""
    return f"s{status // 100}" if status else "s0"
