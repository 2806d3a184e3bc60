"""Decide which requests are an assistant's: one pure decision for each.

A client without the token gets nothing, from wherever it comes. A program sends no Origin. A browser sends one: then
the host must be this machine's own, and the page must be of the same origin. So a name that was rebound reaches
nothing, even with the token (MCP, "Streamable HTTP", security warning).
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from appliance.standin.access_policy import AccessDenied

if TYPE_CHECKING:
    from appliance.standin.access_policy import AccessPolicy, PageRequest

_SCHEME = "bearer "


def refusal(asked: PageRequest, token: str, policy: AccessPolicy) -> AccessDenied | None:
    """Return why an assistant's request is not answered; None if it is.

    Args:
        asked: the facts of the request.
        token: what an assistant must send.
        policy: knows the hosts that are this machine's own.
    """
    fields = asked.fields
    is_foreign = fields.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    if is_foreign or ("origin" in fields and not policy.is_same_origin(asked)):
        return AccessDenied(403, "another origin sent this request", "Let a program ask, not a page of a browser.")
    given = fields.get("authorization", "")
    bearer = given[len(_SCHEME) :].strip() if given[: len(_SCHEME)].lower() == _SCHEME else ""
    if not hmac.compare_digest(bearer.encode("utf-8", "replace"), token.encode()):
        return AccessDenied(
            401, "the request has no token", "Run `appliance mcp --print-config http`, and use what it prints."
        )
    return None
