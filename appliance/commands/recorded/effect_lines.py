"""The effects of a request, except its queries, as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.duration_text import duration

if TYPE_CHECKING:
    from collections.abc import Iterator


def effects_of(details: dict[str, Any]) -> list[str]:
    """Return the lines, under a heading for each kind; nothing for a request that did none of it."""
    return [*_outgoing(details), *_mail(details), *_templates(details), *_caches(details), *_memory(details)]


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


def _templates(details: dict[str, Any]) -> Iterator[str]:
    templates = details.get("templates", ())
    if templates:
        yield from ("", f"Templates: {sum(each['count'] for each in templates)}")
    for each in templates:
        yield f"  {duration(each['duration_s']):>9}  {each['count']} times  {each['name'] or 'made from a text'}"


def _caches(details: dict[str, Any]) -> Iterator[str]:
    for each in details.get("cache", ()):
        counts = f"{each['hits']} hits, {each['misses']} misses, {each['writes']} writes"
        yield from ("", f"Cache {each['name']}: {counts} in {duration(each['duration_s'])}")


def _memory(details: dict[str, Any]) -> Iterator[str]:
    memory = details.get("memory")
    if memory is not None:
        before, after, peak = (_mib(memory[name]) for name in ("before_bytes", "after_bytes", "peak_bytes"))
        yield from ("", f"Memory: {before} before, {after} after{f', a new peak: {peak}' if peak else ''}")


def _mib(size: int | None) -> str:
    return f"{size / 1024 / 1024:.1f} MiB" if size else ""
