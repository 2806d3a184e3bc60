"""Decide who may see and use what is below ``/__appliance__/``: one pure decision for each request.

Theory of operation. The pages show source code, values and logs, and can run commands; a foreign site, a rebound name,
a frame, or another machine must not reach them through the developer's browser or past it.

- **Host.** A loopback name or address, or the host of PUBLIC_URL, needs nothing more where the client is this machine
  (``local``). Everything else needs the token: a name can be rebound, and a client can send any Host.
- **Token.** New at each start, 256 random bits. It is printed in the log as a URL to open. Opening it sets a cookie
  (HttpOnly, SameSite=Strict) and leads to the same page without it, so that the address bar and Referer do not hold it.
- **Fetch Metadata** (W3C). A request that another site starts is refused, except for a navigation by GET to a page: a
  link in a chat works. A frame, an image, a script or a fetch of another site does not.
- **Changes.** POST alone, from our own origin by ``Origin`` and ``Sec-Fetch-Site``, with the page's value in a field or
  header: an HMAC of the token, which only a page of ours holds.

There is no CORS field at all: no other origin reads anything. ``FIELDS`` go on each response.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.server.browser.own_paths import PREFIX
from appliance.server.http.served_hosts.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

COOKIE = "appliance_token_"  # and the port: cookies are shared by all ports of a host
PARAMETER = "token"
PAGE_VALUE_FIELD = "X-Appliance-Page"
_SAFE = frozenset({"GET", "HEAD"})
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]@/?#\s]+)(?::(?P<port>[0-9]{1,5}))?")
_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
_OPEN_LOGGED_URL = "Open the URL with the token that the log shows at the start (event pages.started)."
_FROM_HERE = frozenset({"same-origin", "none"})  # "none": typed, a bookmark, or a program of the desktop

# 'self' for scripts means below /__appliance__/ alone: this policy is applied there, and the project can't.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
FIELDS = (
    ("Content-Security-Policy", POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
)


@dataclass(frozen=True)
class PageRequest:
    """The facts of a request that the decision depends on.

    Attributes:
        method: as sent.
        scheme: "http" or "https".
        fields: lower-case names to values.
        token: the value of the query's parameter; "" without.
        page_value: what a form field or ``X-Appliance-Page`` holds; "" without.
        local: the client is this machine.
    """

    method: str
    scheme: str
    fields: Mapping[str, str]
    token: str = ""
    page_value: str = ""
    local: bool = False


@dataclass(frozen=True)
class Allowed:
    """Answer the request.

    ``cookie``: the request came with the token in its URL: set this cookie (RFC 6265), and lead the browser to the same
    URL without the token.
    """

    cookie: str = ""


@dataclass(frozen=True)
class AccessDenied:
    """Do not answer the request. ``reason`` names no secret; ``action`` is what the person can do."""

    status: int
    reason: str
    action: str


class AccessPolicy:
    """The decision, for one start of the appliance.

    Args:
        token: the secret of this start.
        public_url: the setting; "" without.
    """

    def __init__(self, token: str, public_url: str = "") -> None:
        self._token = token
        scheme, _, rest = public_url.partition("://")
        self._public = (scheme.lower(), _normal(rest.partition("/")[0], scheme.lower())) if rest else None
        self.page_value = hmac.new(token.encode(), b"page", hashlib.sha256).hexdigest()

    def decide(self, asked: PageRequest) -> Allowed | AccessDenied:
        """Allow or refuse one request."""
        fields = asked.fields
        host = _normal(fields.get("host", ""), asked.scheme)
        if host is None:
            return AccessDenied(400, "the request names no host", "Send a Host field.")
        foreign = _foreign(asked)
        if foreign is not None:
            return foreign
        opens = asked.method == "GET" and _navigates(fields) and _same(asked.token, self._token)
        if not (opens or self._has_cookie(fields, host[1]) or (asked.local and self._is_own_host(host))):
            return AccessDenied(403, *self._unknown(host))
        if asked.method in _SAFE:
            return Allowed(self._cookie(asked.scheme, host[1]) if opens else "")
        return self._change(asked, host)

    def _change(self, asked: PageRequest, host: tuple[str, int]) -> Allowed | AccessDenied:
        if asked.method != "POST":
            return AccessDenied(405, f"{asked.method[:20]} is not used here", "Use GET, HEAD or POST.")
        if not self._has_origin(asked, host):
            return AccessDenied(403, "another origin sent this request", "Use the page of the appliance itself.")
        if asked.fields.get("sec-fetch-site") != "same-origin":
            return AccessDenied(403, "the request does not come from a page of the appliance", "Use a current browser.")
        if not _same(asked.page_value, self.page_value):
            return AccessDenied(
                403, "the page is of an earlier start of the appliance", "Reload the page, and try again."
            )
        return Allowed()

    def is_same_origin(self, asked: PageRequest) -> bool:
        """Whether a page of this origin sent the request, and the host is this machine's own."""
        host = _normal(asked.fields.get("host", ""), asked.scheme)
        return host is not None and self._is_own_host(host) and self._has_origin(asked, host)

    def _has_origin(self, asked: PageRequest, host: tuple[str, int]) -> bool:
        scheme, _, rest = asked.fields.get("origin", "").partition("://")
        return (scheme, _normal(rest, scheme)) in ((asked.scheme, host), self._public)

    def _has_cookie(self, fields: Mapping[str, str], port: int) -> bool:
        pairs = (pair.strip().partition("=") for pair in fields.get("cookie", "").split(";"))
        return any(name == f"{COOKIE}{port}" and _same(value, self._token) for name, _, value in pairs)

    def _cookie(self, scheme: str, port: int) -> str:
        secure = "; Secure" if scheme == "https" else ""
        return f"{COOKIE}{port}={self._token}; Path={PREFIX}; HttpOnly; SameSite=Strict{secure}"

    def _is_own_host(self, host: tuple[str, int]) -> bool:
        return is_loopback(host[0]) or (self._public is not None and host == self._public[1])

    def _unknown(self, host: tuple[str, int]) -> tuple[str, str]:
        if self._is_own_host(host):
            return ("the request comes from another machine", _OPEN_LOGGED_URL)
        return (f"the host {host[0][:100]!r} is not this machine's own", _OPEN_LOGGED_URL)


def _foreign(asked: PageRequest) -> AccessDenied | None:
    """Return the refusal of a request that another site started, or shows in a frame; None if nothing says so."""
    fields = asked.fields
    if fields.get("sec-fetch-dest") in _FRAMES:
        return AccessDenied(403, "a page of the appliance is not shown in a frame", "Open it in a tab of its own.")
    is_link = asked.method == "GET" and _navigates(fields)
    if fields.get("sec-fetch-site", "none") not in _FROM_HERE and not is_link:
        return AccessDenied(403, "another site sent this request", "Open the page in a tab of its own.")
    return None


def _navigates(fields: Mapping[str, str]) -> bool:
    """Whether a person opens a page; a program that sends no Fetch Metadata counts as a person."""
    return fields.get("sec-fetch-mode", "navigate") == "navigate"


def _normal(host: str, scheme: str) -> tuple[str, int] | None:
    """Return the name and the port of a Host field: two spellings of one host are equal. None if it is malformed."""
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    default = 443 if scheme == "https" else 80
    return match["name"].lower().rstrip("."), int(match["port"] or default)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
