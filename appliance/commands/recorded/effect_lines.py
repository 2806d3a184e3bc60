"""What a request did besides its queries, as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.desk.units import duration

if TYPE_CHECKING:
    from collections.abc import Iterator


def effects_of(details: dict[str, Any]) -> list[str]:
    """Return the lines, under a heading for each kind; nothing for a request that did none of it."""
    return [*_outgoing(details)]


def _outgoing(details: dict[str, Any]) -> Iterator[str]:
    calls = details["outgoing"]
    if not calls:
        return
    yield from ("", f"Outgoing: {len(calls) + details['outgoing_left_out']}")
    for each in calls:
        result = each["error"] or each["status"] or "no response yet"
        yield f"  {duration(each['duration_s']):>9}  {each['method']} {each['url']}  {result}  {each['place']}"
