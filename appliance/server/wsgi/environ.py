"""Make the WSGI environ of a head (PEP 3333), and apply what trusted proxies claim. Pure: no socket, no clock.

The process's environment is not in the environ: it would hand its secrets to every error page. Runs in the thread of
its request.

Keys beyond PEP 3333: ``wsgi.input_terminated`` (the input ends by itself), ``REQUEST_URI`` and ``RAW_URI`` (the target
as sent), ``REMOTE_PORT``, ``appliance.request_id``; over TLS ``HTTPS``; for an offer to upgrade, ``werkzeug.socket``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from ..http.head import PROTOCOLS
from ..http.hosts import host_name, is_host
from ..http.response.file_wrapper import FileWrapper
from ..http.workspace_hosts import WorkspaceHosts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.head import Head

Environ = dict[str, Any]


class Environs:
    """Makes the environs of one connection's requests.

    The keys that all of them share are put together once, and so are those that requests with the same fields share.
    """

    __slots__ = ("_common", "_head", "_same", "_template", "_values")

    def __init__(self, base: Environ, client: Any, *, scheme: str, multithread: bool) -> None:
        host, port = client[:2] if isinstance(client, tuple) and len(client) > 1 else ("", 0)
        self._common: Environ = {
            **base,
            "REMOTE_ADDR": host,
            "REMOTE_PORT": str(port),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.multithread": multithread,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
        }
        if scheme == "https":
            self._common["HTTPS"] = "on"  # mod_ssl's name for it, which older applications look at
        self._values: dict[str, str] | None = None
        self._template: Environ
        self._head: Head | None = None
        self._same: Environ | None = None

    def make(self, head: Head) -> Environ:
        """Return the environ of one request, without its streams."""
        if head is not self._head:
            self._head, self._same = head, None
            return self._made(head)
        if self._same is None:
            self._same = self._made(head)
        return self._same.copy()

    def _made(self, head: Head) -> Environ:
        values = head.values
        if values is not self._values:
            self._template = {**self._common, **values, "SERVER_PROTOCOL": PROTOCOLS[head.minor]}
            self._values = values
        environ = self._template.copy()
        path = head.path
        environ["REQUEST_METHOD"] = head.method
        environ["PATH_INFO"] = unquote_to_bytes(path.encode("latin-1")).decode("latin-1") if "%" in path else path
        environ["QUERY_STRING"] = head.query
        environ["REQUEST_URI"] = environ["RAW_URI"] = head.target
        return environ


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

    def apply(self, environ: Environ, forwarded: dict[str, str]) -> None:
        """Put into the environ what a trusted peer claims about its client: address, scheme, host, prefix."""
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


def _set_scheme(environ: Environ, scheme: str) -> None:
    if scheme in {"http", "https"}:
        environ["wsgi.url_scheme"] = scheme
        if scheme == "https":
            environ["HTTPS"] = "on"
        else:
            environ.pop("HTTPS", None)


def _network_test(names: list[str]) -> Callable[[str], bool]:
    import ipaddress  # noqa: PLC0415 (4 ms at start, for the few who name a proxy)

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
    """Parse RFC 7239, 4: elements by comma, pairs by semicolon. Quoted strings with either in them do not occur."""
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
