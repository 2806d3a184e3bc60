"""The exception of a request, with its traceback."""

from __future__ import annotations

from typing import Any

from appliance.standin.desk_pages.shown_values import text


def exception_section(found: dict[str, Any]) -> str:
    """Return the exception."""
    error = found["error"]
    if error is None:
        return "<p>No exception was raised.</p>"
    place = f"<p>{text(error.get('file'))}:{text(error.get('line'))}</p>" if error.get("file") else ""
    action = f"<p>{text(error['action'])}</p>" if error.get("action") else ""
    return (
        f'<p class="s5">{text(error.get("error"))}</p>{place}{action}'
        f'<pre tabindex="0" role="region" aria-label="Traceback">{text(error.get("traceback"))}</pre>'
    )
