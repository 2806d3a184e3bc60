"""Show the HTML of a mail as a page of its own: without scripts, without forms, without content of other servers.

It is the project's, and stands under the appliance's origin: the policy gives it an origin that nothing else has (CSP
Level 3, ``sandbox``). Its links can be followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.standin.page_responses import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def mail_page(found: dict[str, Any] | None, position: int, start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the HTML of a mail of this request, the first of which has position 1."""
    mails = ((found or {}).get("details") or {}).get("mail", ())
    html = mails[position - 1]["html"] if 1 <= position <= len(mails) else None
    if html is None:
        return answer(start, "404 Not Found", "text/plain; charset=utf-8", b"There is no such mail with HTML.\n")
    content = html.encode("utf-8", "replace")
    return answer(start, "200 OK", "text/html; charset=utf-8", content, ("Content-Security-Policy", _POLICY))
