"""Make the effects of a request, except its queries, readable, and mask the secrets in them.

Runs in the recorder, and in the stand-in and commands that show requests. The worker has bounded it; but the project
has the socket too, and may write anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.masking import masked_call

if TYPE_CHECKING:
    from appliance.desk.redaction import Redaction

Effects = dict[str, Any]

NO_EFFECTS: Effects = {
    "outgoing": [], "outgoing_left_out": 0, "mail": [], "mail_left_out": 0, "templates": [], "templates_left_out": 0,
    "cache": [], "memory": None, "queue_s": None, "requests_left_out": 0,
}  # fmt: skip
_URL = re.compile(r"https?://[^\s'\"<>]{1,2000}")


def readable(info: dict[str, Any], redaction: Redaction) -> Effects:
    """Return the stored form of the effects that a worker has sent in ``info``.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: they are not of its form.
    """
    sent = info.get("effects", {})
    memory = info.get("memory")
    return {
        "outgoing": [_call(each, redaction) for each in sent.get("calls", ())],
        "outgoing_left_out": int(sent.get("calls_left_out", 0)),
        "mail": [_mail(each, redaction) for each in sent.get("mails", ())],
        "mail_left_out": int(sent.get("mails_left_out", 0)),
        "templates": [
            {"engine": str(engine), "name": str(name), "count": int(count), "duration_s": int(took) / 1_000_000}
            for engine, name, count, took in sent.get("templates", ())
        ],
        "templates_left_out": int(sent.get("templates_left_out", 0)),
        "cache": [
            {
                "name": str(name),
                "hits": int(hits),
                "misses": int(misses),
                "writes": int(writes),
                "duration_s": int(took) / 1_000_000,
            }
            for name, hits, misses, writes, took in sent.get("caches", ())
        ],
        "memory": None if memory is None else _memory(*map(int, memory)),
        "queue_s": None if (queue_us := info.get("queue_us")) is None else max(0, int(queue_us)) / 1_000_000,
        "requests_left_out": int(info.get("left_out", 0)),
    }


def _memory(before: int, after: int, peak_before: int, peak_after: int) -> dict[str, int | None] | None:
    """Return the process's resident bytes around a request, and its peak if it was reached in the request."""
    if not before or not after:
        return None
    peak = max(peak_after, after) if peak_after > peak_before else None
    return {"before_bytes": before, "after_bytes": after, "peak_bytes": peak}


def _call(sent: dict[str, Any], redaction: Redaction) -> dict[str, Any]:
    took, error, status = sent.get("took_us"), sent.get("error"), sent.get("status")
    return {
        "method": str(sent["method"]),
        "url": masked_url(str(sent["url"]), redaction),
        "place": str(sent["place"]),
        "began_s": int(sent["began_us"]) / 1_000_000,
        "duration_s": None if took is None else int(took) / 1_000_000,
        "status": None if status is None else int(status),
        "error": None if error is None else masked_text(str(error), redaction),
    }


def _mail(sent: dict[str, Any], redaction: Redaction) -> dict[str, Any]:
    """Return a mail. Links in it stay whole: to follow one is what a mail is kept for."""
    texts = {name: sent.get(name) for name in ("text", "html", "error")}
    return {
        "result": str(sent["result"]),
        "server": str(sent["server"]),
        "from": str(sent["from"]),
        "to": [str(each) for each in sent["to"]],
        "to_count": int(sent["to_count"]),
        "subject": redaction.masked_except_links(str(sent["subject"])),
        "fields": [[str(name), redaction.masked_except_links(str(value))] for name, value in sent["fields"]],
        **{name: None if text is None else redaction.masked_except_links(str(text)) for name, text in texts.items()},
        "text_cut": int(sent.get("text_cut", 0)),
        "html_cut": int(sent.get("html_cut", 0)),
        "attachments": [
            {"name": str(name), "type": str(kind), "size": int(size)} for name, kind, size in sent["attachments"]
        ],
        "attachments_left_out": int(sent.get("attachments_left_out", 0)),
        "place": str(sent["place"]),
        "began_s": int(sent["began_us"]) / 1_000_000,
        "duration_s": int(sent["took_us"]) / 1_000_000,
    }


def masked_url(url: str, redaction: Redaction) -> str:
    """Return a URL with a mask in the place of each secret parameter."""
    return redaction.masked(masked_call(url, redaction.names))


def masked_text(text: str, redaction: Redaction) -> str:
    """Return a text with its secrets masked, those in the URLs that it holds too."""
    return redaction.masked(_URL.sub(lambda found: masked_url(found[0], redaction), text))
