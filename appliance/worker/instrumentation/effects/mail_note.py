"""Describe a mail for the page of its request: addresses, subject, texts up to a limit, attachments by name and size.

Runs in the thread that sends the mail, after it was sent or kept.
"""

from __future__ import annotations

from typing import Any

from ....protocol.request_details import MAIL_ADDRESSES_MAX, MAIL_ATTACHMENTS_MAX, MAIL_LINE_MAX, MAIL_TEXT_MAX

_FIELDS = ("From", "To", "Cc", "Reply-To", "Date", "Message-ID")
_PARSED_MAX = 8 * 1024 * 1024  # bytes; of a larger mail the beginning is read

Note = dict[str, Any]


def envelope(sender: object, recipients: Any) -> Note:
    """Return who sends to whom, as the server is told it: blind copies are among them."""
    given = [recipients] if isinstance(recipients, str) else list(recipients)
    return {
        "from": str(sender)[:MAIL_LINE_MAX],
        "to": [str(each)[:MAIL_LINE_MAX] for each in given[:MAIL_ADDRESSES_MAX]],
        "to_count": len(given),
    }


def of_bytes(message: bytes | str) -> Note:
    """Return the content of a message; of one that can't be read, its beginning as text."""
    # The project has imported it with smtplib.
    from email import message_from_bytes, policy  # noqa: PLC0415

    raw = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else bytes(message)
    note: Note = {"size": len(raw)}
    try:
        parsed = message_from_bytes(raw[:_PARSED_MAX], policy=policy.default)
        note["subject"] = str(parsed["Subject"] or "")[:MAIL_LINE_MAX]
        found = [(name, str(parsed[name])[:MAIL_LINE_MAX]) for name in _FIELDS if parsed[name]]
        note["fields"] = [list(pair) for pair in found]
        texts, attachments = _parts(parsed)
    except Exception:  # noqa: BLE001  whatever the project has put together: the server gets it, too
        note.setdefault("subject", "")
        note["fields"], texts, attachments = [], {"text": raw[:MAIL_TEXT_MAX].decode("utf-8", "replace")}, []
    return note | bounded(texts, attachments)


def _parts(parsed: Any) -> tuple[dict[str, str], list[list[Any]]]:
    """Return the first text of each kind, and all other parts as attachments."""
    texts: dict[str, str] = {}
    attachments: list[list[Any]] = []
    for part in parsed.walk():
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), part.get_filename()
        field = {"text/plain": "text", "text/html": "html"}.get(kind, "")
        if field and field not in texts and not name and part.get_content_disposition() != "attachment":
            texts[field] = str(part.get_content()).replace("\r\n", "\n")
        else:
            attachments.append([str(name or ""), kind, len(part.get_payload(decode=True) or b"")])
    return texts, attachments


def bounded(texts: dict[str, str], attachments: list[list[Any]]) -> Note:
    """Return texts and attachments up to their limits, with the numbers that were left out."""
    found: Note = {"attachments": [[str(name)[:MAIL_LINE_MAX], kind, size] for name, kind, size in attachments]}
    if left_out := found["attachments"][MAIL_ATTACHMENTS_MAX:]:
        found["attachments_left_out"] = len(left_out)
        del found["attachments"][MAIL_ATTACHMENTS_MAX:]
    for field, text in texts.items():
        found[field] = text[:MAIL_TEXT_MAX]
        if len(text) > MAIL_TEXT_MAX:
            found[f"{field}_cut"] = len(text) - MAIL_TEXT_MAX
    return found


def of_django(message: Any) -> Note:
    """Return the content of a message of Django, without making its text: that would choose a Message-ID."""
    subtype = "html" if getattr(message, "content_subtype", "plain") == "html" else "text"
    texts = {subtype: str(message.body)}
    attachments: list[list[Any]] = []
    for content, kind in getattr(message, "alternatives", None) or ():
        if kind == "text/html" and "html" not in texts:
            texts["html"] = str(content)
        else:
            attachments.append(["", str(kind), len(content)])
    for each in message.attachments:
        if isinstance(each, tuple):
            name, content, kind = each
            attachments.append([name or "", str(kind or ""), len(content or b"")])
        else:
            payload = each.get_payload(decode=True) or b""
            attachments.append([each.get_filename() or "", each.get_content_type(), len(payload)])
    fields = [["From", message.from_email], ["To", ", ".join(message.to)], ["Cc", ", ".join(message.cc)]]
    shown = [[name, str(value)[:MAIL_LINE_MAX]] for name, value in fields if value]
    note = {"subject": str(message.subject)[:MAIL_LINE_MAX], "fields": shown}
    return envelope(message.from_email, message.recipients()) | note | bounded(texts, attachments)
