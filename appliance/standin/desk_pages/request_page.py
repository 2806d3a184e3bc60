"""The page of one request: its fields, its exception, and the lines of the log that belong to it."""

from __future__ import annotations

from typing import Any

from appliance.desk.units import duration

from .queries_section import queries_section
from .texts import moment, size, status_class, text

_FACTS = {
    "Client": "client.address",
    "User agent": "user_agent.original",
    "Protocol": "network.protocol.version",
    "Route": "http.route",
    "Request id": "request_id",
    "Trace id": "trace_id",
    "Reason": "reason",
}


def request_title(found: dict[str, Any]) -> str:
    """Return the title of the page, plain text."""
    query = f"?{found['query']}" if found["query"] else ""
    return f"{found['method'] or 'Request'} {found['path'] or ''}{query}"


def request_page(found: dict[str, Any]) -> str:
    """Return the body of the page."""
    fields = found["fields"]
    status = found["status"] or found["event"].partition(".")[2]
    facts = [
        ("Status", f'<span class="{status_class(found["status"])}">{text(status)}</span>'),
        ("Time", moment(found["at"])),
        ("Duration", duration(found["duration_s"])),
        ("First byte", duration(fields.get("first_byte_s"))),
        ("Size", size(found["size"])),
        ("Generation", text(found["generation"])),
        *((label, text(fields.get(name))) for label, name in _FACTS.items()),
    ]
    rows = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in facts if value)
    exchange = _exchange(found["details"], found["event"])
    return f"<dl>{rows}</dl>{_error(found['error'])}{_log(found['lines'])}{exchange}"


def _exchange(details: dict[str, Any] | None, event: str) -> str:
    """Return what was received and sent."""
    if details is None:
        why = "it was refused" if event == "request.refused" else "there were too many at once, or its worker has died"
        return f"<section><h2>Request and response</h2><p>Head and content were not recorded: {why}.</p></section>"
    return (
        f"{queries_section(details['queries'], details['repeated'])}"
        f'<section id="request"><h2>Request</h2>{_fields(details["fields"])}'
        f"{_content(details['body'], details['body_note'])}</section>"
        f'<section id="response"><h2>Response</h2>{_fields(details["response_fields"])}'
        f"{_content(details['content'], details['content_note'])}</section>"
    )


def _fields(pairs: list[list[str]]) -> str:
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs)
    return f"<dl>{rows}</dl>"


def _content(content: str | None, note: str) -> str:
    shown = f'<pre tabindex="0" role="region" aria-label="Content">{text(content)}</pre>' if content else ""
    return shown + (f"<p>{text(note)}</p>" if note else "")


def _error(error: dict[str, Any] | None) -> str:
    if error is None:
        return ""
    place = f"<p>{text(error.get('file'))}:{text(error.get('line'))}</p>" if error.get("file") else ""
    action = f"<p>{text(error['action'])}</p>" if error.get("action") else ""
    return (
        f'<section id="exception"><h2>Exception</h2><p class="s5">{text(error.get("error"))}</p>{place}{action}'
        f'<pre tabindex="0" role="region" aria-label="Traceback">{text(error.get("traceback"))}</pre></section>'
    )


def _log(lines: list[dict[str, Any]]) -> str:
    shown = [each for each in lines if each["event"] != "application.failed"]
    if not shown:
        return '<section id="log"><h2>Log</h2><p>The request has printed and logged nothing.</p></section>'
    rows = "".join(f'<li class="{text(each["level"])}">{moment_of(each)} {text(said(each))}</li>' for each in shown)
    return f'<section id="log"><h2>Log</h2><ol class="log">{rows}</ol></section>'


def said(line: dict[str, Any]) -> str:
    """Return what a line of the log says, in one text."""
    for name in ("text", "message", "traceback"):
        if line.get(name):
            return str(line[name])
    rest = {key: value for key, value in line.items() if key not in _OF_EACH_LINE}
    return " ".join([line["event"], *(f"{key}={value}" for key, value in rest.items())])


_OF_EACH_LINE = frozenset({"timestamp", "level", "event", "role", "generation", "pid", "request_id"})


def moment_of(line: dict[str, Any]) -> str:
    """Return the time of a line as HTML."""
    stamp = str(line["timestamp"])
    return f'<time datetime="{text(stamp[:23])}Z">{text(stamp[11:23])}</time>'
