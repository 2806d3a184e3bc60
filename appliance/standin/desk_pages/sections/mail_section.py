"""The mail of a request: what was kept or sent, with its texts; attachments by name and size."""

from __future__ import annotations

from typing import Any

from appliance.server.browser.own_paths import PREFIX
from appliance.standin.desk_pages.shown_values import size, text

_RESULTS = {
    "kept": "Kept, and not sent: APPLIANCE_MAIL=send sends mail.",
    "handed over": "Handed over to the server.",
    "failed": "Not sent: handing it over has failed.",
}


def mail_count(found: dict[str, Any]) -> int:
    """Return how many mails there were, those that are not kept too."""
    details = found["details"] or {}
    return len(details.get("mail", ())) + int(details.get("mail_left_out", 0))


def mail_section(found: dict[str, Any]) -> str:
    """Return the mails in their order."""
    details = found["details"] or {}
    mails = details.get("mail", ())
    if not mails:
        return "<p>No mail was recorded.</p>"
    left_out = f"<p>{details['mail_left_out']} more are not kept.</p>" if details["mail_left_out"] else ""
    own = f"{PREFIX}/requests/{found['id']}/mail"
    return "".join(_mail(each, f"{own}/{place}") for place, each in enumerate(mails, 1)) + left_out


def _mail(each: dict[str, Any], page: str) -> str:
    more = each["to_count"] - len(each["to"])
    sent_to = ", ".join(each["to"]) + (f" and {more} more" if more else "")
    facts = [
        ("Result", _RESULTS.get(each["result"], each["result"])), ("Server", each["server"]), ("Error", each["error"]),
        ("Sent by", each["from"]), ("Sent to", sent_to), *each["fields"], ("Line", each["place"]),
    ]  # fmt: skip
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in facts if value)
    attached = "".join(
        f"<li>{text(one['name'] or 'without a name')}, {text(one['type'])}, {size(one['size'])}</li>"
        for one in each["attachments"]
    )
    if each["attachments_left_out"]:
        attached += f"<li>{each['attachments_left_out']} more</li>"
    attachments = f"<h4>Attachments</h4><ul>{attached}</ul>" if attached else ""
    body = _text("Text", each["text"], each["text_cut"]) + _text("HTML", each["html"], each["html_cut"])
    shown = f'<p><a href="{page}" target="_blank">The HTML as a page</a></p>' if each["html"] is not None else ""
    return f"<h3>{text(each['subject'] or 'No subject')}</h3><dl>{rows}</dl>{attachments}{shown}{body}"


def _text(label: str, content: str | None, cut: int) -> str:
    if content is None:
        return ""
    note = f"<p>{cut} more characters</p>" if cut else ""
    shown = f'<pre tabindex="0" role="region" aria-label="{label} of the mail">{text(content)}</pre>'
    return f"<h4>{label}</h4>{shown}{note}"
