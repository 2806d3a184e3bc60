"""Check whether there is a network and whether an index answers, because the installer takes long to find out."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT_S = 2.0
_ROUTES = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_PORTS = {"https": 443, "http": 80, "socks5": 1080, "socks5h": 1080}


def network_is_there(routes: Sequence[Path] = _ROUTES) -> bool:
    """Whether any interface except the loopback has a route; True if the kernel does not say."""
    for file in routes:
        try:
            lines = file.read_text("ascii", "replace").splitlines()
        except OSError:
            return True
        # A line of /proc/net/route begins with the interface, below a heading; a line of ipv6_route ends with it.
        names = (
            {line.split()[0] for line in lines[1:]} if file.name == "route" else {line.split()[-1] for line in lines}
        )
        if names - {"lo"}:
            return True
    return False


def answers(url: str, values: Mapping[str, str], within_s: float = TIMEOUT_S) -> bool:
    """Whether the host of this URL, or the proxy, accepts a connection; True if the URL needs no network."""
    proxy = next((values[name] for name in _PROXIES if values.get(name)), "")
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 443)
    except ValueError:
        return True
    if not parts.hostname or parts.scheme == "file":
        return True
    connected: list[bool] = []

    def connect() -> None:
        try:
            socket.create_connection((parts.hostname, port), timeout=within_s).close()
        except OSError:
            connected.append(False)
        else:
            connected.append(True)

    # In a thread: a DNS query has no timeout parameter, and the resolver's default is 10 s or more.
    thread = threading.Thread(target=connect, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):  # the limit of processes is reached: the installer finds out more slowly
        return True
    thread.join(within_s)
    return connected == [True]
