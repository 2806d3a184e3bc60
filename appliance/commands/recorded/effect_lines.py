"""What a request did besides its queries, as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.desk.units import duration

if TYPE_CHECKING:
    from collections.abc import Iterator


def effects_of(details: dict[str, Any]) -> list[str]:
    """Return the lines, under a heading for each kind; nothing for a request that did none of it."""
    return [*_outgoing(details), *_mail(details)]


def _outgoing(details: dict[str, Any]) -> Iterator[str]:
    calls = details.get("outgoing", ())
    if not calls:
        return
    yield from ("", f"Outgoing: {len(calls) + details['outgoing_left_out']}")
    for each in calls:
        result = each["error"] or each["status"] or "no response yet"
        yield f"  {duration(each['duration_s']):>9}  {each['method']} {each['url']}  {result}  {each['place']}"


def _mail(details: dict[str, Any]) -> Iterator[str]:
    for each in details.get("mail", ()):
        yield from ("", f"Mail, {each['result']}: {each['subject']}")
        yield f"From: {each['from']}"
        more = each["to_count"] - len(each["to"])
        yield f"To: {', '.join(each['to'])}{f' and {more} more' if more else ''}"
        yield from (f"Attachment: {one['name'] or one['type']}, {one['size']} bytes" for one in each["attachments"])
        if each["error"]:
            yield each["error"]
        yield each["text"] or each["html"] or ""
    if details.get("mail_left_out"):
        yield f"{details['mail_left_out']} more mails are not kept"
