"""Check a Host field's grammar (RFC 3986, 3.2.2), and whether this host is served.

The list of allowed hosts protects from DNS rebinding: another site's page, whose name resolves to this machine, could
otherwise read what the project serves. The caller passes the additional names; this module knows no settings. The check
runs in each process that has the server (worker, stand-in, library), once for each new host.

The grammar allows hosts that no resolvable name or address has: sub-delims (some readers take "a,b" for two hosts), and
addresses of future IP versions. Such a host is well-formed, but is served only if it is allowed by name.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from .host_rules import is_local_name
from .workspace_hosts import WorkspaceHosts

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST = re.compile(
    r"(?P<name>(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
    r"|\[(?P<v6>[0-9A-Fa-f:.]+)(?:%25[A-Za-z0-9\-._~]+)?\]"
    r"|\[[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\])"
    r"(?::0*(?P<port>[0-9]{0,5}))?"
)
_LOOPBACK = re.compile(r"127(?:\.(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[(?:::1|(?:0{1,4}:){7}0{0,3}1)\]")
_UNRESOLVED = re.compile(r"[!$&'()*+,;=]|\[v")  # characters that no resolvable name or address has
_PORT_MAX = 65_535
_MAX_REMEMBERED = 64  # hosts to remember: a client may invent any number of names that are served


def is_host(text: str) -> bool:
    """Whether the text is ``host`` or ``host:port``. An empty host is not valid in HTTP (RFC 9110, 4.2.1)."""
    match = _HOST.fullmatch(text)
    if match is None or int(match["port"] or 0) > _PORT_MAX:
        return False
    return match["v6"] is None or _is_ipv6(match["v6"])


def _is_ipv6(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        return False
    return True


def host_name(host: str) -> str:
    """Return the host of ``host:port``, in lower case, without the trailing dot."""
    match = _HOST.fullmatch(host)
    name = match["name"] if match else host
    return name.lower().rstrip(".")


def is_loopback(name: str) -> bool:
    """Whether a host's name is this machine's by definition (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _LOOPBACK.fullmatch(name) is not None


class AllowedHosts:
    """The names that are served: those that can't be another site's, and the additional ones.

    ``host_rules`` has the names that are always allowed, with the reason for each.

    Args:
        names: additional names; ``.example.test`` or ``*.example.test`` also allows sub-domains; ``*`` allows all.
        forwarded: the names by which the workspace's own proxy forwards.

    Attributes:
        served: values of Host fields that were allowed; nearly all requests name the same one, and asking costs 1.3 µs.
    """

    def __init__(self, names: Iterable[str] = (), forwarded: WorkspaceHosts | None = None) -> None:
        self._forwarded = forwarded or WorkspaceHosts()
        lowered = [name.strip().lower().rstrip(".") for name in names]
        self._any = "*" in lowered
        self._exact = frozenset(name for name in lowered if not name.startswith((".", "*.")))
        self._below = tuple(name.lstrip("*") for name in lowered if name.startswith((".", "*.")))
        self.served: set[str] = set()

    def __call__(self, host: str) -> bool:
        """Whether to serve a Host field's value, with or without a port."""
        allowed = host in self.served or self._allows(host_name(host))
        if allowed and len(self.served) < _MAX_REMEMBERED:
            self.served.add(host)
        return allowed

    def _allows(self, name: str) -> bool:
        if self._any or name in self._exact:
            return True
        return _UNRESOLVED.search(name) is None and (
            name.endswith(self._below)
            or name in {below[1:] for below in self._below}
            or is_local_name(name)
            or self._forwarded.scheme_of(name) != ""
        )
