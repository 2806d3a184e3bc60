"""The received request and the sent response: the fields and the content of a request and of its response."""

from __future__ import annotations

import json
from typing import Any

from appliance.standin.desk_pages.shown_values import text

_INDENTED_MAX = 64 * 1024  # characters


def request_section(found: dict[str, Any]) -> str:
    """Return the received request."""
    details = found["details"]
    if details is None:
        return _not_recorded(found)
    return _message(details["fields"], details["body"], details["body_note"], "Body")


def response_section(found: dict[str, Any]) -> str:
    """Return the response that was sent."""
    details = found["details"]
    if details is None:
        return _not_recorded(found)
    return _message(details["response_fields"], details["content"], details["content_note"], "Content")


def _not_recorded(found: dict[str, Any]) -> str:
    why = "its worker has died, or too many came at once"
    if found["event"] == "request.refused":
        why = "it was refused"
    elif found["one_in"] > 1:
        why = f"at this rate, they are of one request in {found['one_in']:,}"
    return f"<p>Head and content were not recorded: {why}.</p>"


def _message(fields: list[list[str]], content: str | None, note: str, label: str) -> str:
    content = _indented(content, next((value for name, value in fields if name.lower() == "content-type"), ""))
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in fields)
    shown = f'<pre tabindex="0" role="region" aria-label="{label}">{text(content)}</pre>' if content else ""
    remark = f"<p>{text(note)}</p>" if note else ""
    nothing = "" if content or note else "<p>Empty.</p>"
    return f"<h3>Fields</h3><dl>{rows}</dl><h3>{label}</h3>{shown}{remark}{nothing}"


def _indented(content: str | None, kind: str) -> str | None:
    """Return JSON with a line for each member; anything else, and JSON that was cut, as it is."""
    if content is None or "json" not in kind.lower() or len(content) > _INDENTED_MAX:
        return content
    try:
        return json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return content
