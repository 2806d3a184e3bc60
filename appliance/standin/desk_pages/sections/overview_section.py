"""The first section of a request's page: what it was, how long it took, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from appliance.duration_text import duration
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.desk_pages.shown_values import moment, size, status_class, target, text

_SQL_MAX = 120  # characters of a query
_FACTS = {
    "Client": "client.address",
    "User agent": "user_agent.original",
    "Protocol": "network.protocol.version",
    "Route": "http.route",
    "Request id": "request_id",
    "Trace id": "trace_id",
    "Reason": "reason",
}


def overview_section(found: dict[str, Any]) -> str:
    """Return the facts."""
    fields = found["fields"]
    status = found["status"] or found["event"].partition(".")[2]
    facts = [
        ("Target", text(_whole_target(found))),
        ("Status", f'<span class="{status_class(found["status"])}">{text(status)}</span>'),
        ("Time", moment(found["at"])),
        ("Duration", duration(found["duration_s"])),
        *_timing(found),
        ("Size", size(found["size"])),
        ("Memory", _memory((found["details"] or {}).get("memory"))),
        ("Generation", text(found["generation"])),
        ("Details", f"recorded of one request in {found['one_in']:,} at this rate" if found["one_in"] > 1 else ""),
        ("Sent again", _repeats(found["details"])),
        *((label, text(fields.get(name))) for label, name in _FACTS.items()),
    ]
    rows = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in facts if value)
    return f"{_wrong(found)}<dl>{rows}</dl>"


def _timing(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where the duration went; the parts of a request whose details were not recorded are not known."""
    first = ("First byte", duration(found["fields"].get("first_byte_s")))
    parts = found.get("timing")
    if parts is None:
        return [first]
    labels = {"queue_s": "In the queue", "application_s": "Application", "send_s": "Sending"}
    return [*((label, duration(parts[name])) for name, label in labels.items()), first]


def _repeats(details: dict[str, Any] | None) -> str:
    number = details.get("replay_of") if details is not None else None
    return "" if number is None else f'repeats <a href="{PREFIX}/requests/{number}">request {number}</a>'


def _memory(memory: dict[str, Any] | None) -> str:
    """Return the resident memory before and after the request; it includes that of other requests at the same time."""
    if memory is None:
        return ""
    peak = f", a new peak of the process: {size(memory['peak_bytes'])}" if memory["peak_bytes"] else ""
    return f"{size(memory['before_bytes'])} before, {size(memory['after_bytes'])} after{peak}"


def _whole_target(found: dict[str, Any]) -> str:
    """Return the target of a request whose title has only its beginning; "" for another one."""
    whole = (found["path"] or "") + (f"?{found['query']}" if found["query"] else "")
    return "" if whole == target(found) else whole


def _wrong(found: dict[str, Any]) -> str:
    """Return the problems to look at first."""
    items = []
    error, details, own = found["error"], found["details"], f"{PREFIX}/requests/{found['id']}"
    if error is not None:
        place = f" ({text(error['file'])}:{text(error.get('line'))})" if error.get("file") else ""
        items.append(f'<a href="{own}/exception" class="s5">{text(error.get("error"))}</a>{place}')
    for each in (details or {}).get("repeated", ()):
        place = text(each["place"] or "outside of the project")
        sql = each["sql"] if len(each["sql"]) <= _SQL_MAX else f"{each['sql'][:_SQL_MAX]}..."
        link = f'<a href="{own}/queries" class="s4">{each["count"]} times the same query</a>'
        items.append(f"{link} from {place}: <code>{text(sql)}</code>")
    return f'<ul class="wrong">{"".join(f"<li>{each}</li>" for each in items)}</ul>' if items else ""
