"""Apply ``Forwarded``, ``X-Forwarded-*`` and ``X-Real-IP`` of trusted proxies, and drop these fields of other peers.

Pure: no socket, no clock. The values have their CGI names (RFC 3875), as in the environ. Runs in a request's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from .served_hosts.hosts import host_name, is_host
from .served_hosts.workspace_hosts import WorkspaceHosts

if TYPE_CHECKING:
    from collections.abc import Callable


class TrustedProxies:
    """The peers whose ``Forwarded``, ``X-Forwarded-*`` and ``X-Real-IP`` fields are believed.

    Those fields of other peers never reach the environ: an application would believe them.

    Args:
        networks: addresses or networks as text; ``*`` trusts everybody.
        forwarded: the names by which the workspace's own proxy forwards; no field of it is believed.
    """

    def __init__(self, networks: tuple[str, ...] = (), forwarded: WorkspaceHosts | None = None) -> None:
        self._forwarded = forwarded or WorkspaceHosts()
        self._any = "*" in networks
        self._contains: Callable[[str], bool] | None = None
        named = [network for network in networks if network != "*"]
        if named:
            self._contains = _network_test(named)

    def apply(self, environ: dict[str, Any], forwarded: dict[str, str]) -> None:
        """Put a trusted peer's claims about its client into the environ: address, scheme, host, prefix."""
        if not self.trusts(environ["REMOTE_ADDR"]):
            if self._forwarded.scheme_of(host_name(environ.get("HTTP_HOST", ""))) == "https":
                _set_scheme(environ, "https")
            return
        environ.update(forwarded)
        claims = _forwarded(forwarded["HTTP_FORWARDED"]) if "HTTP_FORWARDED" in forwarded else {}
        chain = forwarded.get("HTTP_X_FORWARDED_FOR") or forwarded.get("HTTP_X_REAL_IP", "")
        address = self._client(claims.get("for") or _split(chain))
        if address:
            environ["REMOTE_ADDR"] = address
            environ["REMOTE_PORT"] = ""
        _set_scheme(environ, _last(claims.get("proto") or _split(forwarded.get("HTTP_X_FORWARDED_PROTO", ""))).lower())
        host = _last(claims.get("host") or _split(forwarded.get("HTTP_X_FORWARDED_HOST", "")))
        if is_host(host):
            environ["HTTP_HOST"] = host
        port = _last(_split(forwarded.get("HTTP_X_FORWARDED_PORT", "")))
        if port.isascii() and port.isdigit():
            environ["SERVER_PORT"] = port
        prefix = _last(_split(forwarded.get("HTTP_X_FORWARDED_PREFIX", ""))).rstrip("/")
        if prefix.startswith("/") and not prefix.startswith("//"):
            environ["SCRIPT_NAME"] = unquote_to_bytes(prefix.encode("latin-1")).decode("latin-1")

    def trusts(self, address: str) -> bool:
        """Whether a peer is believed."""
        return self._any or (self._contains is not None and self._contains(address))

    def _client(self, chain: list[str]) -> str:
        """Return the nearest hop that is not a trusted proxy: hops before it may be forged by the client."""
        for hop in reversed(chain):
            address = _address(hop)
            if not address:
                return ""
            if not self.trusts(address):
                return address
        return _address(chain[0]) if chain else ""


def _set_scheme(environ: dict[str, Any], scheme: str) -> None:
    if scheme in {"http", "https"}:
        environ["wsgi.url_scheme"] = scheme
        if scheme == "https":
            environ["HTTPS"] = "on"
        else:
            environ.pop("HTTPS", None)


def _network_test(names: list[str]) -> Callable[[str], bool]:
    import ipaddress  # noqa: PLC0415 (4 ms at the start, which only a trusted proxy needs)

    networks = [ipaddress.ip_network(name, strict=False) for name in names]

    def contains(address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network or parsed in network for network in networks)

    return contains


def _split(value: str) -> list[str]:
    return [item.strip(" \t") for item in value.split(",") if item.strip(" \t")]


def _last(values: list[str]) -> str:
    # The nearest proxy appends its value, or replaces all: so the last value is the nearest proxy's.
    return values[-1] if values else ""


def _forwarded(value: str) -> dict[str, list[str]]:
    """Parse RFC 7239, 4: elements by comma, pairs by semicolon. No proxy sends either in a quoted string."""
    claims: dict[str, list[str]] = {}
    for element in _split(value):
        for pair in element.split(";"):
            name, _, text = pair.strip(" \t").partition("=")
            claims.setdefault(name.lower(), []).append(text.strip('"'))
    return claims


def _address(hop: str) -> str:
    """Return the address in ``address``, ``address:port`` or ``[address]:port``; "" for "unknown" and hidden names."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    good = all(letter in "0123456789abcdefABCDEF:." for letter in hop)
    return hop if good else ""
