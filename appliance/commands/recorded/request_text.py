"""One recorded request as text for a terminal: what went wrong first, then the messages, and what was done for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.commands.recorded.effect_lines import effects_of
from appliance.duration_text import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES_MAX = 40  # of a body
_CHARACTERS_MAX = 4000
_QUERIES_MAX = 50


def text_of(found: dict[str, Any], first: str) -> str:
    """Return one request with all known details; ``first`` is its line in the list."""
    parts = [first, *_timing(found), *_error(found)]
    details = found["details"]
    if details is not None:
        parts += ["", *_message(details["fields"], details["body"], details["body_note"])]
        answered = _message(details["response_fields"], details["content"], details["content_note"])
        parts += ["", f"{found['status']}", *answered, *_queries(details), *effects_of(details)]
    if found["lines"]:
        parts.append("")
    for line in found["lines"]:
        shown = line.get("text") or line.get("message") or line.get("error") or line.get("traceback") or line["event"]
        parts.append(f"{line['level']:<8} {shown}")
    return "\n".join(parts)


def _timing(found: dict[str, Any]) -> Iterator[str]:
    parts = found.get("timing")
    if parts is not None:
        names = {"queue_s": "queue", "application_s": "application", "send_s": "sending"}
        yield "Time: " + ", ".join(f"{name} {duration(parts[each])}" for each, name in names.items())


def _error(found: dict[str, Any]) -> Iterator[str]:
    """Return the exception with its traceback, and what to do."""
    error = found.get("error")
    if error is None:
        return
    place = f" ({error['file']}:{error.get('line')})" if error.get("file") else ""
    yield from ("", f"{error.get('error', error['event'])}{place}")
    if error.get("action"):
        yield error["action"]
    if error.get("traceback"):
        yield from ("", error["traceback"].rstrip())


def _message(fields: list[list[str]], content: str | None, note: str) -> list[str]:
    """Return a message; of a long body its beginning, since a terminal scrolls."""
    shown, left_out = _beginning(content or "")
    notes = [each for each in (f"{left_out} more characters: see --json" if left_out else "", note) if each]
    lines = [f"{name}: {value}" for name, value in fields]
    return [*lines, *([""] if shown or notes else []), *([shown] if shown else []), *notes]


def _beginning(text: str) -> tuple[str, int]:
    shown = "\n".join(text[:_CHARACTERS_MAX].split("\n")[:_LINES_MAX])
    return shown, len(text) - len(shown)


def _queries(details: dict[str, Any]) -> Iterator[str]:
    queries = details.get("queries") or []
    left_out = details.get("queries_left_out") or 0
    if not queries and not left_out:
        return
    yield from ("", f"Queries: {len(queries) + left_out}")
    for each in details["repeated"]:
        yield f"  {each['count']} times from {each['place']}, {duration(each['duration_s'])} in all: {each['sql']}"
    for each in queries[:_QUERIES_MAX]:
        sql = " ".join(each["sql"].split())  # SQLAlchemy writes several lines
        yield f"  {duration(each['duration_s']):>9}  {sql}  {each['place']}"
    if len(queries) > _QUERIES_MAX:
        yield f"  {len(queries) - _QUERIES_MAX} more: see --json"
    if left_out:
        yield f"  {left_out} more are not kept"
