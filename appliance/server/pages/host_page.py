"""The page for a request that names a host which is not served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..http.refusal import Page, phrase
from .error_page import preferred_format, response
from .tracebacks import shorten

if TYPE_CHECKING:
    from ..http.refusal import HostRefused

_MAX_HOST = 253  # characters of a name (RFC 1035, 2.3.4)
_LEAD = (
    "The appliance serves only hosts that it knows. Otherwise a page of another site could read your project, through "
    "a name that leads to this machine (DNS rebinding)."
)


def host_page(refusal: HostRefused, accept: str) -> Page | None:
    """Return the page as HTML or JSON; None for a client that prefers text."""
    if preferred_format(accept) == "text":
        return None
    fields, content = response(described(refusal), accept)
    return Page(phrase(refusal.status), fields[0][1], content, tuple(fields[1:]))


def described(refusal: HostRefused) -> dict[str, Any]:
    """Return the page as ``error_page`` renders it."""
    host = shorten(refusal.host, _MAX_HOST)
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return {
        "status": refusal.status,
        "error": "host.refused",
        "title": f"The host {host} is not served here",
        "lead": _LEAD,
        "action": f"If it is yours, allow it and start again: `APPLIANCE_ALLOWED_HOSTS={name}`",
    }
