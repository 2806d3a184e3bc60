"""The summary, for a log line, of a request whose head was not parsed: it was refused, or its worker has died.

``server/http/head`` is the one parser of requests that are served; it refuses whatever can be read in two ways. A log
line is needed for those requests too, so this module describes a head and judges nothing: no application and no
framing ever depends on it. It stands in ``protocol`` because the worker uses it for what it refuses, and the supervisor
for what a dead worker has left, and neither imports the other.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_VERSION = re.compile(r"HTTP/[0-9]\.[0-9]")
_AUTHORITY = re.compile(r"^(?i:https?)://[^/?#]*")
_USER_AGENT = re.compile(r"\r\nuser-agent:[ \t]*([^\r\n]*)\r\n", re.IGNORECASE)


class RequestSummary(NamedTuple):
    """Parts of a request line, and a field; None for each that is missing."""

    method: str | None = None
    path: str | None = None
    query: str | None = None
    version: str | None = None
    user_agent: str | None = None


def of_line(line: str) -> RequestSummary:
    """Describe a request line; each part is None where the line is not a method, a target and a version."""
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/"):
        return RequestSummary()
    path, _, query = _without_user(parts[1]).partition("?")
    return RequestSummary(parts[0], path, query, parts[2][5:])


def of_head(head: bytes) -> RequestSummary:
    """Describe the beginning of a head that was parsed, as much of it as was kept: it may be cut at any byte.

    The path of an absolute-form has neither scheme nor authority, as that of a request whose worker lives.
    """
    text = head.decode("latin-1")
    line, _, _ = text.partition("\r\n")
    method, space, rest = line.partition(" ")
    if not method or not space:
        return RequestSummary()
    target, _, version = rest.partition(" ")
    path, _, query = _AUTHORITY.sub("", target, count=1).partition("?")
    agent = _USER_AGENT.search(text + "\r\n")
    return RequestSummary(
        method,
        path if path or target == path else "/",
        query,
        version[5:] if _VERSION.fullmatch(version) else None,
        agent[1] if agent else None,
    )


def _without_user(target: str) -> str:
    """A URL without its user info, which is often a password (RFC 9110, 4.2.4), and for which it was refused."""
    scheme, found, rest = target.partition("://")
    authority, slash, tail = rest.partition("/")
    if not found or "@" not in authority:
        return target
    return f"{scheme}://REDACTED@{authority.rpartition('@')[2]}{slash}{tail}"
